"""The network that the next run starts from, and networks in checkpoints: predictions, layers."""

from dataclasses import replace

import pytest
import torch

from core.commands import Inspect, InspectCheckpoint, InspectUntrained, PredictUntrained
from core.data import datasets, download
from core.engine.requests import handle_request
from core.engine.untrained import load_untrained
from core.events import Notice
from core.models.inference import predict_digits
from core.models.networks import resolve_network
from core.responses.layers import INPUT_LAYER, UNTRAINED
from core.responses.predictions import CheckpointRefused
from core.training.learner import Learner
from tests.support.training import default_route, drive

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    monkeypatch.setattr(download, "fetch_file", lambda *_: pytest.fail("a download"))


@pytest.mark.parametrize("arch", ["linear", "quick"])
def test_untrained_predictions_are_of_the_first_weights(tiny, tiny_tensors, arch):
    """They are those of the run before its first step, and cost no random numbers."""
    config = replace(tiny(arch=arch, seed=5))
    state = torch.get_rng_state()
    (event,) = handle_request(PredictUntrained(config, (3, 0)))
    assert torch.equal(torch.get_rng_state(), state)
    learner = Learner(config, default_route(config), tiny_tensors, CPU)
    images, labels = tiny_tensors.test_images, tiny_tensors.test_labels
    expected = predict_digits(learner.model, images, labels, (3, 0))
    assert [digit.index for digit in event.digits] == [3, 0]
    for digit, other in zip(event.digits, expected, strict=True):
        assert (digit.pixels, digit.label) == (other.pixels, other.label)
        assert digit.logits == pytest.approx(other.logits, abs=1e-5)
    assert (event.arch, event.seed, event.dataset) == (arch, 5, config.dataset)
    assert event.labels == bytes(labels.tolist())
    for name, weight in load_untrained(resolve_network(arch), 5).named_parameters():
        assert torch.equal(weight, learner.parameters[name])


def test_missing_dataset_is_replaced_by_the_sample(tmp_path, tiny):
    config = replace(tiny(), dataset="mnist", data=str(tmp_path / "none"))
    (event,) = handle_request(PredictUntrained(config, (0,)))
    assert (event.dataset, len(event.digits), len(event.labels)) == ("sample", 1, 50)
    assert not (tmp_path / "none").exists()


def test_no_dataset_at_hand_is_no_error(tmp_path, tiny, monkeypatch):
    absent = replace(datasets.DATASETS["sample"], missing=lambda data: "it is missing")
    monkeypatch.setitem(datasets.DATASETS, "sample", absent)
    config = replace(tiny(), dataset="auto", data=str(tmp_path))
    (event,) = handle_request(PredictUntrained(config, (0,)))
    assert (event.dataset, event.digits, event.labels) == ("", (), b"")


def test_failure_is_reported_with_an_answer(tiny, monkeypatch):
    monkeypatch.setattr("core.models.networks.Network.build", lambda self: 1 / 0)
    load_untrained.cache_clear()
    notice, event = handle_request(PredictUntrained(tiny(), (0,)))
    assert isinstance(notice, Notice)
    assert "untrained network linear: division by zero" in notice.message
    assert event.digits == ()


def test_untrained_network_is_inspected(tiny, monkeypatch):
    wanted = Inspect("fc1", index=4)
    (event,) = handle_request(InspectUntrained(tiny(seed=5), wanted))
    weight = load_untrained(resolve_network("linear"), 5).get_parameter("fc1.weight")
    place = int(weight[0].argmax())
    assert max(event.weights.images[0]) == event.weights.images[0][place]
    assert (event.source, event.arch, event.step) == (UNTRAINED, "linear", 0)
    assert (event.digit.label, event.output.shape) == (4, (10,))
    assert event.layers[0].gradient is None
    monkeypatch.setattr("core.engine.untrained.load_local", lambda name, data: None)
    (event,) = handle_request(InspectUntrained(tiny(), wanted))
    assert (event.digit, event.output, event.samples) == (None, None, 0)
    assert event.weights.count == 10


def test_checkpoint_is_inspected(tiny, tmp_path):
    finished = drive(tiny(seed=2))[-1]
    request = InspectCheckpoint(finished.checkpoint, Inspect(INPUT_LAYER, 1), None)
    (event,) = handle_request(request)
    assert (event.source, event.arch, event.step) == (finished.checkpoint, "linear", 20)
    assert (event.weights, event.output.shape) == (None, (1, 28, 28))
    assert event.digit.predicted in range(10)
    missing = str(tmp_path / "none.safetensors")
    (refused,) = handle_request(InspectCheckpoint(missing, Inspect(), None))
    assert (type(refused), refused.path) == (CheckpointRefused, missing)
