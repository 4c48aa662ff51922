"""Events that respond to a request: predictions, checkpoints, layers and devices.

No torch here. Annotations are types and not strings, as in core/events.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.class_names import DIGITS, unpack_labels
from core.digit import Digit as Digit
from core.events import Event


class Predicted(Event, name="predicted", recorded=False, serializable=False):
    """The response to Predict and OpenCheckpoint. `source` is the checkpoint's path; None for the
    network in training."""

    digits: tuple[Digit, ...]
    samples: int  # in the test set
    step: int
    source: str | None = None
    seconds: float = 0.0  # that training waited for this response
    asker: int = 0  # as in Predict


class UntrainedPredicted(Event, recorded=False, serializable=False):
    """The response to PredictUntrained. `dataset` is the one of `digits`: that of the config, or
    one that is on this machine in its place; empty where there is none, and so no digits."""

    arch: str
    seed: int
    dataset: str = ""
    digits: tuple[Digit, ...] = ()
    labels: bytes = b""  # of all test images, as pack_labels returns them
    class_names: tuple[str, ...] = DIGITS


class ImagesPredicted(Event, name="images_predicted", recorded=False, serializable=False):
    """The response to PredictImages and PredictImagesWith: a Digit without a label for each image.
    `source` as in Predicted."""

    digits: tuple[Digit, ...]
    step: int
    source: str | None = None
    asker: int = 0


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption of images, its strength, and the seed of its random numbers; see
    core/data/corruptions.py."""

    kind: str
    strength: float
    seed: int = 0


class CheckpointScored(Event, name="checkpoint_scored", recorded=False, serializable=False):
    """The response to ScoreCheckpoint, over the test set. `logits` are float32 (N, classes), in
    native byte order; `images` 784 bytes each, `labels` as `pack_labels` returns them. `unlike` is
    one byte for each image, 1 where it is unlike any digit; empty where that is not known.
    `corruption` is that of the images."""

    path: str
    arch: str
    dataset: str
    test_loss: float
    test_accuracy: float  # 0 to 1
    confusion: tuple[tuple[int, ...], ...]
    logits: bytes
    labels: bytes
    images: bytes = field(repr=False)
    unlike: bytes = field(default=b"", repr=False)
    corruption: Corruption | None = None
    class_names: tuple[str, ...] = DIGITS

    @property
    def classes(self) -> Sequence[int]:
        """The true class of each image."""
        return unpack_labels(self.labels, len(self.class_names))


@dataclass(frozen=True)
class CorruptionScore:
    """A network's predictions for test images with a corruption; None: for the images as they are.

    `counts` are the images of each class, `correct` how many of them are predicted correctly,
    `mistakes` the most confident of the others.
    """

    corruption: Corruption | None
    counts: tuple[int, ...] = ()
    correct: tuple[int, ...] = ()
    mistakes: tuple[Digit, ...] = field(default=(), repr=False)

    @property
    def samples(self) -> int:
        return sum(self.counts)

    @property
    def accuracy(self) -> float | None:
        """The share of correct predictions, 0 to 1; None before the first."""
        return sum(self.correct) / self.samples if self.samples else None

    @property
    def class_accuracy(self) -> tuple[float | None, ...]:
        """The accuracy of each class; None for a class without images."""
        pairs = zip(self.correct, self.counts, strict=True)
        return tuple(correct / count if count else None for correct, count in pairs)


class CorruptionsScored(Event, recorded=False, serializable=False):
    """The responses to ScoreCorruptions: the scores so far, that of the images as they are first.

    `done` is how much of the work that is, 0 to 1; the last response has 1.
    """

    path: str
    arch: str
    dataset: str
    epoch: int
    step: int
    samples: int  # in the test set
    class_names: tuple[str, ...]
    scores: tuple[CorruptionScore, ...] = field(repr=False)
    done: float


class CheckpointRefused(Event, name="checkpoint_refused", recorded=False):
    """The response to a request about a checkpoint file that cannot be read."""

    path: str
    message: str


@dataclass(frozen=True, kw_only=True)
class DeviceChoice:
    name: str
    description: str
    available: bool
    reason: str | None


class DevicesListed(Event, name="devices_listed", recorded=False):
    devices: tuple[DeviceChoice, ...]


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
