"""The built-in networks. To add one: its entry in ARCHITECTURES.

Each is a text as network_text.py reads it, so that state dicts have the keys of the article's
classes; `linear` alone has keys of its own, see build_network.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CUSTOM = "custom"  # the name of all other networks


@dataclass(frozen=True)
class Architecture:
    name: str
    text: str
    # By dataset, 0 to 1; other datasets have not been measured.
    typical_accuracy: Mapping[str, float]
    description: str


# MNIST's ink is in the middle 20×20 of the image, so a margin can be cropped. Pooling before the
# normalization or activation leaves a quarter of it to do. The average at the end of `tiny` leaves
# one number a channel: a linear layer of 140 weights instead of 560.
CNN = (
    "conv 32 3 pad 1, relu, conv 64 2 stride 2 pad 2, relu, conv 64 2 pad 1, relu, maxpool 2, "
    "flatten, linear 1024, relu, linear"
)
QUICK = (
    "crop 2, conv 16 5 stride 2, relu, conv 32 3, maxpool 2, relu, flatten, linear 128, relu, "
    "linear"
)
TINY = (
    "crop 2, conv 8 5 stride 2, batchnorm, relu, conv 12 3, batchnorm, relu, maxpool 2, conv 14 3, "
    "batchnorm, relu, avgpool 2, flatten, linear"
)
CONVNET = (
    "crop 2, conv 32 5, maxpool 2, batchnorm, relu, conv 64 3, batchnorm, relu, conv 64 3, "
    "maxpool 2, batchnorm, relu, flatten, linear 128, relu, linear"
)

# Typical accuracies are those of runs with the default settings: of `sample` means of three seeds,
# on 10,000 training images of MNIST that are not in it; of `mnist` on its test images, those of
# `convnet` and `tiny` on the last 10,000 training images.
ARCHITECTURES = {
    each.name: each
    for each in (  # name, text, typical accuracies, description
        Architecture(
            "linear",
            "linear",
            {"mnist": 0.92, "sample": 0.89},
            "one layer, 784→10: learns in seconds, about 92%",
        ),
        Architecture(
            "mlp",
            "linear 512, relu, linear 512, relu, linear",
            {"mnist": 0.97, "sample": 0.92},
            "three layers, 784→512→512→10: about 97%",
        ),
        Architecture(
            "cnn",
            CNN,
            {"mnist": 0.99, "sample": 0.97},
            "three convolutions and two layers: about 99%",
        ),
        Architecture(
            "quick",
            QUICK,
            {"mnist": 0.99, "sample": 0.97},
            "two small convolutions: about 99% in seconds",
        ),
        Architecture(
            "tiny",
            TINY,
            {"mnist": 0.99, "sample": 0.95},
            "three small convolutions: about 99%",
        ),
        Architecture(
            "convnet",
            CONVNET,
            {"mnist": 0.99, "sample": 0.98},
            "convolutions, batch normalization: about 99%",
        ),
    )
}


def text_of(spec: str) -> str:
    """Return the text of a network that a config or a header names, by name or as text."""
    known = ARCHITECTURES.get(spec)
    return known.text if known else spec
