"""The y-axis of a chart: its scale, the values it covers, and its ticks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.charts.series import CHART_KINDS, RAW, TEST, Series
from tui.preferences import Preferences

UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
LONGEST_LABEL = 12  # characters
# The share of a run, at its beginning, whose values may leave the axis at the top, and by how much
# the axis must shrink for it.
BEGINNING, SHRINKS = 0.1, 0.5
MAX_DECADES = 8  # below the largest value; less is drawn at the bottom
LEAST_ERROR = 5e-5  # of a network without errors, on a log scale
LEAST = 1e-12
ACCURACIES = ("accuracy", "test_accuracy")

Tick = tuple[int, str]  # the row of cells, from the bottom, and its label


@dataclass(frozen=True)
class YAxis:
    """Rows of cells from `low` at the middle of the bottom one, each `unit` higher."""

    low: float
    unit: float
    ticks: tuple[Tick, ...]

    def dot(self, value: float, up: int) -> int:
        """Return the row of a scaled value, from the bottom, with `up` dots a cell."""
        return math.floor(((value - self.low) / self.unit + 0.5) * up)


def value_scale(kind: str, log_scale: bool) -> Callable[[float], float]:
    """Return what maps a value to where it is drawn.

    That is the value, or with `log_scale` its log10; for the accuracy the log10 of the error.
    """
    if not log_scale:
        return float
    if kind in ACCURACIES:
        return lambda value: math.log10(max(1 - value, LEAST_ERROR))
    return lambda value: math.log10(max(value, LEAST))


def build_y_axis(
    kind: str,
    series: Sequence[Series],
    preferences: Preferences,
    rows: int,
    least_top: float | None = None,
) -> YAxis:
    """Return the axis for a plot of `rows` cells. `least_top` is a value that it must reach."""
    scale, what = value_scale(kind, preferences.log_scale), CHART_KINDS[kind]
    if preferences.log_scale:
        low, high = _bounds([scale(value) for each in series for value in _finite(each)])
        if least_top is not None:
            high = max(high, scale(least_top))
        return log_axis(low, high, rows, as_percent=kind in ACCURACIES)
    from_zero = what.from_zero and preferences.zoom == 1
    low, high = _bounds([value for each in series for value in _finite(each, from_zero)])
    if from_zero:
        whole = max((value for each in series for value in _finite(each)), default=high)
        high = high if high < whole * SHRINKS else whole
    if least_top is not None:
        high = max(high, least_top)
    if kind in ACCURACIES:
        axis = linear_axis(low * 100, high * 100, rows, most=100.0)
        ticks = tuple((row, f"{label}%") for row, label in axis.ticks)
        return YAxis(axis.low / 100, axis.unit / 100, ticks)
    return linear_axis(0.0 if from_zero else low, high, rows)


def _finite(series: Series, without_beginning: bool = False) -> list[float]:
    """Return the values that the axis must cover; raw ones may leave it.

    Those of the beginning are left out on request, where the series is one of training.
    """
    points = () if series.tag == RAW else series.points
    if without_beginning and points and series.tag != TEST:
        first, last = points[0][0], points[-1][0]
        points = [each for each in points if each[0] >= first + BEGINNING * (last - first)]
    return [value for _, value in points if math.isfinite(value) and value <= series.most]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (0.0, 1.0)


def linear_axis(low: float, high: float, rows: int, most: float = math.inf) -> YAxis:
    """Return the closest axis around low and high whose ticks are round and some cells apart.

    Ticks above `most` are left out.
    """
    if high - low < 1e-9 * max(1.0, abs(high)):  # a flat line
        low, high = (0.0, high * 1.5) if high > 0 else (low - 1, high + 1)
        high = min(high, most)
    best: tuple[float, float, float, int] | None = None
    for apart in (2, 3) if rows < 10 else (3, 4) if rows < 20 else (4, 5, 6):
        step = _next_round((high - low) / rows * apart)
        while True:
            bottom = math.floor(low / step + 1e-9) * step
            if bottom + (rows - 0.6) * step / apart >= high:
                break
            step = _next_round(step * 1.01)
        if best is None or step / apart < best[0] * 0.999:
            best = step / apart, bottom, step, apart
    assert best is not None
    unit, bottom, step, apart = best
    count = (rows - 1) // apart + 1
    places = [bottom + step * i for i in range(count)]
    places = [at for at in places if at <= most * (1 + 1e-9)]
    labels = _labels(places, step)
    return YAxis(bottom, unit, tuple((i * apart, label) for i, label in enumerate(labels)))


def _next_round(size: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(power * part for part in (1, 2, 5, 10) if power * part >= size * 0.999999)


def _labels(places: Sequence[float], step: float) -> list[str]:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    unit, sign = next((each for each in UNITS if step >= each[0]), (1.0, ""))
    labels = [f"{at:,.{decimals}f}" for at in places]
    if sign:
        labels = [f"{at / unit:,.10g}{sign}" if at else "0" for at in places]
    if decimals > 5 or max(map(len, labels)) > LONGEST_LABEL:
        labels = [f"{at:.2g}" for at in places]
    return labels


def log_axis(low: float, high: float, rows: int, *, as_percent: bool = False) -> YAxis:
    """Return an axis for log10 values, with ticks at powers of ten and, where there is room for
    them, at three times these."""
    low = max(low, high - MAX_DECADES)
    axis = _fit_decades(low, high, rows, as_percent)
    if len(axis.ticks) < 2 or high - low < 0.5:
        low, high = math.floor(low * 2 + 1e-9) / 2, math.ceil(high * 2 - 1e-9) / 2
        axis = _fit_decades(low, max(high, low + 0.5), rows, as_percent)
    return axis


def _fit_decades(low: float, high: float, rows: int, as_percent: bool) -> YAxis:
    # A whole number of cells for half a decade or a decade, or of decades for a cell, so that
    # ticks are even.
    most = rows - rows % 2
    units = [*(1 / cells for cells in (*range(most, 3, -2), 3, 2)), *map(float, range(1, 1000))]
    unit, bottom = next(
        (unit, bottom)
        for unit in units
        for bottom in [math.floor(low / unit + 1e-9) * unit]
        if bottom + (rows - 0.6) * unit >= high
    )
    step = 0.5 if unit <= 1 / 4 else max(1.0, 2 * unit)
    ticks = []
    for i in range(math.ceil(bottom / step - 1e-9), 10_000):
        row = math.floor((i * step - bottom) / unit + 0.5)
        if row >= rows:
            break
        value = (3.0 if i * step % 1 else 1.0) * 10.0 ** math.floor(i * step)
        ticks.append((row, f"{value * 100:.10g}%" if as_percent else f"{value:.6g}"))
    return YAxis(bottom, unit, tuple(ticks))


def fit_label(label: str, width: int) -> str:
    """Return a tick's label right-justified in exactly `width` columns.

    Where it does not fit, a shorter form of the same value stands in, or nothing.
    """
    if len(label) > width and re.fullmatch(r"[\d.,]+", label):
        power = f"{float(label.replace(',', '')):.1e}"
        label = re.sub(r"(\.0)?e([+-])0*", lambda match: f"e{match[2].strip('+')}", power)
    return (label if len(label) <= width else "").rjust(width)
