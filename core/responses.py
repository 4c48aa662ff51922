"""Events that respond to a request: predictions, checkpoints, layers and devices. No torch here."""

import math
from dataclasses import dataclass, field

from core.events import Event


@dataclass(frozen=True)
class Digit:
    """One image and what a network makes of it. `pixels` are 784 bytes, row by row, 0 is paper."""

    index: int
    pixels: bytes
    label: int | None
    logits: tuple[float, ...]

    @property
    def predicted(self) -> int:
        return max(range(len(self.logits)), key=self.logits.__getitem__)

    @property
    def right(self) -> bool:
        return self.predicted == self.label

    def probabilities(self, temperature: float = 1.0) -> list[float]:
        """Softmax of logits/temperature: above 1 flattens, below 1 sharpens. All the same where the
        logits are no numbers."""
        if not all(map(math.isfinite, self.logits)):  # of a network that has just diverged
            return [1 / len(self.logits)] * len(self.logits)
        top = max(self.logits)
        exponentials = [math.exp((logit - top) / temperature) for logit in self.logits]
        total = sum(exponentials)
        return [each / total for each in exponentials]


@dataclass(frozen=True, kw_only=True)
class Predicted(Event):
    """The answer to Predict and OpenCheckpoint. `source` is the checkpoint's path, None live."""

    name = "predicted"
    recorded = False
    serializable = False

    digits: tuple[Digit, ...]
    samples: int  # how many test digits there are to choose from
    step: int
    source: str | None = None
    seconds: float = 0.0  # what training waited for the answer
    asker: int = 0  # as in Predict


@dataclass(frozen=True, kw_only=True)
class ImagesPredicted(Event):
    """The answer to PredictImages and PredictImagesWith: a digit for each, without a label.
    `source` is the checkpoint's path, None live."""

    name = "images_predicted"
    recorded = False
    serializable = False

    digits: tuple[Digit, ...]
    step: int
    source: str | None = None
    asker: int = 0


@dataclass(frozen=True, kw_only=True)
class CheckpointScored(Event):
    """The answer to ScoreCheckpoint. `logits` are float32 (N, 10), native bytes; `images` are the
    test digits' 784 bytes each, one after the other; `labels` one byte each."""

    name = "checkpoint_scored"
    recorded = False
    serializable = False

    path: str
    arch: str
    dataset: str
    test_loss: float
    test_accuracy: float  # 0 to 1
    confusion: tuple[tuple[int, ...], ...]
    logits: bytes
    labels: bytes
    images: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CheckpointRefused(Event):
    name = "checkpoint_refused"
    recorded = False

    path: str
    message: str


@dataclass(frozen=True, kw_only=True)
class DeviceChoice:
    name: str
    description: str
    available: bool
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class DevicesListed(Event):
    name = "devices_listed"
    recorded = False

    devices: tuple[DeviceChoice, ...]


@dataclass(frozen=True)
class Layer:
    """A network's layer, in figures for one digit. Bytes are those of fp32."""

    name: str  # what its parameters' names begin with in a state dict: stack.0
    what: str  # in words, its kind first: Linear 784→512
    shape: tuple[int, ...]  # of its output
    parameters: int
    multiply_adds: int  # forward; 0 for those that have no weights
    parameter_bytes: int
    output_bytes: int

    @property
    def kind(self) -> str:
        return self.what.split()[0]

    @property
    def bytes(self) -> int:
        return self.parameter_bytes + self.output_bytes


@dataclass(frozen=True, kw_only=True)
class NetworkDescribed(Event):
    """The answer to DescribeNetwork: what is called one after the other, and what goes in."""

    name = "network_described"
    recorded = False

    arch: str
    input: tuple[int, ...]
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class LayerNorms:
    """Euclidean norms over all parameters of a layer. `gradient` is the last step's, None before
    the first; `update` is of what that step changed, None where nobody watched it."""

    name: str
    weight: float
    gradient: float | None
    update: float | None


@dataclass(frozen=True)
class DeadUnits:
    """How many of a ReLU's units (features, or channels) gave 0 on every digit that was tried."""

    name: str
    dead: int
    units: int


@dataclass(frozen=True)
class WeightImages:
    """The weights of each unit of a Linear layer, or each kernel of a convolution, as images of
    width × height bytes: 128 is 0, and 1 and 255 are minus and plus `largest`."""

    name: str
    images: tuple[bytes, ...]  # the first ones
    count: int  # how many there are
    width: int
    height: int
    largest: float


@dataclass(frozen=True, kw_only=True)
class NetworkInspected(Event):
    """The answer to Inspect. `weights` are None where they make no images."""

    name = "network_inspected"
    recorded = False
    serializable = False

    step: int
    layers: tuple[LayerNorms, ...]
    relus: tuple[DeadUnits, ...]
    tried: int  # the digits that the ReLUs were tried on
    weights: WeightImages | None
    seconds: float  # what training waited for the answer
