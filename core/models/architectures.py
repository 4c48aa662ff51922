"""The networks. To add one: a function that builds it, and its line in ARCHITECTURES.

torch is imported where a network is built and not at the top, so that listing the names needs no
torch. Parts are named so that state dicts have the keys of the article's classes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """`build` returns a network that maps scaled images (N, 1, 28, 28) to logits (N, 10)."""

    name: str
    build: Callable[[], nn.Module]
    parameters: int
    # By dataset, 0 to 1; of a dataset that is not named nobody has measured it.
    typical_accuracy: Mapping[str, float]
    description: str
    gains_from_bf16: bool = False  # trains faster in bf16, as networks with convolutions do
    layers: str = ""  # in at most 20 characters, to stand beside the name


def linear() -> nn.Module:
    from torch import nn

    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), fc1=nn.Linear(784, 10)))


def mlp() -> nn.Module:
    from torch import nn

    stack = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), stack=stack))


def cnn() -> nn.Module:
    from torch import nn

    stack = nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3, stride=1, padding=1),  # (N, 32, 28, 28)
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=2, stride=2, padding=2),  # (N, 64, 16, 16)
        nn.ReLU(),
        nn.Conv2d(64, 64, kernel_size=2, stride=1, padding=1),  # (N, 64, 17, 17)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 64, 8, 8)
        nn.Flatten(),
        nn.Linear(4096, 1024),
        nn.ReLU(),
        nn.Linear(1024, 10),
    )
    return nn.Sequential(OrderedDict(stack=stack))


def quick() -> nn.Module:
    from torch import nn

    stack = nn.Sequential(
        nn.ZeroPad2d(-2),  # off with the margin: MNIST's ink is in the middle 20×20
        nn.Conv2d(1, 16, kernel_size=5, stride=2),  # (N, 16, 10, 10)
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=3),  # (N, 32, 8, 8)
        nn.MaxPool2d(2),  # before the ReLU, which then has a quarter to do
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    return nn.Sequential(OrderedDict(stack=stack))


def tiny() -> nn.Module:
    from torch import nn

    stack = nn.Sequential(
        nn.ZeroPad2d(-2),
        nn.Conv2d(1, 8, kernel_size=5, stride=2),  # (N, 8, 10, 10)
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 12, kernel_size=3),  # (N, 12, 8, 8)
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 14, kernel_size=3),  # (N, 14, 2, 2)
        nn.BatchNorm2d(14),
        nn.ReLU(),
        nn.AvgPool2d(2),  # one number a channel: a Linear of 140 weights instead of 560
        nn.Flatten(),
        nn.Linear(14, 10),
    )
    return nn.Sequential(OrderedDict(stack=stack))


def convnet() -> nn.Module:
    from torch import nn

    stack = nn.Sequential(
        nn.ZeroPad2d(-2),
        nn.Conv2d(1, 32, kernel_size=5),  # (N, 32, 20, 20)
        nn.MaxPool2d(2),  # before what follows, which then has a quarter to do
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=3),  # (N, 64, 8, 8)
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Conv2d(64, 64, kernel_size=3),  # (N, 64, 6, 6)
        nn.MaxPool2d(2),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(576, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    return nn.Sequential(OrderedDict(stack=stack))


def build_untrained(arch: str, seed: int) -> nn.Module:
    """Return the network of that name with the weights that a run with this seed starts from.

    They are drawn on the CPU, so that a seed gives the same on every device; PyTorch's random
    numbers continue from there.
    """
    import torch

    torch.manual_seed(seed)
    return ARCHITECTURES[arch].build()


# Typical accuracies are those of runs with the default settings: of `sample` means of three seeds,
# on 10,000 training images of MNIST that are not in it; of `mnist` on its test images, those of
# `convnet` and `tiny` on the last 10,000 training images.
ARCHITECTURES = {
    each.name: each
    for each in (  # name, function, parameters, typical accuracies, description
        Architecture(
            "linear",
            linear,
            7_850,
            {"mnist": 0.92, "sample": 0.89},
            "one layer, 784→10: learns in seconds, about 92%",
            layers="784→10",
        ),
        Architecture(
            "mlp",
            mlp,
            669_706,
            {"mnist": 0.97, "sample": 0.92},
            "three layers, 784→512→512→10: about 97%",
            layers="784→512→512→10",
        ),
        Architecture(
            "cnn",
            cnn,
            4_230_602,
            {"mnist": 0.99, "sample": 0.97},
            "three convolutions and two layers: about 99%",
            gains_from_bf16=True,
            layers="3 conv + 2 linear",
        ),
        Architecture(
            "quick",
            quick,
            72_010,
            {"mnist": 0.99, "sample": 0.97},
            "two small convolutions: about 99% in seconds",
            gains_from_bf16=True,
            layers="2 conv + 2 linear",
        ),
        Architecture(
            "tiny",
            tiny,
            2_828,
            {"mnist": 0.99, "sample": 0.95},
            "three small convolutions: about 99%",
            layers="3 conv + 1 linear",
        ),
        Architecture(
            "convnet",
            convnet,
            131_722,
            {"mnist": 0.99, "sample": 0.98},
            "convolutions, batch normalization: about 99%",
            gains_from_bf16=True,
            layers="3 conv + 2 linear",
        ),
    )
}
