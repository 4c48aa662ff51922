"""The chart of a search for a learning rate: the loss over the rate, with a logarithmic x-axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from core.responses.rates import HIGHEST, LOWEST, TriedRate
from tui.charts.grid import Run
from tui.charts.plot import build_chart
from tui.charts.series import RAW, SMOOTH, TEST, Points, Series
from tui.charts.x_axis import Window
from tui.preferences import Preferences
from tui.text.formats import format_rate

# The powers of ten at both ends.
LEFT, RIGHT = round(math.log10(LOWEST)), round(math.log10(HIGHEST))
# The curve is drawn up to so many times the loss at first: beyond, only that it rises matters.
HIGHEST_SHOWN = 1.25


def build_rate_chart(
    points: Sequence[TriedRate],
    marked: float | None,
    preferences: Preferences,
    columns: int,
    size: tuple[int, int],
) -> list[list[Run]]:
    """Return the lines of a chart of `size` (columns, lines), its plot `columns` wide.

    `marked` is the rate with a mark. There must be points.
    """
    window = Window(LEFT, RIGHT, columns)
    plain = replace(preferences, log_scale=False, zoom=1)
    x = None if marked is None else math.log10(marked)
    labels = [_tick(power) for power in range(LEFT, RIGHT + 1)]
    labels[-1] = f"rate {labels[-1]}"
    ticks = [float(power) for power in range(LEFT, RIGHT + 1)], labels
    series = rate_series(points, marked, plain)
    return build_chart("loss", series, plain, window, size, cursor=x, ticks=ticks)


def rate_series(
    points: Sequence[TriedRate], marked: float | None, preferences: Preferences
) -> list[Series]:
    """Return the loss of each step, the smoothed loss, and the mark on it."""
    raw_sign, sign, mark = (".", "*", "#") if preferences.ascii else ("·", "●", "◆")
    raw = [(math.log10(each.rate), each.loss) for each in points]
    smoothed = _cut([(math.log10(each.rate), each.smoothed) for each in points])
    out = [
        Series("each step", raw, RAW, ".", raw_sign, line=False),
        Series("smoothed", smoothed, SMOOTH, "*", sign),
    ]
    if marked is not None:
        x = math.log10(marked)
        at = min(smoothed, key=lambda point: abs(point[0] - x))
        text = format_rate(marked)
        out.append(Series("", [at], TEST, mark, mark, line=False, label=text))
    return out


def _cut(points: Points) -> Points:
    """Return the points up to where the loss, after its least, rises far above the first one."""
    least = min(range(len(points)), key=lambda place: points[place][1])
    top = HIGHEST_SHOWN * points[0][1]
    for place, ((x, before), (right, after)) in enumerate(pairwise(points[least:]), least):
        if after > top:
            share = (top - before) / (after - before)
            return [*points[: place + 1], (x + share * (right - x), top)]
    return points


def _tick(power: int) -> str:
    return f"{10.0**power:g}" if power > -5 else f"1e{power}"
