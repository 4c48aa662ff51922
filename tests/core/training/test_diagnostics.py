"""The diagnostics of a network that trains, which leave its results unchanged."""

import math
from pathlib import Path

import pytest
import torch

from core.checkpoints import io as checkpoints
from core.commands import Inspect, Pause, Resume
from core.events import Evaluated, Paused, Progress, Resumed
from core.responses import NetworkInspected
from core.training import loop
from core.training.diagnostics import TRIED, copy_weights, dead_units, first_weights, inspect
from core.training.learner import Learner
from tests.support.training import drive, only

CPU = torch.device("cpu")


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)


@pytest.mark.parametrize("arch", ["mlp", "quick"])
def test_inspection_leaves_results_unchanged(tiny, every_step, arch):
    plain = drive(tiny(arch=arch))
    orders = {3: [Inspect()], 7: [Pause()], Paused: [Inspect(), Resume()], Evaluated: [Inspect()]}
    looked = drive(tiny(arch=arch), orders)
    # ForwardedCommand at a step, it tells of the next one; while paused, of the one that was.
    assert [event.step for event in only(looked, NetworkInspected)] == [4, 7, 11]
    one, other = (checkpoints.load(Path(events[-1].checkpoint))[1] for events in (plain, looked))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [e.loss for e in only(plain, Progress)] == [e.loss for e in only(looked, Progress)]


def test_layer_norms_add_up_to_gradient_norm(tiny, every_step):
    events = drive(tiny(arch="mlp"), {5: [Inspect()]})
    (inspected,) = only(events, NetworkInspected)
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
    assert not only(events[end:], NetworkInspected)


def test_update_norm_is_weight_change(tiny, tiny_tensors):
    learner = Learner(tiny(arch="mlp"), "fp32", tiny_tensors, CPU)
    images, labels = next(learner.batches(0, 0))
    assert [layer.gradient for layer in inspect(learner, 0).layers] == [None] * 3
    old = {name: each.detach().clone() for name, each in learner.parameters.items()}
    before = copy_weights(learner)
    learner.step(images, labels, 0.01)
    inspected = inspect(learner, 1, before)
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
    one, other = (
        Learner(tiny(arch="quick"), "fp32", tiny_tensors, torch.device("cuda:0")) for _ in range(2)
    )
    assert other.capture() is None
    inspected = []
    for learner in (one, other):
        images, labels = next(learner.batches(0, 0))
        before = copy_weights(learner)
        learner.step(images, labels, 0.01)
        inspected.append(inspect(learner, 1, before))
    assert all(layer.update > 0 for layer in inspected[0].layers)
    assert inspected[0].layers == inspected[1].layers
    assert inspected[0].relus == inspected[1].relus
    assert inspected[0].weights == inspected[1].weights


def test_dead_units_are_counted(tiny, tiny_tensors):
    learner = Learner(tiny(arch="quick"), "fp32", tiny_tensors, CPU)
    parameters = learner.parameters
    with torch.no_grad():
        for name, count in (("stack.1", 3), ("stack.7", 40)):
            # Nothing that these see can be above 0: of a convolution, a channel is the unit.
            parameters[f"{name}.weight"][:count] = 0
            parameters[f"{name}.bias"][:count] = -1
            parameters[f"{name}.bias"][count:] = 100
    relus = {relu.name: relu for relu in dead_units(learner.model, learner.test_images)}
    assert (relus["stack.2"].dead, relus["stack.2"].units) == (3, 16)
    assert (relus["stack.8"].dead, relus["stack.8"].units) == (40, 128)
    assert learner.model.training
    assert not any(module._forward_hooks for module in learner.model.modules())


def test_first_weights_become_images_around_128(tiny, tiny_tensors):
    learner = Learner(tiny(arch="linear"), "fp32", tiny_tensors, CPU)
    weight = learner.parameters["fc1.weight"]
    with torch.no_grad():
        weight.zero_()
        weight[1, 0], weight[1, 29], weight[9, 783] = 0.5, -0.25, -0.5
    shown = first_weights(learner.model)
    assert (shown.name, shown.count, len(shown.images)) == ("fc1", 10, 10)
    assert (shown.width, shown.height, shown.largest) == (28, 28, 0.5)
    assert set(shown.images[0]) == {128}
    assert (shown.images[1][0], shown.images[1][29], shown.images[9][783]) == (255, 64, 1)
    kernels = first_weights(Learner(tiny(arch="cnn"), "fp32", tiny_tensors, CPU).model)
    assert (kernels.count, len(kernels.images[0])) == (32, 9)
    assert 255 in b"".join(kernels.images) or 1 in b"".join(kernels.images)
    many = first_weights(Learner(tiny(arch="mlp"), "fp32", tiny_tensors, CPU).model)
    assert (many.count, len(many.images)) == (512, 64)
