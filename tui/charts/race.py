"""The lanes of a race on one chart: a line each, and of several seeds the mean and its band."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from tui.charts.series import (
    CHART_KINDS,
    OVERLAY,
    Identity,
    Points,
    Series,
    downsample,
    smooth,
)
from tui.charts.x_axis import TOTALS, Window, even_window, round_up, step_to_x
from tui.preferences import Preferences
from tui.state.race.race_state import RaceState
from tui.state.run_state import LETTERS, RunState
from tui.text.formats import cell_width, printable, truncate

RACE_CHARTS = ("train_loss", "test_accuracy", "test_loss", "speed")
RACE_AXES = ("samples", "epoch", "time")
SIGNS = "●◆▲■"  # of the lanes
SIGNS_APART = 24  # columns from one sign on a line to the next
LONGEST_LABEL = 16
LIVE_DASH = "100"  # of the line of the seed under way, beside the mean of those before it
# The band is shaded by dots, so many columns and at most so many rows of them.
SHADE_COLUMNS, SHADE_ROWS = 2, 5

BandPoint = tuple[float, float, float, float]  # x, mean, lowest, highest


def lane_sign(lane: int, *, ascii: bool) -> str:
    """Return the sign of a lane; in plain ASCII that is its letter."""
    return LETTERS[lane] if ascii else SIGNS[lane]


def race_window(
    race: RaceState, x_axis: str, preferences: Preferences, columns: int, label: int
) -> Window:
    """Return the part of the race to show: all of it, or with zoom its newest part. The last
    `label` columns are left for the names of the lines."""
    states = [state for lane in race.lanes for state in lane.states if state.started]
    ends = [step_to_x(state, x_axis) for state in states]
    now = max((to_x(state.step) for to_x, state in zip(ends, states, strict=True)), default=0.0)
    if x_axis == "time":
        total = max((_total_seconds(state) for state in states), default=1.0)
    else:
        total = max((step_to_x(state, x_axis)(state.total_steps) for state in states), default=1.0)
    total = max(total, now, 1e-6)
    low = 0.0
    if preferences.zoom < 1:
        size = total * preferences.zoom
        total = min(max(size, math.ceil(now / size * 4 + 1e-9) * size / 4), total)
        low = total - size
    high = low + (total - low) * columns / max(1, columns - label)
    window = even_window(x_axis, low, high, columns)
    return Window(window.low, window.high, window.columns, window.step, end=total)


def _total_seconds(state: RunState) -> float:
    if state.is_active and state.share:
        return round_up(max(state.seconds, state.seconds / state.share, 1e-6) * 1.02, TOTALS)
    return state.seconds


def label_width(race: RaceState) -> int:
    """Return the columns that the names of the lines take at their ends."""
    return 4 + max((min(LONGEST_LABEL, len(lane.name)) for lane in race.lanes), default=0)


def race_series(
    race: RaceState, kind: str, x_axis: str, preferences: Preferences, window: Window
) -> list[Series]:
    """Return what is drawn, the topmost last: bands, then the mean or only line of each lane, then
    that of the seed under way."""
    bands, lines, live = [], [], []
    most = _largest_loss(race) if kind in ("train_loss", "test_loss") else math.inf
    smoothing = preferences.smoothing
    for number, lane in enumerate(race.lanes):
        tag, sign = OVERLAY[number], lane_sign(number, ascii=preferences.ascii)
        name = truncate(printable(lane.name), LONGEST_LABEL)
        ink = LETTERS[number]
        done = tuple(s for s in lane.states[: race.seed + 1] if s.started and not s.is_active)
        current = [lane.states[race.seed]] if lane.states[race.seed].is_active else []
        keys = tuple(Identity(state) for state in done)
        line: Points = ()
        if len(done) > 1:
            band = _band(keys, kind, x_axis, smoothing, window)
            line = [(x, mean) for x, mean, _, _ in band]
            bands.append(Series("", _shade(band), tag, ".", line=False, most=most))
        elif done:
            line = _ended_points(keys[0], kind, x_axis, smoothing, window)
        newest: Points = ()
        for state in current:
            newest = _points(state, kind, x_axis, smoothing, window)
        if line and newest:
            live.append(Series("", newest, tag, ink, dash=LIVE_DASH, most=most))
        # Characters that are two cells wide would move those after them.
        label = f"{sign} {name}" if cell_width(name) == len(name) else sign
        shown = line or newest
        lines.append(Series(name, shown, tag, ink, sign, label=label, apart=SIGNS_APART, most=most))
    return [*bands, *live, *lines]


def _largest_loss(race: RaceState) -> float:
    """Return the loss from which on the curves of lanes that diverge may leave the chart: else the
    others would be flat lines at the bottom."""
    losses = [
        value
        for state in race.now
        if state.reason != "diverged"
        for value in (*_first_loss(state), state.loss, state.score.loss if state.score else None)
        if value is not None and math.isfinite(value)
    ]
    classes = max((len(state.class_names) for state in race.now), default=2)
    return max(2 * max(losses, default=0.0), 2 * math.log(max(2, classes)))


def _first_loss(state: RunState) -> tuple[float, ...]:
    return tuple(value for _, value in state.curves.losses.points[:1])


@lru_cache(maxsize=64)
def _ended_points(
    key: Identity, kind: str, x_axis: str, smoothing: float, window: Window
) -> Points:
    """Return the points of a run that does not change any more."""
    return _points(key.run, kind, x_axis, smoothing, window)


def _points(run: RunState, kind: str, x_axis: str, smoothing: float, window: Window) -> Points:
    what = CHART_KINDS[kind]
    curve = getattr(run.curves, what.raw or what.scores)
    points = downsample(curve.points, step_to_x(run, x_axis), window, last=not what.raw)
    return smooth(points, smoothing) if what.raw and what.smooth and smoothing else points


@lru_cache(maxsize=16)
def _band(
    keys: tuple[Identity, ...], kind: str, x_axis: str, smoothing: float, window: Window
) -> tuple[BandPoint, ...]:
    """Return the mean, the lowest and the highest value over the runs, where all of them are."""
    curves = [_ended_points(key, kind, x_axis, smoothing, window) for key in keys]
    curves = [each for each in curves if each]
    if not curves:
        return ()
    first, last = max(each[0][0] for each in curves), min(each[-1][0] for each in curves)
    xs = {x for each in curves for x, _ in each if first <= x <= last}
    if len(xs) < window.columns:  # of evaluations: the band between them is shaded too
        step = (window.high - window.low) / window.columns
        xs |= {first + step * i for i in range(int((last - first) / step) + 1)}
    out = []
    for x in sorted(xs):
        values = [_value_at(each, x) for each in curves]
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            out.append((x, sum(finite) / len(finite), min(finite), max(finite)))
    return tuple(out)


def _value_at(points: Points, x: float) -> float:
    """Interpolate linearly between the points."""
    place = bisect_left(points, x, key=lambda point: point[0])
    if place == len(points):
        return points[-1][1]
    right, after = points[place]
    if right == x or place == 0:
        return after
    left, before = points[place - 1]
    return before + (after - before) * (x - left) / (right - left)


def _shade(band: Sequence[BandPoint]) -> Points:
    """Return dots between the edges of a band, in every SHADE_COLUMNSth place."""
    return [
        (x, low + (high - low) * row / (SHADE_ROWS - 1))
        for x, _, low, high in band[::SHADE_COLUMNS]
        for row in range(SHADE_ROWS)
    ]
