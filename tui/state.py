"""What a person sees of a run: a frozen RunState, and fold(state, event) -> RunState."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Literal

from core.events import (
    CheckpointRefused,
    CheckpointSaved,
    CheckpointScored,
    DeviceChoice,
    DevicesListed,
    Digit,
    DigitsLoaded,
    Evaluated,
    Event,
    HandedOver,
    ImagesPredicted,
    LearningRateChanged,
    NetworkDescribed,
    NetworkInspected,
    Notice,
    Paused,
    Predicted,
    Preparing,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
    RunStarted,
    Scored,
)
from tui.curves import Curves

Phase = Literal["idle", "preparing", "training", "paused", "finished", "stopped", "failed"]

# How many evaluations' guesses of all test digits are kept, to step back through; 400 KB each.
MOST_EVALUATIONS = 32
# Older ones than this are in the curves alone.
MOST_SCORES = 100
MOST_MARKS = 500
# How many checkpoints can be compared.
MOST_COMPARED = 4

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
    opened: Opened | None = None
    scored: tuple[CheckpointScored, ...] = ()  # checkpoints that were scored, the newest last
    images: ImagesPredicted | None = None  # what was last said of images that are no test digits
    network: NetworkDescribed | None = None  # of the architecture that was last asked for
    inspected: NetworkInspected | None = None
    updated: NetworkInspected | None = None  # the newest that knows what a step changed
    devices: tuple[DeviceChoice, ...] = ()
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


@dataclass(frozen=True, kw_only=True)
class Recalled(Event):
    """What a run that goes on elsewhere has told before one came to it."""

    recorded = False
    written = False

    state: RunState


def starting(state: RunState) -> RunState:
    """The state after a person has asked for a run, and before the engine has said anything. What
    an earlier part of the same run has told may be in it: the engine says from which step it goes
    on."""
    return replace(
        _kept(state),
        phase="preparing",
        doing="starting",
        curves=state.curves,
        marks=state.marks,
        scores=state.scores,
    )


def _kept(state: RunState) -> RunState:
    """What is not of one run."""
    return RunState(
        devices=state.devices,
        opened=state.opened,
        scored=state.scored,
        images=state.images,
        network=state.network,
    )


def _recalled(state: RunState, told: RunState) -> RunState:
    """What is known of the run already, and is in no record, stays."""
    told = replace(
        told,
        attached=True,
        devices=state.devices,
        opened=state.opened,
        scored=state.scored,
        images=state.images,
        network=state.network,
    )
    if not (state.started and told.started and state.started.folder == told.started.folder):
        return told
    return replace(
        told,
        labels=state.labels,
        evaluations=state.evaluations,
        digits=state.digits,
        digits_step=state.digits_step,
        samples=state.samples,
        inspected=state.inspected,
        updated=state.updated,
    )


def fold(state: RunState, event: Event) -> RunState:
    """The state after an event. Pure; events that mean nothing to a person change nothing."""
    if isinstance(event, Progress):
        return fold_progress(state, (event,))
    if state.phase == "training" and event.recorded:
        seconds = state.seconds + max(0.0, event.time - state.told_at)
        state = replace(state, seconds=seconds, told_at=event.time)
    match event:
        case Preparing():
            return replace(state, doing=event.message, done=event.done, total=event.total)
        case RunStarted():
            return _started(state, event)
        case Evaluated():
            return _evaluated(state, event)
        case DigitsLoaded():
            return replace(state, labels=event.labels)
        case Scored():
            # One that is told again, to who has come back to a run, is the same.
            others = [each for each in state.evaluations if each.step != event.step]
            return replace(state, evaluations=(*others, event)[-MOST_EVALUATIONS:])
        case CheckpointSaved():
            state = _marked(state, event.step, "saved")
            last = event.kind == "last"
            return replace(state, checkpoint=event.path if last else state.checkpoint)
        case LearningRateChanged():
            rate = event.learning_rate
            state = replace(state, learning_rate=rate, chosen_rate=rate)
            return _marked(state, event.step, "rate")
        case Paused():
            return replace(_marked(state, event.step, "paused"), phase="paused", step=event.step)
        case Resumed():
            return replace(state, phase="training", told_at=event.time)
        case Notice():
            return replace(state, message=event.message)
        case HandedOver():
            doing = "handing over to a process of its own"
            return replace(state, phase="preparing", attached=True, doing=doing, done=0, total=0)
        case Recalled(state=told):
            return _recalled(state, told)
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
                reason=event.reason,
                checkpoint=event.checkpoint or state.checkpoint,
            )
        case DevicesListed():
            return replace(state, devices=event.devices)
        case _:
            return _looked_into(state, event)


def _started(state: RunState, event: RunStarted) -> RunState:
    """A run that begins at its first step has no past; one that is taken up keeps what was told of
    the steps before."""
    curves = state.curves.until(event.step)
    started = replace(
        _kept(state),
        phase="training",
        message=state.message,
        attached=state.attached,
        started=event,
        step=event.step,
        epoch=-(-event.step // event.steps_per_epoch),
        chosen_rate=event.config.get("learning_rate"),
        seconds=curves.clock.value_at(event.step) or 0.0,
        told_at=event.time,
        curves=curves,
        marks=tuple(mark for mark in state.marks if mark.step <= event.step),
        scores=tuple(score for score in state.scores if score.step <= event.step),
    )
    if not event.step:
        started = replace(started, curves=Curves(), marks=(), scores=())
    if event.branched_from is None:
        return started
    marks = {*started.marks, Mark(event.branched_at, "branch")}
    return replace(started, marks=tuple(sorted(marks, key=lambda mark: mark.step)))


def _marked(state: RunState, step: int, kind: MarkKind) -> RunState:
    mark = Mark(step, kind)
    if mark in state.marks[-3:]:  # last and best are often saved at one step
        return state
    return replace(state, marks=(*state.marks, mark)[-MOST_MARKS:])


def fold_progress(state: RunState, events: Sequence[Progress]) -> RunState:
    """The state after several of them, one after the other, at little more than the cost of one."""
    step, seconds, told_at = state.step, state.seconds, state.told_at
    epoch, epoch_loss, epoch_steps = state.epoch, state.epoch_loss, state.epoch_steps
    losses, gradients, clock = [], [], []
    for event in events:
        if state.phase == "training":
            seconds, told_at = seconds + max(0.0, event.time - told_at), event.time
        since, parts = event.step - step, len(event.losses)
        losses += [(step + since * (i + 1) / parts, loss) for i, loss in enumerate(event.losses)]
        # An epoch's mean goes on from its steps so far; a new epoch starts from nothing.
        behind = epoch_steps if event.epoch == epoch else 0
        total = (epoch_loss or 0.0) * behind + event.loss * since
        step, epoch, epoch_steps = event.step, event.epoch, behind + since
        epoch_loss = total / epoch_steps if epoch_steps else event.loss
        # Gradients overflow before losses do.
        norm = event.gradient_norm
        if norm is not None and isfinite(norm):
            gradients.append((step, norm))
        clock.append((step, seconds))
    last = events[-1]
    return replace(
        state,
        step=step,
        epoch=epoch,
        loss=last.loss,
        epoch_loss=epoch_loss,
        epoch_steps=epoch_steps,
        learning_rate=last.learning_rate,
        samples_per_second=last.samples_per_second,
        gradient_norm=last.gradient_norm,
        seconds=seconds,
        told_at=told_at,
        curves=state.curves.extend(
            losses=losses,
            rates=[(event.step, event.learning_rate) for event in events],
            gradients=gradients,
            speeds=[(event.step, event.samples_per_second) for event in events],
            clock=clock,
        ),
    )


def _evaluated(state: RunState, event: Evaluated) -> RunState:
    confusion = tuple(map(tuple, event.confusion))
    score = Score(event.epoch, event.step, event.test_loss, event.test_accuracy, confusion)
    return replace(
        state,
        step=event.step,
        scores=(*state.scores, score)[-MOST_SCORES:],
        curves=state.curves.extend(
            test_losses=[(event.step, event.test_loss)],
            accuracies=[(event.step, event.test_accuracy)],
        ),
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
        case CheckpointScored(path=path):
            others = [each for each in state.scored if each.path != path]
            return replace(state, scored=(*others, event)[-MOST_COMPARED:])
        case ImagesPredicted():
            return replace(state, images=event)
        case NetworkDescribed():
            return replace(state, network=event)
        case NetworkInspected(layers=layers):
            known = any(layer.update is not None for layer in layers)
            return replace(state, inspected=event, updated=event if known else state.updated)
    return state


def _with_digits(state: RunState, event: Predicted) -> RunState:
    return replace(state, digits=event.digits, digits_step=event.step, samples=event.samples)
