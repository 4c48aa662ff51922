"""Units set to 0: the prediction and the test accuracy without them."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from core.compute.cpu_kernels import use_route
from core.compute.routes import Route
from core.errors import UsageError, UserError
from core.explain.subject import copy_network
from core.explain.switched_off import score_without_units, switched_off
from core.models.inference import predict
from core.models.networks import build_untrained, resolve_network
from core.responses.explanations import Unit

NORMALIZED = "conv 6 5 stride 2, maxpool 2, batchnorm, sigmoid, flatten, linear 12, tanh, linear"


def build(text, classes=10):
    """Return a network whose normalizations are not the identity."""
    model = build_untrained(resolve_network(text, classes), 3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.fill_(0.3)
            nn.init.normal_(module.bias)
    return copy_network(model)


def predict_without(model, images, *off):
    with switched_off(model, off):
        return predict(model, images)


@pytest.mark.parametrize(
    ("text", "unit", "following", "weights"),
    [
        ("mlp", Unit("stack.0", 5), "stack.2", slice(5, 6)),
        ("mlp", Unit("stack.1", 5), "stack.2", slice(5, 6)),
        ("cnn", Unit("stack.2", 3), "stack.4", slice(3, 4)),
        ("cnn", Unit("stack.4", 7), "stack.8", slice(7 * 64, 8 * 64)),
        ("convnet", Unit("stack.1", 30), "stack.5", slice(30, 31)),
        (NORMALIZED, Unit("stack.0", 2), "stack.5", slice(2 * 36, 3 * 36)),
        (NORMALIZED, Unit("stack.5", 11), "stack.7", slice(11, 12)),
    ],
)
def test_unit_that_is_off_equals_no_outgoing_weights(tiny_tensors, text, unit, following, weights):
    model, images = build(text), tiny_tensors.test_images[:4]
    before = predict(model, images)
    without = predict_without(model, images, unit)
    assert torch.equal(predict(model, images), before), "the network is as it was"
    assert not any(module._forward_hooks for module in model.modules())
    model.get_parameter(f"{following}.weight").data[:, weights] = 0
    torch.testing.assert_close(without, predict(model, images), atol=1e-6, rtol=1e-5)
    assert not torch.equal(without, before)


def test_skipped_input_stays_where_a_unit_is_off(tiny_tensors):
    images = tiny_tensors.test_images[:4]
    model = build("conv 4 3 pad 1, skip (conv 4 3 pad 1, sigmoid), flatten, linear")
    without = predict_without(model, images, *(Unit("stack.1.0", each) for each in range(4)))
    stack = model.get_submodule("stack")
    straight = nn.Sequential(stack[0], *stack[2:])
    torch.testing.assert_close(without, predict(straight, images))


class OwnNetwork(nn.Module):
    """As code from a file may be: in-place and functional activations, a layer with two outputs,
    one that is used twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 9, 3)
        self.relu = nn.ReLU(inplace=True)
        self.pair = Pair()
        self.twice = nn.Linear(8, 8)
        self.last = nn.Linear(8, 3)

    def forward(self, images):
        values, _ = self.pair(self.relu(self.conv(images)))
        return self.last(self.twice(functional.relu(self.twice(values))))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 4 * 49))

    def forward(self, values):
        return values.flatten(1) @ self.weight.T, values


def test_units_of_own_modules_can_be_off(tiny_tensors):
    images, model = tiny_tensors.test_images[:4], OwnNetwork().eval()
    without = {
        unit: predict_without(model, images, unit)
        for unit in (Unit("conv", 1), Unit("pair", 2), Unit("twice", 3))
    }
    changed = OwnNetwork().eval()

    def check(unit, change):
        changed.load_state_dict(model.state_dict())
        change()
        torch.testing.assert_close(without[unit], predict(changed, images))

    with torch.no_grad():
        check(Unit("conv", 1), lambda: changed.pair.weight[:, 49:98].zero_())
        check(Unit("pair", 2), lambda: changed.pair.weight[2].zero_())
        zero = lambda: (changed.twice.weight[3].zero_(), changed.twice.bias[3].zero_())  # noqa: E731
        check(Unit("twice", 3), zero)


def test_fast_layers_give_the_same_prediction(tiny_tensors):
    model, images = build("cnn"), tiny_tensors.test_images[:4]
    off = Unit("stack.4", 7), Unit("stack.8", 100)
    without = predict_without(model, images, *off)
    fast = use_route(model, Route(layout="channels-last", products="onednn"), torch.device("cpu"))
    torch.testing.assert_close(predict_without(fast, images, *off), without, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        (Unit("stack.1\x1b[2J", 0), r"no layer stack.1\x1b[2J"),
        (Unit("stack.0", 512), "stack.0 has units 0 to 511, and no unit 512"),
        (Unit("stack.0", -1), "no unit -1"),
    ],
)
def test_unknown_units_are_refused(tiny_tensors, unit, message):
    model = build("mlp")
    with pytest.raises(UsageError) as error:
        next(score_without_units(model, (unit,), None))
    assert message in str(error.value)
    assert not any(module._forward_hooks for module in model.modules())


def test_test_accuracy_is_counted_with_and_without(tiny_tensors, monkeypatch):
    monkeypatch.setattr("core.explain.slices.BATCH_WORK", 10**7)  # 8 images
    monkeypatch.setattr("core.explain.slices.SLICE_SECONDS", 0.0)
    model, test = build("mlp"), tiny_tensors
    off, chance = tuple(Unit("stack.2", each) for each in range(400)), torch.get_rng_state()
    *parts, last = score_without_units(model, off, test)
    assert torch.equal(torch.get_rng_state(), chance)
    logits = predict(model, test.test_images), predict_without(model, test.test_images, *off)
    correct = [int((each.argmax(1) == test.test_labels).sum()) for each in logits]
    assert (last.samples, last.done, last.off) == (50, 1.0, off)
    assert [last.correct, last.correct_without] == correct
    assert {each.samples for each in parts} == {0, 8, 16, 24, 32, 40, 48}
    assert all(each.done == each.samples / 50 for each in parts)
    *_, last = score_without_units(model, (), test)
    assert [last.correct, last.correct_without] == [correct[0]] * 2
    with pytest.raises(UserError, match=r"test images .* not on this machine"):
        next(score_without_units(model, off, None))
