"""The layers of a network that is written as text, and the numbers that each takes.

To add one: its line in KINDS, its output in network_layers.py, its module in build_network.py.
"""

from dataclasses import dataclass

LARGEST_NUMBER = 10**9


@dataclass(frozen=True)
class Number:
    """One number of a layer, with the least and the first too large value it can have."""

    name: str
    least: float = 1
    below: float = LARGEST_NUMBER
    whole: bool = True
    default: float | None = None  # of an option; None where the number must be given


@dataclass(frozen=True)
class Kind:
    """What may follow the name of a layer: numbers in order, then options by their names."""

    numbers: tuple[Number, ...] = ()
    options: tuple[Number, ...] = ()
    optional: bool = False  # the numbers may be left out
    example: str = ""


CONV = Kind(
    (Number("channels"), Number("kernel size")),
    (Number("stride", default=1), Number("pad", least=0, default=0)),
    example="conv 32 3",
)
POOL = (Number("size"),)
KINDS = {
    "crop": Kind((Number("margin"),), example="crop 2"),
    "conv": CONV,
    "linear": Kind((Number("outputs"),), optional=True, example="linear 128"),
    "maxpool": Kind(POOL, example="maxpool 2"),
    "avgpool": Kind(POOL, example="avgpool 2"),
    "batchnorm": Kind(),
    "dropout": Kind((Number("share", 0, 1, whole=False),), example="dropout 0.5"),
    "flatten": Kind(),
    **dict.fromkeys(("relu", "gelu", "tanh", "sigmoid", "leakyrelu", "silu"), Kind()),
}
