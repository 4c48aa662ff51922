"""The responses to requests about a network's layers: their shapes, weights and outputs."""

import math
from dataclasses import dataclass

from core.class_names import DIGITS
from core.digit import Digit
from core.events import Event

FP32_BYTES = 4


@dataclass(frozen=True)
class Layer:
    """A layer of a network. Output and operations are for one image, bytes for fp32."""

    name: str  # the prefix of its parameters' names in a state dict: stack.0
    what: str  # its kind and sizes: Linear 784→512
    shape: tuple[int, ...]  # of its output
    parameters: int
    multiply_adds: int  # of a forward pass; 0 without weights
    parameter_bytes: int
    output_bytes: int
    module: str = ""  # as PyTorch prints it: Conv2d(1, 32, kernel_size=(3, 3), …)

    @property
    def kind(self) -> str:
        return self.what.split()[0]

    @property
    def bytes(self) -> int:
        return self.parameter_bytes + self.output_bytes


class NetworkDescribed(Event, name="network_described", recorded=False):
    """The response to DescribeNetwork: the shape of the input, and the layers in order."""

    arch: str  # a name or a text, as in DescribeNetwork
    input: tuple[int, ...]
    layers: tuple[Layer, ...]
    classes: int = len(DIGITS)


@dataclass(frozen=True)
class LayerNorms:
    """Euclidean norms over all parameters of a layer. `gradient` is the newest step's, None before
    the first; `update` is of that step's change, None if it was not requested in time."""

    name: str
    weight: float
    gradient: float | None
    update: float | None


@dataclass(frozen=True)
class DeadUnits:
    """How many of a ReLU's units (features or channels) are 0 for every image of a sample."""

    name: str
    dead: int
    units: int


@dataclass(frozen=True)
class WeightImages:
    """The weights of each unit of a layer, of a convolution those of each output channel, as images
    of width × height bytes: 128 is 0, and 1 and 255 are minus and plus `largest`, which few weights
    exceed."""

    name: str
    images: tuple[bytes, ...]  # of the units from `first` on
    count: int  # of all units
    width: int
    height: int
    largest: float
    first: int = 0
    biases: tuple[float, ...] = ()  # of the same units as the images; empty without a bias


@dataclass(frozen=True)
class LayerOutput:
    """A layer's output for one image, shape (units,) or (channels, height, width): bytes as those
    of WeightImages, from the unit or channel `first` on."""

    name: str
    shape: tuple[int, ...]
    first: int
    values: bytes
    largest: float

    @property
    def unit_size(self) -> int:
        """The bytes of one unit or channel."""
        return math.prod(self.shape[1:])

    def value(self, unit: int) -> float | None:
        """Return the value of a unit of a vector; None where it is not known."""
        place = unit - self.first
        known = len(self.shape) == 1 and 0 <= place < len(self.values)
        return (self.values[place] - 128) / 127 * self.largest if known else None


# The layer name of the network's input, in Inspect and LayerOutput.
INPUT_LAYER = "input"
# The layer name of a network that has parameters outside of its layers.
WHOLE = "network"


class NetworkInspected(Event, name="network_inspected", recorded=False, serializable=False):
    """The response to Inspect and its like. `weights` and `output` are those of the layer that was
    asked for; None where it has none that can be drawn, and without images on this machine.

    `source` is the checkpoint's path, or UNTRAINED; None for the network in training.
    """

    step: int
    layers: tuple[LayerNorms, ...]
    relus: tuple[DeadUnits, ...]
    tried: int  # the images in the sample for dead units
    weights: WeightImages | None
    seconds: float  # that training waited for this response
    output: LayerOutput | None = None
    digit: Digit | None = None  # the image of `output`, with the network's prediction
    samples: int = 0  # in the test set
    layer: str = ""  # that was asked for
    arch: str = ""
    source: str | None = None
    classes: int = len(DIGITS)  # of its dataset


UNTRAINED = "untrained"  # the network that the next run starts from
