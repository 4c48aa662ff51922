"""The state of one run, folded from its events: a frozen RunState."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.class_names import DIGITS
from core.digit import Digit
from core.events import Event, RunStarted, Scored
from core.responses.layers import NetworkInspected
from core.responses.predictions import UntrainedPredicted
from tui.state.curves import Curves

Phase = Literal["idle", "preparing", "training", "paused", "finished", "stopped", "failed"]

# Names of runs or checkpoints that are shown together.
LETTERS = "abcd"

MarkKind = Literal["saved", "rate", "paused", "branch"]


@dataclass(frozen=True)
class Mark:
    """Something that happened at a step, for the chart to show."""

    step: int
    kind: MarkKind


@dataclass(frozen=True)
class Score:
    """One evaluation. `confusion` is counts (classes × classes), rows actual, columns predicted;
    empty where unknown."""

    epoch: int
    step: int
    loss: float
    accuracy: float
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class RunState:
    phase: Phase = "idle"
    message: str = ""  # the newest notice or error
    doing: str = ""  # while preparing: what, and how much of it is done
    done: int = 0
    total: int = 0  # 0: unknown
    unit: str = "bytes"  # of both
    started: RunStarted | None = None
    step: int = 0
    epoch: int = 0
    loss: float | None = None  # mean since the last progress event
    epoch_loss: float | None = None  # mean of this epoch's steps so far
    epoch_steps: int = 0
    learning_rate: float | None = None  # of the newest step
    chosen_rate: float | None = None  # as configured: the rate, or the peak of its schedule
    samples_per_second: float | None = None
    gradient_norm: float | None = None
    seconds: float = 0.0  # trained so far, without pauses
    last_event_time: float = 0.0  # unix seconds
    curves: Curves = field(default_factory=Curves)
    marks: tuple[Mark, ...] = ()
    scores: tuple[Score, ...] = ()
    labels: Sequence[int] = b""  # of the test images in order
    evaluations: tuple[Scored, ...] = ()  # the newest ones, oldest first
    digits: tuple[Digit, ...] = ()  # the newest predictions
    digits_step: int = -1  # of the network that predicted them
    samples: int = 0  # number of test images
    # Before a run: the response that `digits` are from, also where it has none.
    untrained: UntrainedPredicted | None = None
    checkpoint: str | None = None
    dead_units: float | None = None  # share of all ReLUs' units, of a run that has ended
    reason: str = ""  # of a failure, as in RunFailed
    inspected: NetworkInspected | None = None
    gradients: NetworkInspected | None = None  # the newest; after a run, those of its last step
    updated: NetworkInspected | None = None  # the newest with the sizes of updates
    is_attached: bool = False  # another process trains the run

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes of the run, before one of the untrained network's."""
        known = self.started or self.untrained
        return known.class_names if known else DIGITS

    @property
    def is_active(self) -> bool:
        """Whether there is a run that can be stopped."""
        return self.phase in ("preparing", "training", "paused")

    @property
    def is_before_run(self) -> bool:
        """Whether there is no run yet, and none is being started."""
        return self.started is None and not self.is_active

    @property
    def has_not_started(self) -> bool:
        """Whether training failed before there was a run, as where PyTorch cannot be loaded."""
        return self.phase == "failed" and self.started is None

    @property
    def total_steps(self) -> int:
        return self.started.total_steps if self.started else 0

    @property
    def epoch_share(self) -> float:
        """Share of the current epoch that is trained, 0 to 1."""
        if not self.started or not self.epoch:
            return 0.0
        steps = self.started.steps_per_epoch
        return min(1.0, max(0.0, (self.step - (self.epoch - 1) * steps) / steps))

    @property
    def share(self) -> float:
        """Share of the run that is trained, 0 to 1."""
        return self.step / self.total_steps if self.total_steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        if not self.started or not self.samples_per_second:
            return None
        samples = (self.total_steps - self.step) * self.started.batch_size
        return samples / self.samples_per_second

    @property
    def score(self) -> Score | None:
        return self.scores[-1] if self.scores else None

    @property
    def evaluation(self) -> Scored | None:
        return self.evaluations[-1] if self.evaluations else None


# Fields that no record of a run has: the process that trains the run sends them on request.
UNRECORDED = (
    *("labels", "evaluations", "digits", "digits_step", "samples"),
    *("inspected", "gradients", "updated"),
)


class RecordRead(Event, recorded=False, serializable=False):
    """The record of a run in another process has been read; `state` is what it ends in."""

    state: RunState
