"""What a chart shows, worked out without a screen: its series, its part of the run, its axes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tui.preferences import Preferences
from tui.state.curves import Curve
from tui.state.run_state import LETTERS, Mark, RunState
from tui.text.formats import format_duration, format_percent

Points = Sequence[tuple[float, float]]

# plotext colours what it draws; these numbers say what is what when its text is read back.
AXIS, RAW, SMOOTH, TEST, MARK = 1, 2, 3, 4, 5
OVERLAY = (6, 7, 8, 9)
RARITY = ("saved", "paused", "rate", "branch")
# Braille cells are two dots wide: more points than that a column cannot show.
POINTS_PER_COLUMN = 2
UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
LONGEST_LABEL = 12


@dataclass(frozen=True)
class ChartKind:
    """What one chart is of. `raw` and `scores` are names of RunState's curves."""

    title: str
    raw: str = ""
    scores: str = ""  # values of evaluations, one an epoch
    smooth: bool = True
    from_zero: bool = True
    text: Callable[[float], str] = "{:.4g}".format


CHART_KINDS = {
    "loss": ChartKind("loss", "losses", "test_losses"),
    "accuracy": ChartKind(
        "test accuracy", scores="accuracies", from_zero=False, text=format_percent
    ),
    "rate": ChartKind("learning rate", "rates", smooth=False),
    "gradient": ChartKind("gradient norm", "gradients"),
    "speed": ChartKind("samples/s", "speeds", text="{:,.0f}".format),
}


@dataclass(frozen=True)
class Series:
    """Points (x, y), and how they are drawn: as a line of dots, as dots alone, or as a sign."""

    name: str
    points: Points
    tag: int
    marker: str = "braille"
    line: bool = False


@dataclass(frozen=True)
class Window:
    """The part of the x-axis that is shown, over so many columns."""

    low: float
    high: float
    columns: int

    def column(self, x: float) -> int:
        return round((x - self.low) / (self.high - self.low) * (self.columns - 1))

    def at(self, share: float) -> float:
        return self.low + share * (self.high - self.low)


def scale_of(kind: str, log_scale: bool) -> Callable[[float], float]:
    """What of a value is drawn: itself, or on a log scale its logarithm; of an accuracy, that of
    the error, so that 99% and 99.9% are as far apart as 90% and 99%."""
    if not log_scale:
        return float
    if kind == "accuracy":
        return lambda value: _log10(1 - value)
    return _log10


def _log10(value: float) -> float:
    return math.log10(max(value, 1e-12))


def place_of(state: RunState, x_axis: str) -> Callable[[float], float]:
    """The x of a step: the step itself, in epochs, or in seconds since the run's start."""
    run = state.started
    if x_axis == "step" or run is None:
        return float
    if x_axis == "epoch":
        return lambda step: step / run.steps_per_epoch
    return _seconds(state.curves.clock)


def _seconds(clock: Curve) -> Callable[[float], float]:
    points = ((0.0, 0.0), *clock.points)
    place = 0

    def seconds(step: float) -> float:
        # Steps are asked in rising order, but for each series anew.
        nonlocal place
        if step < points[place][0]:
            place = 0
        while place + 1 < len(points) and points[place + 1][0] <= step:
            place += 1
        start, since = points[place]
        if place + 1 == len(points):
            return since
        end, until = points[place + 1]
        return since + (until - since) * (step - start) / max(end - start, 1e-9)

    return seconds


def window_of(state: RunState, preferences: Preferences, columns: int) -> Window:
    """All of the planned run, so that what is behind stays where it is; or its newest part, which
    moves on by a quarter at a time."""
    run = state.started
    assert run is not None
    place = place_of(state, preferences.x_axis)
    now = place(state.step)
    total = {"step": float(run.total_steps), "epoch": float(run.epochs)}.get(preferences.x_axis)
    if total is None:
        total = now
        if state.phase == "training" and state.share:
            total = rounded(max(now, state.seconds / state.share) * 1.02)
    total = max(total, 1e-6)
    if preferences.zoom == 1:
        return Window(0.0, total, columns)
    size = total * preferences.zoom
    high = min(max(size, math.ceil(now / size * 4 + 1e-9) * size / 4), max(total, size))
    return Window(high - size, high, columns)


def rounded(size: float) -> float:
    """The next of a few round numbers, not much further on."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(
        power * part for part in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if power * part >= size
    )


def series_of(
    kind: str,
    state: RunState,
    overlaid_runs: Sequence[RunState],
    preferences: Preferences,
    window: Window,
) -> list[Series]:
    """What is drawn, the last on top."""
    what = CHART_KINDS[kind]
    dots, line = (".", "*") if preferences.ascii else ("braille", "braille")
    out = []
    for letter, tag, run in zip(LETTERS, OVERLAY, overlaid_runs, strict=False):
        points = _earlier(kind, run, preferences, window)
        out.append(Series(letter, points, tag, marker=letter))
    place = place_of(state, preferences.x_axis)
    if what.raw:
        raw = thin(getattr(state.curves, what.raw).points, place, window)
        smoothing = preferences.smoothing if what.smooth else 0.0
        if not smoothing:
            out.append(Series("training", raw, SMOOTH, line, line=True))
        else:
            out.append(Series("raw", raw, RAW, dots))
            out.append(Series("training", smoothed(raw, smoothing), SMOOTH, line, line=True))
    if what.scores:
        scores = thin(getattr(state.curves, what.scores).points, place, window, last=True)
        if not what.raw:
            out.append(Series("", scores, RAW, dots, line=True))
        out.append(Series("test", scores, TEST, marker="o" if preferences.ascii else "●"))
    return out


def _earlier(kind: str, run: RunState, preferences: Preferences, window: Window) -> Points:
    """Of an earlier run its smoothed curve, a point every few columns."""
    return _earlier_cached(_Same(run), kind, preferences.x_axis, preferences.smoothing, window)


class _Same:
    """A run as a key, by being the same: to compare two by their curves would cost more than to
    draw them."""

    def __init__(self, run: RunState) -> None:
        self.run = run

    def __hash__(self) -> int:
        return id(self.run)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.run is self.run


@lru_cache(maxsize=32)
def _earlier_cached(
    same: _Same, kind: str, x_axis: str, smoothing: float, window: Window
) -> Points:
    what, place = CHART_KINDS[kind], place_of(same.run, x_axis)
    curve = getattr(same.run.curves, what.raw or what.scores)
    points = thin(curve.points, place, window)
    if what.raw and what.smooth:
        points = smoothed(points, smoothing)
    if what.raw:
        return points[2 :: POINTS_PER_COLUMN * 3]
    return points


def thin(
    points: Points, place: Callable[[float], float], window: Window, *, last: bool = False
) -> list[tuple[float, float]]:
    """The points (step, value) as (x, value), those in the window, at most POINTS_PER_COLUMN of
    them: means over equal stretches of it, or the last of each, so that a stretch that is behind
    keeps its point. One point from before the window stays, to draw its line from."""
    most = window.columns * POINTS_PER_COLUMN
    per = most / (window.high - window.low)
    out: list[tuple[float, float]] = []
    before: tuple[float, float] | None = None
    stretch, x, total, count = -1, 0.0, 0.0, 0
    for step, value in points:
        at = place(step)
        if at < window.low:
            before = (at, value)
            continue
        if at > window.high * (1 + 1e-9):
            break
        here = int((at - window.low) * per)
        if here != stretch and count:
            out.append((x, total / count))
            total, count = 0.0, 0
        if last:
            total, count = 0.0, 0
        stretch, x, total, count = here, at, total + value, count + 1
    if count:
        out.append((x, total / count))
    if before and out and window.low > 0:
        out.insert(0, (window.low, before[1]))
    return out


def smoothed(points: Points, weight: float) -> list[tuple[float, float]]:
    """Exponential moving average without the pull of its start: Adam's correction,
    https://arxiv.org/abs/1412.6980."""
    mean, left, out = 0.0, 1.0, []
    for x, value in points:
        mean = weight * mean + (1 - weight) * value
        left *= weight
        out.append((x, mean / (1 - left)))
    return out


def marks_of(state: RunState, preferences: Preferences, window: Window) -> dict[int, Mark]:
    """By column; of several in one column the rarest kind."""
    place = place_of(state, preferences.x_axis)
    rarest_last = sorted(state.marks, key=lambda mark: RARITY.index(mark.kind))
    marks = [(place(mark.step), mark) for mark in rarest_last]
    return {window.column(x): mark for x, mark in marks if window.low <= x <= window.high}


def y_axis_of(
    kind: str, series: Sequence[Series], preferences: Preferences, height: int
) -> tuple[float, float, list[tuple[float, str]]]:
    """Bounds and ticks (place, label) for the values, in what `scale_of` makes of them."""
    scale = scale_of(kind, preferences.log_scale)
    values = [scale(value) for each in series for _, value in each.points if math.isfinite(value)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    most = max(2, height // 3)
    if preferences.log_scale:
        low, high, ticks = log_axis(low, high, most)
        if kind == "accuracy":
            ticks = [(at, f"{10**at:.4%}".rstrip("0%").rstrip(".") + "%") for at, _ in ticks]
        return low, high, ticks
    from_zero = CHART_KINDS[kind].from_zero and preferences.zoom == 1
    low, high, ticks = linear_axis(0.0 if from_zero else low, high, most)
    if kind == "accuracy":
        high = min(high, 1.0)
        ticks = [(at, f"{at * 100:.4g}%") for at, _ in ticks if at <= 1.0 + 1e-9]
    return low, high, ticks


def linear_axis(low: float, high: float, most: int) -> tuple[float, float, list[tuple[float, str]]]:
    """Between round numbers around the lowest and the highest, with round ticks."""
    if high - low < 1e-9 * max(1.0, abs(high)):  # a flat line
        low, high = (0.0, high * 2) if high > 0 else (low - 1, high + 1)
    step = nice((high - low) / most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    labels = [(step * i, f"{step * i:,.{digits}f}") for i in range(first, last + 1)]
    unit, sign = next((each for each in UNITS if step >= each[0]), (1.0, ""))
    if sign:
        labels = [(at, f"{at / unit:,.10g}{sign}") for at, _ in labels]
    if digits > 5 or max(len(label) for _, label in labels) > LONGEST_LABEL:
        labels = [(at, f"{at:.2g}") for at, _ in labels]
    return step * first, step * last, labels


def log_axis(low: float, high: float, most: int) -> tuple[float, float, list[tuple[float, str]]]:
    """Bounds and ticks for log10 values: at 1, 2 and 5 times powers of ten, or powers alone."""
    bottom, top = math.floor(low), math.ceil(high)
    marks = [
        (power + math.log10(part), f"{part * 10.0**power:.6g}")
        for power in range(bottom, top + 1)
        for part in (1, 2, 5)
    ]
    start = max(i for i, (at, _) in enumerate(marks) if at <= low + 1e-9)
    end = next((i for i, (at, _) in enumerate(marks) if at >= high - 1e-9), len(marks) - 1)
    end = max(end, start + 1)
    shown = marks[start : end + 1]
    if len(shown) > most:
        whole = [mark for mark in shown if mark[1].lstrip("0.").startswith("1")]
        shown_ticks = whole[:: max(1, math.ceil(len(whole) / most))] or shown[:: len(shown) - 1]
    else:
        shown_ticks = shown
    return shown[0][0], shown[-1][0], shown_ticks


def nice(size: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(power * part for part in (1, 2, 5, 10) if power * part >= size * 0.999999)


def x_ticks(x_axis: str, window: Window) -> tuple[list[float], list[str]]:
    """Round places and what to call them; the last has the axis's name."""
    most = max(1, window.columns // 10)
    step = nice((window.high - window.low) / most)
    if x_axis != "time" and window.high - window.low >= 1:
        step = max(step, 1.0)
    first, last = math.ceil(window.low / step - 1e-9), math.floor(window.high / step + 1e-9)
    places = [step * i for i in range(first, last + 1)]
    if x_axis == "time":
        labels = [f"{at:.3g} s" if window.high < 60 else format_duration(at) for at in places]
    else:
        labels = [f"{at:,.10g}" for at in places]
        if labels:
            labels[-1] = f"{x_axis} {labels[-1]}"
    return places, labels


def _short(at: float, label: str, width: int, preferences: Preferences) -> str:
    """The label in exactly that width, so that the plot begins where the marks think it does. None
    rather than one that says another value."""
    value = 10**at if preferences.log_scale else at
    power = re.sub(r"(\.0)?e([+-])0*", lambda match: f"e{match[2].strip('+')}", f"{value:.1e}")
    return next((text for text in (label, power) if len(text) <= width), "").rjust(width)


def build_chart(
    kind: str,
    series: Sequence[Series],
    preferences: Preferences,
    window: Window,
    size: tuple[int, int],
) -> str:
    """The chart as plotext's text of that size, coloured with the numbers above."""
    import plotext

    width, height = size
    scale = scale_of(kind, preferences.log_scale)
    low, high, ticks = y_axis_of(kind, series, preferences, height)
    margin = width - window.columns - 1  # all labels the same, so that columns stay where they are
    ticks = [(at, _short(at, label, margin, preferences)) for at, label in ticks]
    figure: Any = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.canvas("default")
    ink = plotext.pixel(foreground=AXIS)
    figure.axes(False, axis=(0, 1), side=1)
    figure.axes(True, axis=(0, 1), side=0, pixel=ink)
    x_axis, y_axis = figure.ruler(0, 0), figure.ruler(1, 0)
    x_axis.lim(window.low, window.high).pixel(ink)
    x_axis.ticks(*x_ticks(preferences.x_axis, window))
    y_axis.lim(low, high).pixel(ink)
    y_axis.ticks([at for at, _ in ticks], [label for _, label in ticks])
    for each in series:
        # What is no number would end the process, in plotext's own code.
        points = [(x, scale(value)) for x, value in each.points if math.isfinite(value)]
        if not points:
            continue
        xs, ys = [x for x, _ in points], [y for _, y in points]
        shape = plotext.marker(each.marker, plotext.pixel(foreground=each.tag))
        figure.draw(figure.signal(xs, ys, marker=shape).lines(each.line))
    return figure.build().string()
