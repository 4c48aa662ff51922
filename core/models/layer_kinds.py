"""The layers of a network that is written as text, and the numbers that each takes.

To add one: its line in KINDS, its output in network_layers.py, its module in build_network.py.
"""

from dataclasses import dataclass

LARGEST_NUMBER = 10**9


@dataclass(frozen=True)
class Number:
    """One number of a layer, from `least` to less than `below`."""

    name: str
    least: float = 1
    below: float = LARGEST_NUMBER
    whole: bool = True
    default: float | None = None  # of an option; None where the number must be given


@dataclass(frozen=True)
class Kind:
    """A kind of layer: its title, what it computes, and what may follow its name in a text:
    numbers in order, then options by their names."""

    title: str
    does: str
    numbers: tuple[Number, ...] = ()
    options: tuple[Number, ...] = ()
    optional: bool = False  # the numbers may be left out
    example: str = ""


WINDOW = (Number("size"),)
KINDS = {
    "crop": Kind("Crop", "Cuts a margin off each side.", (Number("margin"),), example="crop 2"),
    "conv": Kind(
        "Conv",
        "Each channel slides its small kernels over the image and adds up.",
        (Number("channels"), Number("kernel size")),
        (Number("stride", default=1), Number("pad", least=0, default=0)),
        example="conv 32 3",
    ),
    "linear": Kind(
        "Linear",
        "Each unit adds up all inputs, each times its weight, and a bias.",
        (Number("outputs"),),
        optional=True,
        example="linear 128",
    ),
    "maxpool": Kind(
        "MaxPool", "Keeps the largest value of each small square.", WINDOW, example="maxpool 2"
    ),
    "avgpool": Kind("AvgPool", "Keeps the mean of each small square.", WINDOW, example="avgpool 2"),
    "batchnorm": Kind(
        "BatchNorm",
        "Shifts and scales each channel to mean 0 and standard deviation 1 over the batch, then by "
        "two trained numbers.",
    ),
    "dropout": Kind(
        "Dropout",
        "During training, sets a random share of values to 0.",
        (Number("share", 0, 1, whole=False),),
        example="dropout 0.5",
    ),
    "flatten": Kind("Flatten", "Puts all values in one row."),
    "relu": Kind("ReLU", "Keeps positive values and sets negative ones to 0."),
    "gelu": Kind("GELU", "Like relu, with a smooth bend at 0."),
    "tanh": Kind("Tanh", "Maps values smoothly to between -1 and 1."),
    "sigmoid": Kind("Sigmoid", "Maps values smoothly to between 0 and 1."),
    "leakyrelu": Kind("LeakyReLU", "Like relu, but keeps a hundredth of negative values."),
    "silu": Kind("SiLU", "Multiplies each value by its sigmoid: like relu, with a smooth bend."),
}
WEIGHTED = ("conv", "linear", "batchnorm")  # layers with parameters


def linear_text(inputs: int, outputs: int) -> str:
    """Return a linear layer in words, as screens show it."""
    return f"Linear {inputs}→{outputs}"


def conv_text(inputs: int, outputs: int, size: str, stride: str = "1") -> str:
    """Return a convolution in words; `size` is that of its kernel, such as "3×3"."""
    return f"Conv {inputs}→{outputs}, {size}" + (f", stride {stride}" if stride != "1" else "")
