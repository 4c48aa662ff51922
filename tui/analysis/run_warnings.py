"""The commentary's sentences on a run that does not learn as it should."""

import math
from bisect import bisect_right

from tui.analysis.dead_network import is_dead
from tui.analysis.loss_trends import (
    end_of_tenth,
    guessing_loss,
    is_jumping,
    is_noisy,
    is_running,
    losses_by_tenth,
    means_of_halves,
    training_loss_before,
)
from tui.analysis.run_result import advise_retry, find_overfitting, rate_to_try, safe_rate
from tui.state.run_state import RunState
from tui.text.formats import format_loss, format_percent


def warn_of_dead_network(state: RunState) -> str | None:
    if state.phase == "idle" or not state.started or not is_dead(state):
        return None
    lower = rate_to_try(state) if (state.chosen_rate or 0.0) > safe_rate(state) else ""
    advice = f"learning rate {lower}" if lower else "another seed"
    return (
        "The network is dead: its ReLUs output 0, so it predicts the same for all images and "
        f"cannot learn. Start again with {advice}."
    )


def warn_of_no_learning(state: RunState) -> str | None:
    losses, guessing = losses_by_tenth(state, 5), guessing_loss(state)
    if not is_running(state) or len(losses) < 5 or max(losses) - min(losses) > 0.02 * guessing:
        return None
    if abs(losses[-1] - guessing) > 0.03 * guessing:
        return None
    return (
        f"The loss is stuck at {format_loss(losses[-1])}, that of guessing: the network is not "
        f"learning. {advise_retry(state)}"
    )


def warn_of_high_rate(state: RunState) -> str | None:
    losses, guessing = losses_by_tenth(state, 10), guessing_loss(state)
    if not is_running(state) or len(losses) < 3:
        return None
    score = state.score
    if min(losses[-2:]) > 1.07 * guessing:
        above = f"The loss is above {format_loss(guessing)}, that of guessing"
        if score and state.started and score.accuracy > 3 / state.started.classes:
            above += f", although {format_percent(score.accuracy)} are correct"
        return f"{above}: the learning rate is too high."
    if losses[-1] > 2.5 * min(losses) + 0.1 and losses[-1] > losses[-2] > losses[-3]:
        return "The training loss is rising: the learning rate is too high now."
    return None


def warn_of_low_rate(state: RunState) -> str | None:
    losses = losses_by_tenth(state, 10)
    if not is_running(state) or len(losses) < 10:
        return None
    before, now = means_of_halves(losses)
    is_low = 0 < (state.chosen_rate or 0.0) < safe_rate(state)
    if not is_low or not 0.5 * guessing_loss(state) < now < before:
        return None
    return (
        f"The training loss falls slowly, from {format_loss(losses[0])} to "
        f"{format_loss(losses[-1])} in an epoch: a higher learning rate is faster."
    )


def warn_of_gradient(state: RunState) -> str | None:
    points = state.curves.gradients.points
    last = bisect_right(points, end_of_tenth(state) or 0.0, key=lambda point: point[0])
    norms = sorted(norm for _, norm in points[max(0, last - 21) : last])
    if not is_running(state) or len(norms) < 5:
        return None
    median, losses = norms[len(norms) // 2], losses_by_tenth(state, 1)
    if median > 100:
        return (
            f"The gradient is very large (norm {median:,.0f}): a single step can undo what the "
            "network has learned. Lower the learning rate."
        )
    if median >= 1e-3:
        return None
    is_done = bool(losses) and losses[-1] < 0.05 * guessing_loss(state)
    why = "nothing is left to learn from the training images" if is_done else "gradients vanish"
    return f"The gradient is almost 0 (norm {median:.0e}): {why}."


def warn_of_overfitting(state: RunState) -> str | None:
    best = find_overfitting(state) if is_running(state) else None
    if not best or not state.score:
        return None
    return (
        f"The test loss was lowest after epoch {best.epoch} ({format_loss(best.loss)}) and is "
        f"{format_loss(state.score.loss)} now, while the training loss fell: the network overfits."
    )


def warn_of_gap(state: RunState) -> str | None:
    score = state.score
    if not is_running(state) or not score or len(state.scores) < 2 or find_overfitting(state):
        return None
    training = training_loss_before(state, score)
    if training is None or not score.loss > max(2 * training, training + 0.05):
        return None
    times = score.loss / training if training else math.inf
    return (
        f"The test loss is {times:.0f} times the training loss: the network knows its training "
        "images better than new ones."
    )


def warn_of_noise(state: RunState) -> str | None:
    if not is_running(state) or not (is_noisy(state) or is_jumping(state)):
        return None
    return "The loss goes up and down: a lower learning rate or a larger batch smooths it."
