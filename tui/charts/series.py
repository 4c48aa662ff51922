"""What a chart draws: the curves of a run as points on the chart, and the marks above them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tui.charts.x_axis import Window, step_to_x
from tui.preferences import Preferences
from tui.state.run_state import LETTERS, Mark, RunState
from tui.text.formats import format_percent

Points = Sequence[tuple[float, float]]

# plotext draws in these numbered colours; a screen or a command gives each number its style.
AXIS, RAW, SMOOTH, TEST, MARK = 1, 2, 3, 4, 5
OVERLAY = (6, 7, 8, 9)
RARITY = ("saved", "paused", "rate", "branch")  # of marks, the rarest last
# A braille character is two dots wide, so a column cannot show more points.
POINTS_PER_COLUMN = 2


@dataclass(frozen=True)
class ChartKind:
    """One chart. `raw` and `scores` name the fields of RunState.curves that it draws."""

    title: str
    raw: str = ""
    scores: str = ""  # one value for each evaluation
    smooth: bool = True
    from_zero: bool = True
    text: Callable[[float], str] = "{:.4g}".format


CHART_KINDS = {
    "loss": ChartKind("loss", "losses", "test_losses"),
    "accuracy": ChartKind("test accuracy", "", "accuracies", from_zero=False, text=format_percent),
    "rate": ChartKind("learning rate", "rates", smooth=False),
    "gradient": ChartKind("gradient norm", "gradients"),
    "speed": ChartKind("samples/s", "speeds", text="{:,.0f}".format),
}


@dataclass(frozen=True)
class Series:
    """Points (x, y) of one colour: a connected line, or a marker at each point."""

    name: str
    points: Points
    tag: int  # the number of its colour
    marker: str = "braille"
    line: bool = False


def build_series(
    kind: str,
    state: RunState,
    overlaid_runs: Sequence[RunState],
    preferences: Preferences,
    window: Window,
) -> list[Series]:
    """Return what is drawn, the topmost last."""
    what, x_axis, smoothing = CHART_KINDS[kind], preferences.x_axis, preferences.smoothing
    dots, line = (".", "*") if preferences.ascii else ("braille", "braille")
    out = []
    for letter, tag, run in zip(LETTERS, OVERLAY, overlaid_runs, strict=False):
        points = _overlay_points(_Identity(run), kind, x_axis, smoothing, window)
        out.append(Series(letter, points, tag, marker=letter))
    to_x = step_to_x(state, x_axis)
    if what.raw:
        raw = downsample(getattr(state.curves, what.raw).points, to_x, window)
        if not (what.smooth and smoothing):
            out.append(Series("training", raw, SMOOTH, line, line=True))
        else:
            out.append(Series("raw", raw, RAW, dots))
            out.append(Series("training", smooth(raw, smoothing), SMOOTH, line, line=True))
    if what.scores:
        scores = downsample(getattr(state.curves, what.scores).points, to_x, window, last=True)
        if not what.raw:
            out.append(Series("", scores, RAW, dots, line=True))
        out.append(Series("test", scores, TEST, marker="o" if preferences.ascii else "●"))
    return out


class _Identity:
    """A run as a cache key, equal to itself alone.

    Comparing two runs by their curves would take longer than drawing them.
    """

    def __init__(self, run: RunState) -> None:
        self.run = run

    def __hash__(self) -> int:
        return id(self.run)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.run is self.run


@lru_cache(maxsize=32)
def _overlay_points(
    key: _Identity, kind: str, x_axis: str, smoothing: float, window: Window
) -> Points:
    """Return the smoothed curve of an earlier run, one point every few columns."""
    points = smoothed_curve(key.run, kind, x_axis, smoothing, window)
    return points[2 :: POINTS_PER_COLUMN * 3] if CHART_KINDS[kind].raw else points


def smoothed_curve(
    run: RunState, kind: str, x_axis: str, smoothing: float, window: Window
) -> Points:
    what = CHART_KINDS[kind]
    curve = getattr(run.curves, what.raw or what.scores)
    points = downsample(curve.points, step_to_x(run, x_axis), window)
    return smooth(points, smoothing) if what.raw and what.smooth and smoothing else points


def downsample(
    points: Points, to_x: Callable[[float], float], window: Window, *, last: bool = False
) -> list[tuple[float, float]]:
    """Return the points (step, value) of a window as (x, value), at most POINTS_PER_COLUMN each.

    A point is the mean over one of equal intervals of x, or with `last` the last value of it; so
    an interval that is complete keeps its point. The last point before the window is moved to its
    edge, for the line to begin there.
    """
    most = window.columns * POINTS_PER_COLUMN
    per = most / (window.high - window.low)
    out: list[tuple[float, float]] = []
    before: tuple[float, float] | None = None
    interval, x, total, count = -1, 0.0, 0.0, 0
    for step, value in points:
        at = to_x(step)
        if at < window.low:
            before = (at, value)
            continue
        if at > window.high * (1 + 1e-9):
            break
        here = int((at - window.low) * per)
        if here != interval and count:
            out.append((x, total / count))
            total, count = 0.0, 0
        if last:
            total, count = 0.0, 0
        interval, x, total, count = here, at, total + value, count + 1
    if count:
        out.append((x, total / count))
    if before and out and window.low > 0:
        out.insert(0, (window.low, before[1]))
    return out


def smooth(points: Points, weight: float) -> list[tuple[float, float]]:
    """Return the exponential moving average, with Adam's bias correction.

    https://arxiv.org/abs/1412.6980
    """
    mean, left, out = 0.0, 1.0, []
    for x, value in points:
        mean = weight * mean + (1 - weight) * value
        left *= weight
        out.append((x, mean / (1 - left)))
    return out


def place_marks(state: RunState, preferences: Preferences, window: Window) -> dict[int, Mark]:
    """Return the mark of each column that has any, the rarest kind where there are several."""
    to_x = step_to_x(state, preferences.x_axis)
    rarest_last = sorted(state.marks, key=lambda mark: RARITY.index(mark.kind))
    marks = [(to_x(mark.step), mark) for mark in rarest_last]
    return {window.column(x): mark for x, mark in marks if window.low <= x <= window.high}
