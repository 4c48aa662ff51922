"""fold(state, event) -> RunState: what each thing that a run says changes of what is seen of it."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from core.events import (
    CheckpointSaved,
    Detached,
    DigitsLoaded,
    Evaluated,
    Event,
    LearningRateChanged,
    Notice,
    Paused,
    Preparing,
    Progress,
    Resumed,
    RunFailed,
    RunFinished,
    RunStarted,
    Scored,
)
from core.responses import NetworkInspected, Predicted
from tui.state.curves import Curves
from tui.state.run_state import UNRECORDED, Mark, MarkKind, RecordRead, RunState, Score

# How many evaluations' guesses of all test digits are kept, to step back through; 400 KB each.
MOST_EVALUATIONS = 32
# Older ones than this are in the curves alone.
MOST_SCORES = 100
MOST_MARKS = 500


def starting(history: RunState) -> RunState:
    """Return the state between a person's request for a run and the first event of it. `history`
    is of the same run before it was resumed, or of none."""
    return RunState(
        phase="preparing",
        doing="starting",
        curves=history.curves,
        marks=history.marks,
        scores=history.scores,
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
        case Detached():
            doing = "handing over to a process of its own"
            return replace(state, phase="preparing", attached=True, doing=doing, done=0, total=0)
        case RecordRead():
            return _recorded(state, event.state)
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
        case Predicted() if event.source in (None, state.checkpoint):
            digits, step, samples = event.digits, event.step, event.samples
            return replace(state, digits=digits, digits_step=step, samples=samples)
        case NetworkInspected(layers=layers):
            is_updated = any(layer.update is not None for layer in layers)
            return replace(state, inspected=event, updated=event if is_updated else state.updated)
    return state


def _recorded(state: RunState, recorded: RunState) -> RunState:
    """Return what the record says; of the same run, what no record has is kept."""
    run, now = state.started, recorded.started
    same = run is not None and now is not None and run.folder == now.folder
    kept = {name: getattr(state, name) for name in UNRECORDED} if same else {}
    return replace(recorded, attached=True, **kept)


def _started(state: RunState, event: RunStarted) -> RunState:
    """A run that begins at its first step has no past; one that is taken up keeps what was told of
    the steps before."""
    curves = state.curves.until(event.step)
    started = RunState(
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
