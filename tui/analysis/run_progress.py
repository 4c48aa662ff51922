"""The commentary's sentences on how far a run is, and how its losses develop."""

import math

from tui.analysis.loss_trends import (
    end_of_tenth,
    guessing_loss,
    is_running,
    losses_by_tenth,
    mean_between,
    means_of_halves,
)
from tui.state.run_state import RunState
from tui.text.formats import format_loss, format_percent


def describe_pause(state: RunState) -> str | None:
    return f"Paused at step {state.step:,}." if state.phase == "paused" else None


def describe_rate_change(state: RunState) -> str | None:
    mark = next((mark for mark in reversed(state.marks) if mark.kind == "rate"), None)
    end = end_of_tenth(state)
    if mark is None or end is None or not state.started or not is_running(state):
        return None
    epoch = state.started.steps_per_epoch
    if state.step - mark.step > epoch or not math.isfinite(state.learning_rate or 0.0):
        return None
    before = mean_between(state.curves.losses, mark.step - epoch / 4, mark.step)
    since = mean_between(state.curves.losses, mark.step, end)
    changed = f"The learning rate was changed at step {mark.step:,}."
    if before is None or since is None or end - mark.step < epoch / 10:
        steps = float(f"{max(1.0, epoch / 10):.1g}")
        return f"{changed} The effect shows after about {steps:,.0f} steps."
    if abs(since - before) < 0.02 * before:
        return f"{changed} The training loss has stayed at {format_loss(since)} since then."
    trend = "fallen" if since < before else "risen"
    losses = f"from {format_loss(before)} to {format_loss(since)}"
    return f"{changed} The training loss has {trend} since then, {losses}."


def describe_start(state: RunState) -> str | None:
    if not is_running(state) or state.scores or state.epoch > 1 or state.epoch_share >= 0.1:
        return None
    assert state.started
    classes = state.started.classes
    return (
        f"Training has just started. An untrained network guesses one of {classes} classes: its "
        f"loss is about ln {classes} = {format_loss(guessing_loss(state))}."
    )


def describe_best_epoch(state: RunState) -> str | None:
    scores = state.scores if state.started else ()
    if not scores or (len(scores) < 2 and not is_running(state)):
        return None
    best, last = max(scores, key=lambda score: score.accuracy), scores[-1]
    accuracy, since = format_percent(best.accuracy), last.epoch - best.epoch
    if is_running(state) and len(scores) == 1:
        return f"After epoch {last.epoch}, {accuracy} of the test images are predicted correctly."
    if best is last:
        return f"Epoch {best.epoch} is the best so far ({accuracy})." if is_running(state) else None
    if not is_running(state):
        if accuracy == format_percent(last.accuracy):
            return None
        return f"Epoch {best.epoch} was better ({accuracy}): its checkpoint is kept as best."
    ago = f", {since} epochs ago" if since > 1 else ""
    return f"The best so far is epoch {best.epoch} ({accuracy}){ago}."


def describe_falling_loss(state: RunState) -> str | None:
    losses = losses_by_tenth(state, 10)
    if not is_running(state) or len(losses) < 4:
        return None
    before, now = means_of_halves(losses)
    if not now < 0.9 * min(before, guessing_loss(state)):
        return None
    change = f"from {format_loss(before)} to {format_loss(now)}"
    return f"The training loss is falling well, {change}."


def describe_plateau(state: RunState) -> str | None:
    losses = losses_by_tenth(state, 20)
    if not is_running(state) or len(losses) < 20 or state.epoch < 2:
        return None
    before, now = means_of_halves(losses)
    if not abs(now - before) < 0.02 * before:
        return None
    return (
        "The training loss has hardly changed for two epochs: it is on a plateau. A lower "
        "learning rate may reduce it a little more."
    )


def describe_first_epoch(state: RunState) -> str | None:
    losses, guessing = losses_by_tenth(state, 10), guessing_loss(state)
    if not is_running(state) or state.scores or not losses or describe_falling_loss(state):
        return None
    if losses[-1] < 0.9 * guessing:
        return (
            f"The loss has fallen from about {format_loss(guessing)} (guessing) to "
            f"{format_loss(losses[-1])}: the network is learning."
        )
    if losses[-1] < 1.1 * guessing:
        return f"The loss is still near {format_loss(guessing)}, that of guessing."
    return None
