"""The x-axis of a chart: where a step is on it, which part of the run is shown, and its ticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.preferences import Preferences
from tui.state.curves import Curve
from tui.state.run_state import RunState
from tui.text.formats import format_duration

# Parts of a power of ten to which the estimated seconds of a run are rounded, by at most a third.
TOTALS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
# At least so many columns from tick to tick, for their labels.
TICK_COLUMNS = {"epoch": 8, "step": 10, "time": 10, "samples": 14}
# Seconds from tick to tick that are round on a clock.
CLOCK_STEPS = (*(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800), *(3600, 7200, 18_000, 36_000))


@dataclass(frozen=True)
class Window:
    """The part of the x-axis that is shown, `columns` cells wide."""

    low: float
    high: float
    columns: int
    step: float = 0.0  # from tick to tick; 0: chosen by x_ticks
    end: float = math.inf  # no ticks after it

    def column(self, x: float) -> int:
        """Return the cell of x, 0 being the first."""
        # Not with round, which takes halves to the even neighbour: ticks would not be even.
        return math.floor((x - self.low) / (self.high - self.low) * (self.columns - 1) + 0.5)

    def at(self, share: float) -> float:
        """Return the x at that share (0 to 1) of the width."""
        return self.low + share * (self.high - self.low)


def step_to_x(state: RunState, x_axis: str) -> Callable[[float], float]:
    """Return what maps a step to its x: the step itself, the samples of all steps so far, epochs,
    or seconds since the start."""
    run = state.started
    if x_axis == "step" or run is None:
        return float
    if x_axis == "samples":
        return lambda step: step / run.steps_per_epoch * run.train_samples
    if x_axis == "epoch":
        return lambda step: step / run.steps_per_epoch
    return _step_to_seconds(state.curves.clock)


def _step_to_seconds(clock: Curve) -> Callable[[float], float]:
    """Interpolate linearly between the clock's points (step, seconds)."""
    points = ((0.0, 0.0), *clock.points)
    place = 0

    def seconds(step: float) -> float:
        # Within a series steps rise, so the search continues where it was; each series starts over.
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


def choose_window(
    state: RunState, preferences: Preferences, columns: int, newest: float | None = None
) -> Window:
    """Return the part of a started run to show.

    Without zoom that is the whole planned run, so that drawn points keep their columns. With zoom
    it is the newest part, and moves on by a quarter of its size at a time. `newest` is the x of the
    newest step, where that is not the run's own.
    """
    run = state.started
    assert run is not None
    to_x = step_to_x(state, preferences.x_axis)
    now = to_x(state.step) if newest is None else newest
    total = {"step": float(run.total_steps), "epoch": float(run.epochs)}.get(preferences.x_axis)
    if total is None:
        total = now
        if state.phase == "training" and state.share:
            total = round_up(max(now, state.seconds / state.share) * 1.02, TOTALS)
    total = max(total, 1e-6)
    if preferences.zoom == 1:
        return even_window(preferences.x_axis, 0.0, total, columns)
    size = total * preferences.zoom
    high = min(max(size, math.ceil(now / size * 4 + 1e-9) * size / 4), max(total, size))
    return even_window(preferences.x_axis, high - size, high, columns)


def even_window(x_axis: str, low: float, high: float, columns: int) -> Window:
    """Return a window that ends a little after `high`, so that its ticks are a whole number of
    cells apart."""
    step = _tick_step(x_axis, low, high, columns)
    apart = math.floor((columns - 1) * step / (high - low) + 1e-9)
    return Window(low, low + (columns - 1) * step / apart, columns, step)


def round_up(size: float, parts: Sequence[float] = (1, 2, 5)) -> float:
    """Return the next of these numbers times a power of ten; the default suits ticks."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(power * part for part in (*parts, 10) if power * part >= size * 0.999999)


def _tick_step(x_axis: str, low: float, high: float, columns: int) -> float:
    size = high - low
    parts: Sequence[float] = (1, 2, 5)
    if x_axis == "epoch":  # so that the last epoch of most runs has a tick
        parts = (1, 2, 3, 5) if size >= 3 else (1, 5)
    step = round_up(size / max(1, columns // TICK_COLUMNS[x_axis]), parts)
    if x_axis == "time":
        clock = [each for each in CLOCK_STEPS if each >= step]
        return float(clock[0]) if clock and size >= 60 else step
    if low > 0 and step > size / 2:  # there may be one tick only
        step = round_up(step / 2.5, parts)
    return max(step, 1.0) if x_axis in ("step", "samples") or size >= 3 else step


def x_ticks(x_axis: str, window: Window) -> tuple[list[float], list[str]]:
    """Return round places on the axis and their labels; the last label names the axis."""
    step = window.step or _tick_step(x_axis, window.low, window.high, window.columns)
    first, last = (
        math.ceil(window.low / step - 1e-9),
        math.floor(min(window.high, window.end) / step + 1e-9),
    )
    places = [step * i for i in range(first, last + 1)]
    if x_axis == "time":
        labels = [f"{at:.3g} s" if window.high < 60 else format_duration(at) for at in places]
    else:
        labels = [f"{at:,.10g}" for at in places]
        if labels:
            labels[-1] = f"{x_axis} {labels[-1]}"
    return places, labels


def format_x(x_axis: str, x: float) -> str:
    """Return a place on the axis with its unit or name."""
    if x_axis == "time":
        return format_duration(x)
    return f"epoch {x:.2f}" if x_axis == "epoch" else f"{x_axis} {x:,.0f}"
