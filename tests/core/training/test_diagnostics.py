"""The diagnostics of a network that trains, which leave its results unchanged."""

import math
from pathlib import Path

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.commands import Inspect, Pause, Resume
from core.events import Evaluated, Paused, Progress, Resumed
from core.responses.layers import NetworkInspected
from core.training import loop
from core.training.diagnostics import TRIED, copy_weights, inspect
from core.training.learner import Learner
from tests.support.training import default_route, drive, only

CPU = torch.device("cpu")


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)


@pytest.mark.parametrize("arch", ["mlp", "quick", "tiny"])
def test_inspection_leaves_results_unchanged(tiny, every_step, arch):
    plain = drive(tiny(arch=arch))
    orders = {3: [Inspect()], 7: [Pause()], Paused: [Inspect(), Resume()], Evaluated: [Inspect()]}
    looked = drive(tiny(arch=arch), orders)
    # At a step it is of the next one; while paused, of the newest one. The last is unrequested.
    inspected = only(looked, NetworkInspected)
    assert [event.step for event in inspected] == [4, 7, 11, 20]
    assert all(layer.gradient > 0 for layer in inspected[-1].layers)
    assert inspected[-1].weights is None
    one, other = (checkpoints.load(Path(events[-1].checkpoint))[1] for events in (plain, looked))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [e.loss for e in only(plain, Progress)] == [e.loss for e in only(looked, Progress)]


def test_layer_norms_add_up_to_gradient_norm(tiny, every_step):
    events = drive(tiny(arch="mlp"), {5: [Inspect()]})
    inspected, _ = only(events, NetworkInspected)
    (progress,) = [event for event in only(events, Progress) if event.step == inspected.step]
    assert [layer.name for layer in inspected.layers] == ["stack.0", "stack.2", "stack.4"]
    whole = math.hypot(*(layer.gradient for layer in inspected.layers))
    assert whole == pytest.approx(progress.gradient_norm, rel=1e-5)
    assert [(relu.name, relu.units) for relu in inspected.relus] == [
        ("stack.1", 512),
        ("stack.3", 512),
    ]
    assert 0 < inspected.seconds < 5


def test_inspection_while_paused_has_no_update(tiny, every_step):
    orders = {5: [Inspect(), Pause()], Paused: [Inspect(), Resume()]}
    events = drive(tiny(), orders)
    start, end = (events.index(only(events, kind)[0]) for kind in (Paused, Resumed))
    inspected = only(events[start:end], NetworkInspected)
    # One requested before the pause, one during it.
    assert [event.step for event in inspected] == [5, 5]
    assert {layer.update for event in inspected for layer in event.layers} == {None}
    assert all(layer.gradient > 0 for event in inspected for layer in event.layers)
    assert len(only(events[end:], NetworkInspected)) == 1, "the last step's gradients"


def test_update_norm_is_weight_change(tiny, tiny_tensors):
    config = tiny(arch="mlp")
    learner = Learner(config, default_route(config), tiny_tensors, CPU)
    images, labels = next(learner.batches(0, 0))
    assert [layer.gradient for layer in inspect(learner, 0, tiny_tensors, Inspect()).layers] == [
        None
    ] * 3
    old = {name: each.detach().clone() for name, each in learner.parameters.items()}
    before = copy_weights(learner, Inspect())
    learner.step(images, labels, 0.01)
    inspected = inspect(learner, 1, tiny_tensors, Inspect(), before)
    assert inspected.tried == min(TRIED, len(tiny_tensors.test_labels))
    for layer in inspected.layers:
        parts = [name for name in old if name.startswith(f"{layer.name}.")]
        new = torch.cat([learner.parameters[name].detach().flatten() for name in parts])
        was = torch.cat([old[name].flatten() for name in parts])
        assert layer.weight == pytest.approx(float(new.norm()), rel=1e-4)
        assert layer.update == pytest.approx(float((new - was).norm()), rel=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_captured_step_is_inspected_equally(tiny, tiny_tensors):
    config, gpu = tiny(arch="quick"), torch.device("cuda:0")
    one, other = (Learner(config, default_route(config, gpu), tiny_tensors, gpu) for _ in range(2))
    assert other.capture() is None
    inspected = []
    for learner in (one, other):
        images, labels = next(learner.batches(0, 0))
        before = copy_weights(learner, Inspect())
        learner.step(images, labels, 0.01)
        inspected.append(inspect(learner, 1, tiny_tensors, Inspect(), before))
    assert all(layer.update > 0 for layer in inspected[0].layers)
    assert inspected[0].layers == inspected[1].layers
    assert inspected[0].relus == inspected[1].relus
    assert inspected[0].weights == inspected[1].weights


def test_digit_and_layer_are_inspected_during_training(tiny, every_step):
    """The layer, the digit and the unit are those of the request."""
    wanted = Inspect("stack.2", index=7, unit=100)
    inspected, _ = only(drive(tiny(arch="mlp"), {5: [wanted]}), NetworkInspected)
    assert (inspected.layer, inspected.weights.name, inspected.output.name) == ("stack.2",) * 3
    assert (inspected.digit.index, inspected.digit.label, inspected.samples) == (7, 7, 50)
    assert inspected.weights.first <= 100 < inspected.weights.first + len(inspected.weights.images)
    assert inspected.output.shape == (512,)
    for index in (-5, 10**9):  # a viewer can send anything
        wild, _ = only(drive(tiny(), {5: [Inspect("none", index, index)]}), NetworkInspected)
        assert (wild.weights, wild.output) == (None, None)
        assert wild.digit.index in (0, 49)


@pytest.mark.parametrize(
    ("arch", "rate", "least", "most"),
    [("linear 16, relu, linear", 10.0, 0.9, 1.0), ("linear 16, relu, linear", 1e-4, 0.0, 0.8)],
)
def test_run_ends_with_its_share_of_dead_units(tiny, arch, rate, least, most):
    finished = drive(tiny(arch=arch, learning_rate=rate))[-1]
    assert least <= finished.dead_units <= most


def test_network_without_relu_has_no_dead_units(tiny):
    assert drive(tiny(arch="linear"))[-1].dead_units is None
