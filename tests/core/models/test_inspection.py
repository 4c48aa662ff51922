"""One layer's weights and its output for one image."""

import pytest
import torch
from torch import nn

from core.models.architectures import ARCHITECTURES
from core.models.inspection import (
    MOST_BYTES,
    arrange,
    dead_units,
    first_weighted,
    layer_output,
    pass_image,
    weight_images,
)
from core.models.networks import build_untrained, resolve_network

IMAGE = torch.linspace(-1, 1, 784).view(1, 1, 28, 28)


def weights_of(model, name, unit=0):
    passes, _ = pass_image(model, IMAGE)
    return weight_images(next(each for each in passes if each.name == name), unit)


def test_dead_units_are_counted():
    model = build_untrained(resolve_network("quick"), 0)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, count in (("stack.1", 3), ("stack.7", 40)):
            # Nothing that these see can be above 0: of a convolution, a channel is the unit.
            parameters[f"{name}.weight"][:count] = 0
            parameters[f"{name}.bias"][:count] = -1
            parameters[f"{name}.bias"][count:] = 100
    relus = {relu.name: relu for relu in dead_units(model, IMAGE.repeat(8, 1, 1, 1))}
    assert (relus["stack.2"].dead, relus["stack.2"].units) == (3, 16)
    assert (relus["stack.8"].dead, relus["stack.8"].units) == (40, 128)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_first_weights_become_images_around_128():
    model = build_untrained(resolve_network("linear"), 0)
    weight = model.get_parameter("fc1.weight")
    with torch.no_grad():
        weight.zero_()
        weight[1, 0], weight[1, 29], weight[9, 783] = 0.5, -0.25, -0.5
    shown = weights_of(model, first_weighted(model))
    assert (shown.name, shown.count, len(shown.images)) == ("fc1", 10, 10)
    assert (shown.width, shown.height, shown.largest) == (28, 28, 0.5)
    assert set(shown.images[0]) == {128}
    assert (shown.images[1][0], shown.images[1][29], shown.images[9][783]) == (255, 64, 1)
    assert shown.biases == pytest.approx(model.get_parameter("fc1.bias").tolist())


def test_inputs_lie_as_before_they_were_flattened():
    """64 channels of 8×8 before the first Linear of `cnn` make an image of 8×8 tiles."""
    model = build_untrained(resolve_network("cnn"), 0)
    weight = model.get_parameter("stack.8.weight")
    with torch.no_grad():
        weight.zero_()
        weight[5, 10 * 64 + 2 * 8 + 3] = 1.0  # of channel 10, at row 2 and column 3
    shown = weights_of(model, "stack.8", 5)
    assert (shown.width, shown.height) == (64, 64)
    image = shown.images[5 - shown.first]
    row, column = divmod(image.index(255), 64)
    assert (row, column) == (1 * 8 + 2, 2 * 8 + 3)
    assert weights_of(model, "stack.10").width * weights_of(model, "stack.10").height == 1024


def test_kernels_of_a_channel_are_tiles_of_one_image():
    model = build_untrained(resolve_network("cnn"), 0)
    weight = model.get_parameter("stack.2.weight")  # (64, 32, 2, 2)
    with torch.no_grad():
        weight.zero_()
        weight[3, 9, 1, 0] = -2.0
    shown = weights_of(model, "stack.2")
    assert (shown.count, shown.width, shown.height, shown.largest) == (64, 16, 8, 2.0)
    row, column = divmod(shown.images[3].index(1), 16)
    assert (row, column) == (1 * 2 + 1, 1 * 2 + 0)
    first = weights_of(model, "stack.0")
    assert (first.count, first.width, first.height) == (32, 3, 3)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_layer_can_be_inspected_in_bounds(arch):
    model = build_untrained(resolve_network(arch), 0)
    passes, logits = pass_image(model, IMAGE)
    assert logits == pytest.approx(model.eval()(IMAGE)[0].tolist(), abs=1e-5)
    for each in passes:
        for unit in (0, 40, 10**6):
            output = layer_output(each.name, each.output, unit)
            assert output.shape == tuple(each.output.shape)
            assert len(output.values) <= MOST_BYTES
            weights = weight_images(each, unit)
            if weights is None:
                assert not isinstance(each.module, nn.Linear | nn.Conv2d)
                continue
            assert weights.first <= min(unit, weights.count - 1)
            assert min(unit, weights.count - 1) < weights.first + len(weights.images)
            assert len(weights.images) * len(weights.images[0]) <= MOST_BYTES
            assert len(weights.biases) == len(weights.images)


def test_output_keeps_signs_and_scale():
    output = layer_output("stack.4", torch.tensor([0.0, -3.0, 6.0]), 0)
    assert (output.shape, output.largest) == ((3,), 7.0), "the next round number"
    assert [round(output.value(unit), 1) for unit in range(3)] == [0.0, -3.0, 6.0]
    assert output.value(3) is None
    broken = layer_output("stack.4", torch.tensor([float("nan"), float("inf")]), 0)
    assert broken.largest == 0.0


def test_layers_of_other_shapes_are_inspected():
    """A network that flattens without a layer, without biases, with a vector of weights."""

    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 7, 28, bias=False)
            self.norm = nn.BatchNorm2d(7)
            self.last = nn.Linear(7, 3, bias=False)

        def forward(self, images):
            return self.last(self.norm(self.conv(images)).flatten(1))

    model = Other()
    assert first_weighted(model) == "conv"
    assert weights_of(model, "norm") is None
    shown = weights_of(model, "last")
    assert (shown.count, shown.width * shown.height, shown.biases) == (3, 9, ())
    assert model.norm.num_batches_tracked == 0, "an inspection changes no statistics"


def test_values_are_arranged_near_a_square():
    assert [arrange(count) for count in (1, 10, 32, 64, 512)] == [
        (1, 1), (2, 5), (4, 8), (8, 8), (16, 32),
    ]  # fmt: skip
    assert arrange(7) == (3, 3), "two places stay empty"
