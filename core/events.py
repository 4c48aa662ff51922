"""Everything that a run says. Names are in the past tense where something has happened.

No torch here: a screen folds these, `train --json` prints them, events.jsonl keeps them.
"""

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
