"""The y-axis of a chart: its scale, its bounds, its ticks and their labels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from tui.charts.series import CHART_KINDS, Series
from tui.charts.x_axis import round_up
from tui.preferences import Preferences

UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
LONGEST_LABEL = 12  # characters

Tick = tuple[float, str]  # where it is, and its label


def value_scale(kind: str, log_scale: bool) -> Callable[[float], float]:
    """Return what maps a value to where it is drawn.

    That is the value, or with `log_scale` its log10; for the accuracy the log10 of the error, so
    that 99% and 99.9% are as far apart as 90% and 99%.
    """
    if not log_scale:
        return float
    if kind == "accuracy":
        return lambda value: _log10(1 - value)
    return _log10


def _log10(value: float) -> float:
    return math.log10(max(value, 1e-12))


def build_y_axis(
    kind: str, series: Sequence[Series], preferences: Preferences, height: int
) -> tuple[float, float, list[Tick]]:
    """Return the bounds and ticks, as `value_scale` maps them, for a plot `height` lines high."""
    scale = value_scale(kind, preferences.log_scale)
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


def linear_axis(low: float, high: float, most: int) -> tuple[float, float, list[Tick]]:
    """Return round bounds around low and high, and about `most` round ticks."""
    if high - low < 1e-9 * max(1.0, abs(high)):  # a flat line
        low, high = (0.0, high * 2) if high > 0 else (low - 1, high + 1)
    step = round_up((high - low) / most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    decimals = max(0, -math.floor(math.log10(step)))
    ticks = [(step * i, f"{step * i:,.{decimals}f}") for i in range(first, last + 1)]
    unit, sign = next((each for each in UNITS if step >= each[0]), (1.0, ""))
    if sign:
        ticks = [(at, f"{at / unit:,.10g}{sign}") for at, _ in ticks]
    if decimals > 5 or max(len(label) for _, label in ticks) > LONGEST_LABEL:
        ticks = [(at, f"{at:.2g}") for at, _ in ticks]
    return step * first, step * last, ticks


def log_axis(low: float, high: float, most: int) -> tuple[float, float, list[Tick]]:
    """Return bounds and ticks for log10 values: 1, 2 and 5 times powers of ten, or powers alone."""
    bottom, top = math.floor(low), math.ceil(high)
    ticks = [
        (power + math.log10(part), f"{part * 10.0**power:.6g}")
        for power in range(bottom, top + 1)
        for part in (1, 2, 5)
    ]
    start = max(i for i, (at, _) in enumerate(ticks) if at <= low + 1e-9)
    end = next((i for i, (at, _) in enumerate(ticks) if at >= high - 1e-9), len(ticks) - 1)
    shown = ticks[start : max(end, start + 1) + 1]
    bounds = shown[0][0], shown[-1][0]
    if len(shown) > most:
        powers = [tick for tick in shown if tick[1].lstrip("0.").startswith("1")]
        shown = powers[:: max(1, math.ceil(len(powers) / most))] or shown[:: len(shown) - 1]
    return *bounds, shown


def fit_label(at: float, label: str, width: int, preferences: Preferences) -> str:
    """Return a tick's label right-justified in exactly `width` columns.

    Where it does not fit, a shorter form of the same value stands in, or nothing.
    """
    value = 10**at if preferences.log_scale else at
    power = re.sub(r"(\.0)?e([+-])0*", lambda match: f"e{match[2].strip('+')}", f"{value:.1e}")
    return next((text for text in (label, power) if len(text) <= width), "").rjust(width)
