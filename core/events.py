"""Everything that a run says. Names are in the past tense where something has happened.

No torch here: a screen folds these, `train --json` prints them, events.jsonl keeps them.
"""

import math
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Event:
    time: float = field(default_factory=time.time)  # unix seconds

    # Its name in `train --json`, in events.jsonl and between processes: fixed, whatever the class
    # is called. Empty for an event that never leaves this process.
    name: ClassVar[str] = ""
    # False: the event is not written to the run's events.jsonl.
    recorded: ClassVar[bool] = True
    # False: the event contains bytes, which plain JSON has no type for.
    serializable: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    name = "run_started"

    run: str
    folder: str
    arch: str
    dataset: str
    device: str
    parameters: int
    epochs: int
    batch_size: int
    steps_per_epoch: int
    total_steps: int
    train_samples: int
    test_samples: int
    threads: int
    config: dict[str, Any]
    precision: str = "fp32"
    step: int = 0  # where it begins: above 0 for a run that was taken up
    ranks: int = 1  # processes that train it together
    branched_from: str | None = None  # the run that this one is a branch of
    branched_at: int = 0  # and the step at which it left that one


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """At most ten a second. `losses` are means over equal stretches since the last one, oldest
    first, for a curve finer than ten points a second. `gradient_norm` is the last step's, over all
    parameters."""

    name = "progress"

    step: int
    epoch: int
    loss: float
    losses: tuple[float, ...]
    learning_rate: float
    samples_per_second: float
    gradient_norm: float | None = None


def equal_parts(count: int, parts: int) -> list[tuple[int, int]]:
    """Split a row of `count` values into equal parts: the start and end of each.

    Progress.losses are the means of these parts of its steps. There are fewer parts where there
    are fewer values.
    """
    parts = min(parts, count)
    return list(pairwise(count * part // parts for part in range(parts + 1)))


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    name = "evaluated"

    epoch: int
    step: int
    test_loss: float
    test_accuracy: float  # 0 to 1
    # 10×10 counts: rows are what a digit was, columns what it was taken for.
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    name = "checkpoint_saved"

    path: str
    kind: str  # last, best, epoch
    step: int = 0  # of what is in it; by now training may be further on


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    name = "paused"

    step: int


@dataclass(frozen=True, kw_only=True)
class Resumed(Event):
    name = "resumed"

    step: int


@dataclass(frozen=True, kw_only=True)
class LearningRateChanged(Event):
    """By a person: to what the rate itself, or its schedule's peak, is from this step on."""

    name = "learning_rate_changed"

    step: int
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Notice(Event):
    """Something that a person should know while the run goes on."""

    name = "notice"

    message: str


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """Test figures are of the last evaluation, None where there was none; `checkpoint` is None
    where nothing could be saved."""

    name = "run_finished"

    epochs: int
    steps: int
    test_loss: float | None
    test_accuracy: float | None
    train_seconds: float
    samples_per_second: float
    checkpoint: str | None
    stopped: bool


@dataclass(frozen=True, kw_only=True)
class RunFailed(Event):
    """`reason` is one word: usage, data, device, checkpoint, memory, diverged, stopped or error."""

    name = "run_failed"

    reason: str
    message: str
    checkpoint: str | None = None


@dataclass(frozen=True, kw_only=True)
class Detached(Event):
    """The last event of a run that goes on elsewhere, with that config from that checkpoint."""

    name = "handed_over"
    recorded = False

    folder: str
    checkpoint: str
    config: dict[str, Any]
    paused: bool


@dataclass(frozen=True, kw_only=True)
class Preparing(Event):
    """What happens before training, such as a download. `total` is 0 where it is not known."""

    name = "preparing"
    recorded = False

    message: str
    done: int = 0
    total: int = 0


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
class DigitsLoaded(Event):
    """`labels` are those of the test digits in order, one byte each."""

    name = "digits_loaded"
    recorded = False
    serializable = False

    labels: bytes


@dataclass(frozen=True, kw_only=True)
class Scored(Event):
    """What an evaluation made of every test digit: `logits` are float32 (N, 10), native bytes."""

    name = "scored"
    recorded = False
    serializable = False

    epoch: int
    step: int
    logits: bytes


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
