"""The learner on the CPU, and as a captured CUDA graph where there is a GPU."""

import pytest
import torch

from core.compute.candidates import list_choices
from core.models.networks import resolve_network
from core.training.learner import Learner
from tests.support.training import default_route

CPU = torch.device("cpu")


def make(tiny, tiny_tensors, device=CPU, precision="fp32", **settings):
    config = tiny(**settings)
    return Learner(config, default_route(config, device, precision), tiny_tensors, device)


def losses(learner, epochs=2, rate=0.01):
    return [
        learner.step(images, labels, rate).item()
        for epoch in range(epochs)
        for images, labels in learner.batches(epoch, 0)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_bf16_learns_with_fp32_weights(tiny, tiny_tensors, seed):
    """Over ten seeds the losses differ by 0.017 on average at most, single ones by up to 0.16."""
    exact = losses(make(tiny, tiny_tensors, arch="quick", seed=seed), epochs=4)
    learner = make(tiny, tiny_tensors, arch="quick", precision="bf16", seed=seed)
    rounded = losses(learner, epochs=4)
    assert rounded != exact
    differences = [abs(one - other) for one, other in zip(exact, rounded, strict=True)]
    assert sum(differences) / len(differences) < 0.03
    assert rounded[-1] == pytest.approx(exact[-1], abs=0.001)
    assert {each.dtype for each in learner.parameters.values()} == {torch.float32}


def test_label_smoothing_matches_cross_entropy(tiny, tiny_tensors):
    learner = make(tiny, tiny_tensors, label_smoothing=0.2)
    images, labels = next(learner.batches(0, 0))
    logits = learner.model(images)
    expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.2)
    assert torch.equal(learner.loss(images, labels), expected)


def test_shift_moves_training_images_only(tiny, tiny_tensors):
    plain, moved = (make(tiny, tiny_tensors, shift=shift) for shift in (0, 3))
    (images, labels), (others, same) = next(plain.batches(0, 0)), next(moved.batches(0, 0))
    assert torch.equal(labels, same)
    assert images.shape == others.shape
    assert not torch.equal(images, others)
    assert torch.equal(plain.test_images, moved.test_images)
    again, _ = next(make(tiny, tiny_tensors, shift=3).batches(0, 0))
    assert torch.equal(again, others)


def test_loaded_state_continues_identically(tiny, tiny_tensors):
    one = make(tiny, tiny_tensors, arch="mlp")
    losses(one)
    state = {name: each.clone() for name, each in one.state().items()}
    ahead = losses(one, epochs=1)
    other = make(tiny, tiny_tensors, arch="mlp", seed=77)
    losses(other, epochs=1)
    other.config = one.config  # the seed gives the order too
    other.load_state(state)
    assert losses(other, epochs=1) == ahead


def test_cpu_captures_no_graph(tiny, tiny_tensors):
    learner = make(tiny, tiny_tensors)
    assert learner.capture() is None
    assert learner.captured is None


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("arch", ["linear", "mlp", "quick", "convnet"])
def test_captured_step_equals_plain_step(tiny, tiny_tensors, arch, optimizer, precision):
    """Batches of 30 leave a last one of 20, which the graph does not take."""
    device = torch.device("cuda:0")
    settings = {"arch": arch, "optimizer": optimizer, "batch_size": 30, "shift": 1}
    one, other = (make(tiny, tiny_tensors, device, precision, **settings) for _ in range(2))
    before = {name: each.clone() for name, each in other.state().items()}
    assert other.capture() is None
    assert other.captured is not None
    after = other.state()
    assert all(torch.equal(before[name], after[name]) for name in before)
    for rate in (0.01, 0.002):
        assert losses(one, rate=rate) == losses(other, rate=rate)
    ends = one.state(), other.state()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in before)


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_channels_last_capture_equals_plain_step(tiny, tiny_tensors, precision):
    device = torch.device("cuda:0")
    parts = {"precision": precision, "layout": "channels-last"}
    route = list_choices(resolve_network("quick"), device, "auto").complete(parts)
    one, other = (Learner(tiny(arch="quick"), route, tiny_tensors, device) for _ in range(2))
    assert other.capture() is None
    assert losses(one) == losses(other)


@pytest.mark.gpu
@gpu
def test_failed_capture_runs_plain_steps(tiny, tiny_tensors, monkeypatch):
    def broken(*arguments, **more):
        raise RuntimeError("capture is not possible here")

    learner = make(tiny, tiny_tensors, torch.device("cuda:0"))
    monkeypatch.setattr(torch.cuda, "graph", broken)
    assert learner.capture() == "capture is not possible here"
    assert learner.captured is None
    assert losses(learner)
