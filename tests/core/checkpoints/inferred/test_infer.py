"""Networks that are inferred from the shapes of tensors, with what must be assumed."""

import pytest
import torch
from torch import nn

from core.checkpoints.inferred.infer import infer_networks
from core.checkpoints.inferred.stored_layers import NoChainError


def state_dict(*layers: nn.Module, names: str = "") -> dict:
    """Return that of an nn.Sequential, or of a class with those names."""
    model = nn.Sequential(*layers)
    if names:
        model = nn.Module()
        for name, layer in zip(names.split(), layers, strict=True):
            setattr(model, name, layer)
    return model.state_dict()


def conv(*sizes: int, **options: object) -> nn.Conv2d:
    return nn.Conv2d(*sizes, **options)  # type: ignore[arg-type]


def linear(*sizes: int) -> nn.Linear:
    return nn.Linear(*sizes)


EXAMPLE = [conv(1, 32, 3), conv(32, 64, 3), linear(9216, 128), linear(128, 10)]
LENET = [conv(1, 6, 5), conv(6, 16, 5), linear(400, 120), linear(120, 84), linear(84, 10)]
DEEP = [conv(1, 4, 5), nn.BatchNorm2d(4), conv(4, 8, 5), nn.BatchNorm2d(8), linear(392, 10)]
KERAS = [conv(1, 4, 3), conv(4, 8, 3), conv(8, 8, 3), linear(72, 10)]


@pytest.mark.parametrize(
    ("layers", "names", "text"),
    [
        ([linear(784, 30), linear(30, 12)], "a b", "linear 30, relu, linear"),
        # PyTorch's MNIST example, LeNet-5, and one with padding and normalization.
        (
            EXAMPLE,
            "conv1 conv2 fc1 fc2",
            "conv 32 3, relu, conv 64 3, relu, maxpool 2, flatten, linear 128, relu, linear",
        ),
        (
            LENET,
            "c1 c2 f1 f2 f3",
            "conv 6 5 pad 2, relu, maxpool 2, conv 16 5, relu, maxpool 2, flatten, linear 120, "
            "relu, linear 84, relu, linear",
        ),
        (
            DEEP,
            "c1 b1 c2 b2 fc",
            "conv 4 5 pad 2, batchnorm, relu, maxpool 2, conv 8 5 pad 2, batchnorm, relu, "
            "maxpool 2, flatten, linear",
        ),
    ],
)
def test_usual_networks_are_found(layers, names, text):
    tensors = state_dict(*layers, names=names)
    first, *others = infer_networks(tensors)
    assert first.network.text == text
    assert first.network.classes == layers[-1].out_features
    assert all(first.cost < other.cost for other in others)
    assert list(first.names.values()) == list(tensors), "in the order of the file"
    expected = first.network.build().state_dict()
    assert {ours: expected[ours].shape for ours in first.names} == {
        ours: tensors[theirs].shape for ours, theirs in first.names.items()
    }


def test_several_candidates_are_as_usual():
    """Keras's three convolutions: without padding and two poolings, or padded with three."""
    first, second, *_ = infer_networks(state_dict(*KERAS, names="a b c d"))
    assert first.cost == second.cost
    assert {first.network.text.count("maxpool"), second.network.text.count("maxpool")} == {2, 3}


def test_numbers_of_a_sequential_decide():
    relu, pool = nn.ReLU, lambda: nn.MaxPool2d(2)
    a, b, c, d = KERAS
    tensors = state_dict(a, relu(), pool(), b, relu(), pool(), c, relu(), nn.Flatten(), d)
    first, second, *_ = infer_networks(tensors)
    assert first.cost < second.cost
    assert first.network.text == (
        "conv 4 3, relu, maxpool 2, conv 8 3, relu, maxpool 2, conv 8 3, relu, flatten, linear"
    )
    ours = {name.removeprefix("stack."): theirs for name, theirs in first.names.items()}
    assert all(name == theirs for name, theirs in ours.items())


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([conv(3, 4, 3), linear(2704, 10)], "a.weight takes 3 inputs, and gets 1"),
        ([conv(1, 4, 3, bias=False), linear(2704, 10)], "a.weight has no bias, which a conv has"),
        ([conv(1, 4, (3, 5)), linear(2704, 10)], "a.weight (4×1×3×5) has no square kernel"),
        ([conv(1, 4, 3), linear(100, 10)], "lead to the 5×5 that b.weight takes"),
        ([conv(1, 4, 3), linear(99, 10)], "b.weight takes 99 inputs, which are no square of 4 "),
        ([linear(784, 30), linear(31, 10)], "b.weight takes 31 inputs, and gets 30"),
        ([linear(400, 30), linear(30, 10)], "a.weight takes 400 inputs, and gets 784"),
        ([linear(784, 30), nn.LayerNorm(30)], "b.weight (30) is of no conv, linear or batchnorm"),
        ([nn.LSTM(28, 9), linear(9, 10)], "a.weight_ih_l0 takes 28 inputs"),
        ([conv(1, 4, 3), conv(4, 10, 26)], "the last layer is not a linear"),
        ([linear(784, 30)] * 70, "there are 70 layers, more than 64"),
    ],
)
def test_other_tensors_are_no_chain(layers, why):
    names = "a b" if len(layers) == 2 else " ".join(f"layer{n}" for n in range(len(layers)))
    with pytest.raises(NoChainError) as refused:
        infer_networks(state_dict(*layers, names=names))
    assert why in str(refused.value)


def test_wrong_shapes_beside_a_weight_are_refused():
    tensors = state_dict(linear(784, 10), names="fc")
    for change in ({"fc.bias": torch.zeros(9)}, {"fc.bias": torch.zeros(10, dtype=torch.int32)}):
        with pytest.raises(NoChainError):
            infer_networks(tensors | change)
