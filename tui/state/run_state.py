"""What a person sees of a run: a frozen RunState."""

from dataclasses import dataclass, field
from typing import Literal

from core.events import Event, RunStarted, Scored
from core.responses import Digit, NetworkInspected
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
    """One evaluation. `confusion` is 10×10 counts: rows are what a digit was, columns what it was
    taken for; empty where it is not known."""

    epoch: int
    step: int
    loss: float
    accuracy: float
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class RunState:
    phase: Phase = "idle"
    message: str = ""  # the newest thing that a person should know
    doing: str = ""  # what is being prepared
    done: int = 0
    total: int = 0
    started: RunStarted | None = None
    step: int = 0
    epoch: int = 0
    loss: float | None = None  # the mean since the last progress
    epoch_loss: float | None = None  # the mean of this epoch's steps so far
    epoch_steps: int = 0
    learning_rate: float | None = None  # the newest step's
    chosen_rate: float | None = None  # what was asked for: the rate, or its schedule's peak
    samples_per_second: float | None = None
    gradient_norm: float | None = None
    seconds: float = 0.0  # of the run so far, pauses left out
    told_at: float = 0.0  # when the newest event came, unix seconds
    curves: Curves = field(default_factory=Curves)
    marks: tuple[Mark, ...] = ()
    scores: tuple[Score, ...] = ()
    labels: bytes = b""  # of the test digits in order, one byte each
    evaluations: tuple[Scored, ...] = ()  # the newest ones, oldest first
    digits: tuple[Digit, ...] = ()
    digits_step: int = -1
    samples: int = 0
    checkpoint: str | None = None
    reason: str = ""  # why it failed, in one word
    inspected: NetworkInspected | None = None
    updated: NetworkInspected | None = None  # the newest that knows what a step changed
    attached: bool = False  # it is trained by another process

    @property
    def active(self) -> bool:
        """There is a run that can be stopped."""
        return self.phase in ("preparing", "training", "paused")

    @property
    def total_steps(self) -> int:
        return self.started.total_steps if self.started else 0

    @property
    def epoch_share(self) -> float:
        """How much of the current epoch is done, 0 to 1."""
        if not self.started or not self.epoch:
            return 0.0
        steps = self.started.steps_per_epoch
        return min(1.0, max(0.0, (self.step - (self.epoch - 1) * steps) / steps))

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1."""
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


# What no record of a run has: it comes from the process that trains the run, on request.
UNRECORDED = (
    "labels",
    "evaluations",
    "digits",
    "digits_step",
    "samples",
    "inspected",
    "updated",
)


@dataclass(frozen=True, kw_only=True)
class RecordRead(Event):
    """The record of a run in another process has been read; `state` is what it ends in."""

    recorded = False
    serializable = False

    state: RunState
