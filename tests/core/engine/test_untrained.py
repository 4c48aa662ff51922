"""The predictions of the network that the next run starts from."""

from dataclasses import replace

import pytest
import torch

from core.commands import PredictUntrained
from core.data import datasets, download
from core.engine.requests import handle_request
from core.engine.untrained import load_untrained
from core.events import Notice
from core.models.architectures import ARCHITECTURES
from core.models.inference import predict_digits
from core.training.learner import Learner

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
    learner = Learner(config, "fp32", tiny_tensors, CPU)
    images, labels = tiny_tensors.test_images, tiny_tensors.test_labels
    expected = predict_digits(learner.model, images, labels, (3, 0))
    assert [digit.index for digit in event.digits] == [3, 0]
    for digit, other in zip(event.digits, expected, strict=True):
        assert (digit.pixels, digit.label) == (other.pixels, other.label)
        assert digit.logits == pytest.approx(other.logits, abs=1e-5)
    assert (event.arch, event.seed, event.dataset) == (arch, 5, config.dataset)
    assert event.labels == bytes(labels.tolist())
    for name, weight in load_untrained(arch, 5).named_parameters():
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
    broken = replace(ARCHITECTURES["linear"], build=lambda: 1 / 0)
    monkeypatch.setitem(ARCHITECTURES, "linear", broken)
    load_untrained.cache_clear()
    notice, event = handle_request(PredictUntrained(tiny(), (0,)))
    assert isinstance(notice, Notice)
    assert "untrained network linear: division by zero" in notice.message
    assert event.digits == ()
