"""Numbers about how a run's losses develop, for the commentary.

Losses within an epoch are averaged over tenths of it, so that a number changes at most ten times an
epoch. The cost does not grow with the length of the run: at most MAX_POINTS points of a stretch and
MAX_SCORES evaluations are read.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise, takewhile

from tui.state.curves import Curve
from tui.state.run_state import RunState, Score

MAX_POINTS, MAX_SCORES = 64, 12


def is_running(state: RunState) -> bool:
    return state.phase in ("training", "paused") and state.started is not None


def end_of_tenth(state: RunState) -> float | None:
    """Return the step at which the last complete tenth of an epoch ended; None without a run."""
    if not state.started or not is_running(state):
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


def last_scores(state: RunState) -> tuple[Score, ...]:
    return state.scores[-MAX_SCORES:] if state.started else ()


def overfitting_epochs(state: RunState) -> int:
    """Return for how many epochs, up to the last, the test loss rose and the training loss fell."""
    scores = last_scores(state)
    losses = [mean_between(state.curves.losses, a.step, b.step) for a, b in pairwise(scores)]
    epochs = zip(pairwise(scores[1:]), pairwise(losses), strict=True)
    is_overfitting = [
        score.loss > earlier.loss and before is not None and now is not None and now < before
        for (earlier, score), (before, now) in epochs
    ]
    return len(list(takewhile(bool, reversed(is_overfitting))))
