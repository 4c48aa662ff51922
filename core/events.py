"""The events of a run: the app folds them, `train --json` prints them, events.jsonl keeps them.

No torch here. Annotations are types and not strings: core/attach/wire.py checks values against
them.
"""

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, dataclass_transform

from core.class_names import DIGITS


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that has happened. Each subclass becomes a frozen dataclass, too."""

    time: float = field(default_factory=time.time)  # unix seconds

    # In `train --json`, in events.jsonl and between processes: fixed, whatever the class is called.
    # Empty for an event that never leaves this process.
    name: ClassVar[str] = ""
    recorded: ClassVar[bool]  # whether it is written to the run's events.jsonl
    serializable: ClassVar[bool]  # False: it contains bytes, which plain JSON has no type for

    def __init_subclass__(
        cls, *, name: str = "", recorded: bool = True, serializable: bool = True
    ) -> None:
        cls.name, cls.recorded, cls.serializable = name, recorded, serializable
        dataclass(frozen=True, kw_only=True)(cls)


class RunStarted(Event, name="run_started"):
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
    classes: int = len(DIGITS)  # of the dataset; earlier versions only had such
    class_names: tuple[str, ...] = DIGITS
    network: str = ""  # the text of a network that is not one of the program's
    precision: str = "fp32"
    routes: str = ""  # how steps are computed, the text that --routes takes; "" if unknown
    route_seconds: float = 0.0  # that measuring them took, before training
    step: int = 0  # at which training starts: above 0 for a resumed run
    ranks: int = 1  # processes that train together
    branched_from: str | None = None  # the run that this one branched from
    branched_at: int = 0  # the step at which it did
    input_mean: float = 0.5  # pixels are scaled as (pixel / 255 - mean) / std
    input_std: float = 0.5

    @property
    def spec(self) -> str:
        """What the network is built from: one of the program's names, or a text."""
        return self.network or self.arch


class Progress(Event, name="progress"):
    """Metrics since the last Progress, at most ten a second and at least once an epoch.

    `loss` is the mean over these steps, and `losses` the means over equal parts of them, oldest
    first, for a finer curve. `gradient_norm` is the newest step's, over all parameters.
    """

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


# An evaluation of so many classes has a line of 50 KB in events.jsonl; of 1,000 it would be 3 MB.
MOST_CONFUSED = 128


class Evaluated(Event, name="evaluated"):
    epoch: int
    step: int
    test_loss: float
    test_accuracy: float  # 0 to 1
    # Counts, classes × classes: rows are true classes, columns predicted ones. Empty where there
    # are more than MOST_CONFUSED classes.
    confusion: tuple[tuple[int, ...], ...] = ()


class CheckpointSaved(Event, name="checkpoint_saved"):
    path: str
    kind: str  # last, best, epoch
    step: int = 0  # of its weights; training may have continued since


class Paused(Event, name="paused"):
    step: int


class Resumed(Event, name="resumed"):
    step: int


class LearningRateChanged(Event, name="learning_rate_changed"):
    """The user has changed the learning rate, or its schedule's peak, from this step on."""

    step: int
    learning_rate: float


class Notice(Event, name="notice"):
    """A message for the user. The run continues."""

    message: str


class RunFinished(Event, name="run_finished"):
    """The run has ended, or the user has stopped it. Test metrics are of the last evaluation, None
    without one; `checkpoint` is None if none could be saved. `dead_units` is the share of the units
    of all ReLUs that are 0 for every image of a sample, None for a network without ReLU."""

    epochs: int
    steps: int
    test_loss: float | None
    test_accuracy: float | None
    train_seconds: float
    samples_per_second: float
    checkpoint: str | None
    stopped: bool
    dead_units: float | None = None


class RunFailed(Event, name="run_failed"):
    """The run has ended by an error. `reason` is one word: usage, data, device, checkpoint, memory,
    diverged, interrupted, stopped (before training started) or error."""

    reason: str
    message: str
    checkpoint: str | None = None


class Detached(Event, name="handed_over", recorded=False):
    """The run has ended here. Another process continues it, from `checkpoint` with `config`."""

    folder: str
    checkpoint: str
    config: dict[str, Any]
    paused: bool


class Preparing(Event, name="preparing", recorded=False):
    """Progress of a step before training, such as a download. `total` is 0 if it is unknown;
    `unit` is what is counted."""

    message: str
    done: int = 0
    total: int = 0
    unit: str = "bytes"


class DigitsLoaded(Event, name="digits_loaded", recorded=False, serializable=False):
    """The dataset is loaded. `labels` are those of the test images in order, as `pack_labels`
    returns them."""

    labels: bytes


class Scored(Event, name="scored", recorded=False, serializable=False):
    """The predictions of an evaluation: `logits` are float32 (N, classes), in native byte order."""

    epoch: int
    step: int
    logits: bytes


class RaceStarted(Event, name="race_started", recorded=False):
    """A race has begun, or continues. Tuples have an entry for each lane.

    `runs` are the names of a lane's runs so far, one for each seed, "" where there is none yet.
    """

    race: str
    folder: str
    lanes: tuple[str, ...]  # their names
    changed: tuple[str, ...]  # the settings in which the lanes differ
    by: str  # samples or time
    seeds: int
    goal: float | None
    runs: tuple[tuple[str, ...], ...] = ()
    dropped: tuple[int, ...] = ()  # lanes that were ended early


class LaneEvent(Event, recorded=False, serializable=False):
    """An event of a run in a race: of which lane, and with which of its seeds; both from 0.

    `is_past`: it was recorded before the race was continued.
    """

    lane: int
    seed: int
    event: Event
    is_past: bool = False


class LaneDropped(Event, name="lane_dropped", recorded=False):
    """A lane has been ended early, and has no further runs."""

    lane: int


class RaceFinished(Event, name="race_finished", recorded=False):
    """All lanes have ended, or the race was stopped or detached: then it can be resumed.

    `winner` is a lane from 0, None where there is none; `verdict` says why, in one sentence.
    """

    race: str
    stopped: bool
    winner: int | None
    verdict: str
    detached: bool = False
