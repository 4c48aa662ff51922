"""fold(state, event): the state of a run after an event. Pure, and tested without Textual."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from core.class_names import unpack_labels
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
from core.responses.layers import NetworkInspected
from core.responses.predictions import Predicted, UntrainedPredicted
from tui.state.curves import Curves
from tui.state.run_state import UNRECORDED, Mark, MarkKind, RecordRead, RunState, Score

# Evaluations kept to step back through, and bytes of them: the logits of one take 400 KB for MNIST
# and 3.5 MB for 18,800 images of 47 classes.
MAX_EVALUATIONS, MAX_EVALUATION_BYTES = 32, 64 * 2**20
# Older scores are in the curves only.
MAX_SCORES = 100
MAX_MARKS = 500


def begin_run(history: RunState) -> RunState:
    """Return the state between the request for a run and its first event. `history` is of the
    same run before it is resumed, or of none: then its untrained predictions stay on the screen."""
    begun = RunState(
        phase="preparing",
        doing="starting",
        curves=history.curves,
        marks=history.marks,
        scores=history.scores,
    )
    return _with_untrained(begun, history.untrained) if history.is_before_run else begun


def _with_untrained(state: RunState, event: UntrainedPredicted | None) -> RunState:
    if event is None:
        return state
    labels = unpack_labels(event.labels, len(event.class_names))
    samples = len(labels)
    return replace(
        state, untrained=event, digits=event.digits, digits_step=0, labels=labels, samples=samples
    )


def _without_untrained(state: RunState) -> RunState:
    """Remove the untrained network's predictions, once it has been trained: the loss of the first
    step still is that of the untrained network."""
    if state.untrained is None:
        return state
    if state.digits is not state.untrained.digits:
        return replace(state, untrained=None)
    return replace(state, untrained=None, digits=(), digits_step=-1)


def fold(state: RunState, event: Event) -> RunState:
    """Return the state after an event; some events change nothing."""
    if isinstance(event, Progress):
        return fold_progress(state, (event,))
    if state.phase == "training" and event.recorded:
        seconds = state.seconds + max(0.0, event.time - state.last_event_time)
        state = replace(state, seconds=seconds, last_event_time=event.time)
    match event:
        case Preparing():
            done, total, unit = event.done, event.total, event.unit
            return replace(state, doing=event.message, done=done, total=total, unit=unit)
        case RunStarted():
            return _started(state, event)
        case Evaluated():
            return _evaluated(state, event)
        case DigitsLoaded():
            return replace(state, labels=unpack_labels(event.labels, len(state.class_names)))
        case Scored():
            # A viewer that attaches again receives an evaluation a second time.
            others = [each for each in state.evaluations if each.step != event.step]
            most = max(1, min(MAX_EVALUATIONS, MAX_EVALUATION_BYTES // max(1, len(event.logits))))
            return replace(state, evaluations=(*others, event)[-most:])
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
            return replace(state, phase="training", last_event_time=event.time)
        case Notice() if state.phase != "failed":  # whose reason stays
            return replace(state, message=event.message)
        case Detached():
            doing = "moving to the background"
            return replace(state, phase="preparing", is_attached=True, doing=doing, done=0, total=0)
        case RecordRead():
            return _recorded(state, event.state)
        case RunFinished():
            return replace(
                state,
                phase="stopped" if event.stopped else "finished",
                step=event.steps,
                samples_per_second=event.samples_per_second,
                checkpoint=event.checkpoint,
                dead_units=event.dead_units,
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
        case UntrainedPredicted() if state.is_before_run:
            return _with_untrained(state, event)
        case NetworkInspected(source=None):
            return _inspected(state, event)
    return state


def _recorded(state: RunState, recorded: RunState) -> RunState:
    """Return what the record says; of the same run, what no record has is kept."""
    run, now = state.started, recorded.started
    same = run is not None and now is not None and run.folder == now.folder
    kept = {name: getattr(state, name) for name in UNRECORDED} if same else {}
    return replace(recorded, is_attached=True, **kept)


def _started(state: RunState, event: RunStarted) -> RunState:
    """Return the state at the start of a run; of a resumed run, with the curves, marks and scores
    up to the step at which it resumes."""
    curves = state.curves.until(event.step)
    started = RunState(
        phase="training",
        message=state.message,
        is_attached=state.is_attached,
        started=event,
        step=event.step,
        epoch=-(-event.step // event.steps_per_epoch),
        chosen_rate=event.config.get("learning_rate"),
        seconds=curves.clock.value_at(event.step) or 0.0,
        last_event_time=event.time,
        curves=curves,
        marks=tuple(mark for mark in state.marks if mark.step <= event.step),
        scores=tuple(score for score in state.scores if score.step <= event.step),
    )
    if not event.step:
        started = replace(started, curves=Curves(), marks=(), scores=())
        if _is_of_run(state.untrained, event):
            started = _with_untrained(started, state.untrained)
    if event.branched_from is None:
        return started
    marks = {*started.marks, Mark(event.branched_at, "branch")}
    return replace(started, marks=tuple(sorted(marks, key=lambda mark: mark.step)))


def _inspected(state: RunState, event: NetworkInspected) -> RunState:
    is_updated = any(layer.update is not None for layer in event.layers)
    return replace(
        state,
        # The last of a run has its gradients alone.
        inspected=event if event.tried else state.inspected,
        gradients=event,
        updated=event if is_updated else state.updated,
    )


def _is_of_run(untrained: UntrainedPredicted | None, run: RunStarted) -> bool:
    """Return whether these are predictions of the network that the run starts from."""
    if untrained is None or untrained.dataset != run.dataset:
        return False
    return (untrained.arch, untrained.seed) == (run.spec, run.config.get("seed"))


def _marked(state: RunState, step: int, kind: MarkKind) -> RunState:
    mark = Mark(step, kind)
    if mark in state.marks[-3:]:  # last and best are often saved at one step
        return state
    return replace(state, marks=(*state.marks, mark)[-MAX_MARKS:])


def fold_progress(state: RunState, events: Sequence[Progress]) -> RunState:
    """Return the state after several events, at little more than the cost of one."""
    step, seconds, last_event_time = state.step, state.seconds, state.last_event_time
    epoch, epoch_loss, epoch_steps = state.epoch, state.epoch_loss, state.epoch_steps
    losses, gradients, clock = [], [], []
    for event in events:
        if state.phase == "training":
            seconds, last_event_time = seconds + max(0.0, event.time - last_event_time), event.time
        since, parts = event.step - step, len(event.losses)
        losses += [(step + since * (i + 1) / parts, loss) for i, loss in enumerate(event.losses)]
        # The mean of an epoch covers all its steps so far.
        before = epoch_steps if event.epoch == epoch else 0
        total = (epoch_loss or 0.0) * before + event.loss * since
        step, epoch, epoch_steps = event.step, event.epoch, before + since
        epoch_loss = total / epoch_steps if epoch_steps else event.loss
        # Gradients overflow before losses do.
        norm = event.gradient_norm
        if norm is not None and isfinite(norm):
            gradients.append((step, norm))
        clock.append((step, seconds))
    last = events[-1]
    return replace(
        _without_untrained(state) if step > 1 else state,
        step=step,
        epoch=epoch,
        loss=last.loss,
        epoch_loss=epoch_loss,
        epoch_steps=epoch_steps,
        learning_rate=last.learning_rate,
        samples_per_second=last.samples_per_second,
        gradient_norm=last.gradient_norm,
        seconds=seconds,
        last_event_time=last_event_time,
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
        scores=(*state.scores, score)[-MAX_SCORES:],
        curves=state.curves.extend(
            test_losses=[(event.step, event.test_loss)],
            accuracies=[(event.step, event.test_accuracy)],
        ),
    )
