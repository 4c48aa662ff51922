"""Numbers about how a run's losses develop, for the commentary.

Losses within an epoch are averaged over tenths of it, so that a number changes at most ten times an
epoch. The cost does not grow with the length of the run: at most MAX_POINTS points of a stretch and
the evaluations that a state keeps are read.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

from tui.state.curves import Curve
from tui.state.run_state import RunState, Score

MAX_POINTS = 256


def is_running(state: RunState) -> bool:
    return state.phase in ("training", "paused") and state.started is not None


def guessing_loss(state: RunState) -> float:
    """Return the cross-entropy of equal probabilities for all classes, ln(classes)."""
    return math.log(max(2, state.started.classes if state.started else 2))


def end_of_tenth(state: RunState) -> float | None:
    """Return the step at which the last complete tenth of an epoch ended; None without a run."""
    if not state.started:
        return None
    tenth = state.started.steps_per_epoch / 10
    return math.floor(state.step / tenth) * tenth


def losses_by_tenth(state: RunState, count: int) -> list[float]:
    """Return the mean training losses of the last `count` complete tenths of an epoch."""
    end = end_of_tenth(state)
    if end is None or not state.started:
        return []
    tenth = state.started.steps_per_epoch / 10
    starts = [end - tenth * back for back in range(count, 0, -1)]
    means = (mean_between(state.curves.losses, at, at + tenth) for at in starts if at >= 0)
    return [mean for mean in means if mean is not None]


def mean_between(curve: Curve, start: float, end: float) -> float | None:
    """Return the mean of the values with start < step <= end, None if there are none."""
    points = curve.points
    first, last = (bisect_right(points, at, key=lambda point: point[0]) for at in (start, end))
    every = max(1, math.ceil((last - first) / MAX_POINTS))
    values = [value for _, value in points[first:last:every]]
    return sum(values) / len(values) if values else None


def means_of_halves(values: list[float]) -> tuple[float, float]:
    """Return the mean of the first half and that of the second half."""
    middle = len(values) // 2
    return sum(values[:middle]) / middle, sum(values[middle:]) / (len(values) - middle)


def training_loss_before(state: RunState, score: Score) -> float | None:
    """Return the mean training loss of the epoch that ended with an evaluation."""
    epoch = state.started.steps_per_epoch if state.started else 0
    return mean_between(state.curves.losses, score.step - epoch, score.step)


def overfitting_since(state: RunState) -> Score | None:
    """Return the evaluation with the lowest test loss where the network has overfitted since.

    Then that was at least two epochs ago, the test loss has risen by over 5%, and the training loss
    has fallen by over 10% since the epoch after it.
    """
    scores = state.scores if state.started else ()
    if len(scores) < 3:
        return None
    best, last = min(scores, key=lambda score: score.loss), scores[-1]
    has_risen = last.loss > 1.05 * best.loss and scores[-2].loss > 1.02 * best.loss
    if last.epoch - best.epoch < 2 or not has_risen:
        return None
    following = scores[scores.index(best) + 1]
    before, now = (training_loss_before(state, each) for each in (following, last))
    if before is None or now is None:
        return None
    return best if now < min(0.9 * before, guessing_loss(state)) else None


def is_noisy(state: RunState) -> bool:
    """Whether the training loss jumps between the tenths of the last epoch.

    Batches differ, so the mean of few images jumps anyway: with fewer images a tenth, larger
    jumps count as noise. Measured with the default settings: the increases of an epoch sum to 1.6
    times its mean at most with 400 images a tenth.
    """
    losses = losses_by_tenth(state, 10)
    if len(losses) < 6 or not state.started:
        return False
    increase = sum(max(0.0, b - a) for a, b in pairwise(losses))
    images = max(1, state.started.train_samples / 10)
    return increase > (0.3 + 28 / math.sqrt(images)) * sum(losses) / len(losses) + 0.05


def is_jumping(state: RunState) -> bool:
    """Whether the test loss both rose and fell by over 10% twice in the last six evaluations."""
    losses = [score.loss for score in state.scores[-6:]]
    rises = sum(b > 1.1 * a for a, b in pairwise(losses))
    falls = sum(a > 1.1 * b for a, b in pairwise(losses))
    return rises >= 2 and falls >= 2


def is_still_falling(state: RunState) -> bool:
    """Whether more epochs may help: the test loss fell by over 3% in the last two epochs, or, of a
    run of one or two epochs, the training loss by over 10% within the last, whose first fifth does
    not count."""
    losses = [score.loss for score in state.scores]
    if len(losses) >= 3:
        return losses[-1] < 0.97 * losses[-3] and losses[-1] < 1.03 * min(losses)
    if not state.started or losses != sorted(losses, reverse=True):
        return False
    end, part = state.step, 0.4 * state.started.steps_per_epoch
    before = mean_between(state.curves.losses, end - 2 * part, end - part)
    now = mean_between(state.curves.losses, end - part, end)
    return before is not None and now is not None and now < 0.9 * before


def has_levelled_off(state: RunState) -> bool:
    """Whether the test loss changed by less than 3% in each of the last two epochs."""
    losses = [score.loss for score in state.scores[-3:]]
    return len(losses) == 3 and all(abs(b - a) < 0.03 * a for a, b in pairwise(losses))
