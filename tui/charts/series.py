"""What a chart draws: the curves of a run as points on the chart, and the marks above them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tui.charts.x_axis import Window, step_to_x
from tui.preferences import CHARTS, Preferences
from tui.state.run_state import Mark, RunState
from tui.text.formats import format_error, format_loss, format_percent, format_rate

Points = Sequence[tuple[float, float]]

# Numbers of colours; a screen or a command gives each number its style.
AXIS, RAW, SMOOTH, TEST, MARK = 1, 2, 3, 4, 5
OVERLAY = (6, 7, 8, 9)
NUMBERS = "1234"  # of runs that are overlaid on another
# How the lines of several runs are dashed, so that they differ without colour. The first is that
# of the run on which others are overlaid, if there is one.
DASHES = ("", "11111100", "1100", "1111110100", "100")
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
    text: Callable[[float], str] = format_loss
    # On a log scale, where that is not of the same quantity.
    log_title: str = ""
    log_text: Callable[[float], str] | None = None

    def format(self, value: float, log_scale: bool) -> str:
        return ((log_scale and self.log_text) or self.text)(value)


CHART_KINDS = {
    "loss": ChartKind("Loss", "losses", "test_losses"),
    "accuracy": ChartKind(
        "Accuracy",
        "",
        "accuracies",
        from_zero=False,
        text=format_percent,
        # So that 99% and 99.9% are as far apart as 90% and 99%.
        log_title="Test error",
        log_text=format_error,
    ),
    "rate": ChartKind("Learning rate", "rates", smooth=False, text=format_rate),
    "gradient": ChartKind("Gradient norm", "gradients"),
    "speed": ChartKind("Samples/s", "speeds", text="{:,.0f}".format),
    # Of a race, whose lanes have one line each.
    "train_loss": ChartKind("Training loss", "losses"),
    "test_accuracy": ChartKind(
        "Test accuracy",
        scores="accuracies",
        from_zero=False,
        text=format_percent,
        log_title="Test error",
        log_text=format_error,
    ),
    "test_loss": ChartKind("Test loss", scores="test_losses"),
}


@dataclass(frozen=True)
class Series:
    """Points (x, y) of one colour."""

    name: str  # "": drawn and not named
    points: Points
    tag: int  # the number of its colour
    ink: str  # the character of its line in plain ASCII
    sign: str = ""  # at its newest point and before its name
    line: bool = True  # whether the points are connected
    dash: str = ""
    label: str = ""  # at the end of its line
    apart: int = 0  # columns from one sign on its line to the next; 0: only at its newest point
    most: float = math.inf  # larger values may leave the axis at the top


def chart_order(selected: str, state: RunState) -> tuple[str, ...]:
    """Return all charts, the selected one first, then those that follow it.

    While the learning rate has not changed, its chart comes last unless it is selected.
    """
    cycle = _cycled_charts(state)
    place = cycle.index(selected) if selected in cycle else len(cycle)
    order = (selected, *cycle[place + 1 :], *cycle[:place])
    return (*order, *(kind for kind in CHARTS if kind not in order))


def next_chart(selected: str, state: RunState, by: int = 1) -> str:
    """Return the chart that follows the selected one, without that of a rate that is constant."""
    cycle = _cycled_charts(state)
    return cycle[(cycle.index(selected) + by) % len(cycle)] if selected in cycle else cycle[0]


def _cycled_charts(state: RunState) -> tuple[str, ...]:
    is_shown = has_rate_changed(state)
    return tuple(kind for kind in CHARTS if kind != "rate" or is_shown)


def has_rate_changed(state: RunState) -> bool:
    rates = state.curves.rates.points
    return any(mark.kind == "rate" for mark in state.marks) or (
        len(rates) > 1 and not rates[0][1] == rates[len(rates) // 2][1] == rates[-1][1]
    )


def build_series(
    kind: str,
    state: RunState,
    overlaid_runs: Sequence[RunState],
    preferences: Preferences,
    window: Window,
) -> list[Series]:
    """Return what is drawn, the topmost last."""
    what, x_axis, smoothing = CHART_KINDS[kind], preferences.x_axis, preferences.smoothing
    train_sign, test_sign = ("*", "o") if preferences.ascii else ("●", "◆")
    out = overlay_series(kind, overlaid_runs, preferences, window)
    to_x = step_to_x(state, x_axis)
    if what.raw:
        name = "train" if what.scores else ""
        raw = downsample(getattr(state.curves, what.raw).points, to_x, window)
        if what.smooth and smoothing:
            out.append(Series("", raw, RAW, ".", line=False))
            raw = smooth(raw, smoothing)
        out.append(Series(name, raw, SMOOTH, "*", train_sign))
    if what.scores:
        scores = downsample(getattr(state.curves, what.scores).points, to_x, window, last=True)
        out.append(Series("test", scores, TEST, "o", test_sign))
    return out


def overlay_series(
    kind: str,
    runs: Sequence[RunState],
    preferences: Preferences,
    window: Window,
    inks: str = NUMBERS,
) -> list[Series]:
    """Return a line for each run, with the run's short name at its end.

    `inks` has a character for each run, which its name contains.
    """
    dashes = DASHES[1:] if inks == NUMBERS else DASHES
    x_axis, smoothing = preferences.x_axis, preferences.smoothing
    out = []
    for ink, tag, dash, run in zip(inks, OVERLAY, dashes, runs, strict=False):
        points = _overlay_points(Identity(run), kind, x_axis, smoothing, window)
        name = short_name(run, ink)
        out.append(Series(name, points, tag, ink, dash=dash, label=name))
    return out


def short_name(run: RunState, ink: str) -> str:
    """Return a run's network with its number or letter among the overlaid runs: 1 mlp, a cnn."""
    return f"{ink} {run.started.arch if run.started else '?'}"


class Identity:
    """A run as a cache key, equal to itself alone.

    Comparing two runs by their curves would take longer than drawing them.
    """

    def __init__(self, run: RunState) -> None:
        self.run = run

    def __hash__(self) -> int:
        return id(self.run)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and other.run is self.run


@lru_cache(maxsize=32)
def _overlay_points(
    key: Identity, kind: str, x_axis: str, smoothing: float, window: Window
) -> Points:
    """Return the curve of an earlier run, smoothed as that of the newest one is."""
    run, what = key.run, CHART_KINDS[kind]
    curve = getattr(run.curves, what.raw or what.scores)
    points = downsample(curve.points, step_to_x(run, x_axis), window, last=not what.raw)
    return smooth(points, smoothing) if what.raw and what.smooth and smoothing else points


def downsample(
    points: Points, to_x: Callable[[float], float], window: Window, *, last: bool = False
) -> list[tuple[float, float]]:
    """Return the points (step, value) of a window as (x, value), at most POINTS_PER_COLUMN each.

    A point is the mean over one of equal intervals of x, or with `last` the last value of it; so
    an interval that is complete keeps its point. The first point of all stays as it is: for a
    loss it is the one of the untrained network. The last point before the window is moved to its
    edge, for the line to begin there.
    """
    most = window.columns * POINTS_PER_COLUMN
    per = most / (window.high - window.low)
    out: list[tuple[float, float]] = []
    before: tuple[float, float] | None = None
    interval, x, total, count = -1, 0.0, 0.0, 0
    for place, (step, value) in enumerate(points):
        at = to_x(step)
        if at < window.low:
            before = (at, value)
            continue
        if at > window.high * (1 + 1e-9):
            break
        here = min(int((at - window.low) * per), most - 1) if place else -1
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


def loss_of_guessing(kind: str, state: RunState, series: Sequence[Series]) -> float | None:
    """Return the loss of equal probabilities for all classes, to be drawn on the chart of the loss.

    None once the training loss has been below half of it.
    """
    if kind != "loss" or not state.started:
        return None
    guessing = math.log(max(2, state.started.classes))
    own = [each for each in series if each.tag == SMOOTH] or series
    losses = [value for each in own for _, value in each.points]
    return None if min(losses, default=guessing) < guessing / 2 else guessing


def place_marks(state: RunState, preferences: Preferences, window: Window) -> dict[int, Mark]:
    """Return the mark of each column that has any, the rarest kind where there are several.

    Those of saved checkpoints are left out unless the preferences ask for them.
    """
    to_x = step_to_x(state, preferences.x_axis)
    shown = [mark for mark in state.marks if preferences.marks or mark.kind != "saved"]
    rarest_last = sorted(shown, key=lambda mark: RARITY.index(mark.kind))
    marks = [(to_x(mark.step), mark) for mark in rarest_last]
    return {window.column(x): mark for x, mark in marks if window.low <= x <= window.high}
