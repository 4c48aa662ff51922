"""What a person sees of a run: a frozen RunState, and fold(state, event) -> RunState."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from core.events import (
    CheckpointRefused,
    CheckpointSaved,
    DeviceChoice,
    DevicesListed,
    Digit,
    Evaluated,
    Event,
    Notice,
    Paused,
    Predicted,
    Preparing,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
    RunStarted,
)

Phase = Literal["idle", "preparing", "training", "paused", "finished", "stopped", "failed"]

# More points than any terminal has columns of dots.
MOST_POINTS = 2048


@dataclass(frozen=True)
class Curve:
    """A loss curve of bounded length: when it grows too long, each two points become one, and
    from then on each point stands for twice as many values. An hour costs what a minute does.
    """

    points: tuple[tuple[float, float], ...] = ()  # (step, loss)
    values_per_point: int = 1
    waiting: tuple[float, ...] = ()  # values that do not fill a point yet

    def extend(self, values: Iterable[tuple[float, float]]) -> "Curve":
        """The curve with more (step, loss) at its end."""
        points, waiting = list(self.points), list(self.waiting)
        for step, value in values:
            waiting.append(value)
            if len(waiting) == self.values_per_point:
                points.append((step, sum(waiting) / len(waiting)))
                waiting.clear()
        curve = replace(self, points=tuple(points), waiting=tuple(waiting))
        return curve._halved() if len(points) > MOST_POINTS else curve

    def _halved(self) -> "Curve":
        pairs = zip(self.points[::2], self.points[1::2], strict=False)
        merged = tuple((later, (a + b) / 2) for (_, a), (later, b) in pairs)
        # An odd one out, and what was waiting, are the newest values: they wait.
        odd = self.points[-1:] if len(self.points) % 2 else ()
        waiting = tuple(loss for _, loss in odd for _ in range(self.values_per_point))
        return Curve(merged, self.values_per_point * 2, waiting + self.waiting)


@dataclass(frozen=True)
class Score:
    """One evaluation."""

    epoch: int
    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Opened:
    """A checkpoint that a person looks into: its digits, or why it cannot be opened."""

    path: str
    digits: tuple[Digit, ...] = ()
    samples: int = 0
    error: str | None = None


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
    learning_rate: float | None = None
    samples_per_second: float | None = None
    curve: Curve = field(default_factory=Curve)
    scores: tuple[Score, ...] = ()
    digits: tuple[Digit, ...] = ()
    digits_step: int = -1
    samples: int = 0
    checkpoint: str | None = None
    opened: Opened | None = None
    devices: tuple[DeviceChoice, ...] = ()

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


def starting(state: RunState) -> RunState:
    """The state after a person has asked for a run, and before the engine has said anything."""
    return RunState(phase="preparing", doing="starting", devices=state.devices, opened=state.opened)


def fold(state: RunState, event: Event) -> RunState:
    """The state after an event. Pure; events that mean nothing to a person change nothing."""
    match event:
        case Preparing():
            return replace(state, doing=event.message, done=event.done, total=event.total)
        case RunStarted():
            return RunState(
                phase="training",
                message=state.message,
                started=event,
                step=event.step,
                epoch=-(-event.step // event.steps_per_epoch),
                devices=state.devices,
                opened=state.opened,
            )
        case Progress():
            return _progress(state, event)
        case Evaluated():
            score = Score(event.epoch, event.step, event.test_loss, event.test_accuracy)
            return replace(state, step=event.step, scores=(*state.scores, score))
        case CheckpointSaved():
            last = event.kind == "last"
            return replace(state, checkpoint=event.path if last else state.checkpoint)
        case Paused():
            return replace(state, phase="paused", step=event.step)
        case Resumed():
            return replace(state, phase="training")
        case Notice():
            return replace(state, message=event.message)
        case RunFinished():
            return replace(
                state,
                phase="stopped" if event.stopped else "finished",
                step=event.steps,
                samples_per_second=event.samples_per_second,
                checkpoint=event.checkpoint,
            )
        case RunFailed():
            stopped = event.reason == "stopped"
            return replace(
                state,
                phase="idle" if stopped else "failed",
                message=event.message,
                checkpoint=event.checkpoint or state.checkpoint,
            )
        case DevicesListed():
            return replace(state, devices=event.devices)
        case _:
            return _looked_into(state, event)


def _progress(state: RunState, event: Progress) -> RunState:
    since = event.step - state.step
    parts = len(event.losses)
    losses = [
        (state.step + since * (part + 1) / parts, loss) for part, loss in enumerate(event.losses)
    ]
    # An epoch's mean goes on from its steps so far; a new epoch starts from nothing.
    behind = state.epoch_steps if event.epoch == state.epoch else 0
    total = (state.epoch_loss or 0.0) * behind + event.loss * since
    return replace(
        state,
        step=event.step,
        epoch=event.epoch,
        loss=event.loss,
        epoch_loss=total / (behind + since),
        epoch_steps=behind + since,
        learning_rate=event.learning_rate,
        samples_per_second=event.samples_per_second,
        curve=state.curve.extend(losses),
    )


def _looked_into(state: RunState, event: Event) -> RunState:
    match event:
        case Predicted(source=None):
            return _with_digits(state, event)
        case Predicted(source=str(path)):
            if path == state.checkpoint:
                state = _with_digits(state, event)
            return replace(state, opened=Opened(path, event.digits, event.samples))
        case CheckpointRefused():
            return replace(state, opened=Opened(event.path, error=event.message))
    return state


def _with_digits(state: RunState, event: Predicted) -> RunState:
    return replace(state, digits=event.digits, digits_step=event.step, samples=event.samples)
