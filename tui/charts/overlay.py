"""Several runs on one chart, all drawn alike."""

from collections.abc import Sequence
from dataclasses import replace

from tui.charts.series import OVERLAY, Points, Series, smoothed_curve
from tui.charts.x_axis import Window
from tui.preferences import Preferences
from tui.state.curves import Curves
from tui.state.run_state import LETTERS, RunState

# How often a run's letter stands on its line; the places differ from run to run.
LETTERS_ACROSS = 6


def build_overlay_frame(runs: Sequence[RunState]) -> RunState:
    """Return a state without curves whose axes are long enough for all runs."""
    begun = [(run, run.started) for run in runs if run.started]
    if not begun:
        return RunState()
    steps = max(max(run.step, started.total_steps) for run, started in begun)
    epochs = max(started.epochs for _, started in begun)
    an_epoch = max(1, steps // epochs)
    frame = replace(begun[0][1], total_steps=steps, epochs=epochs, steps_per_epoch=an_epoch)
    longest = max((run for run, _ in begun), key=lambda run: run.seconds)
    axes = RunState(phase="finished", started=frame, step=steps, seconds=longest.seconds)
    return replace(axes, curves=Curves(clock=longest.curves.clock))


def build_overlay_series(
    kind: str, runs: Sequence[RunState], preferences: Preferences, window: Window
) -> list[Series]:
    """Return for each run a line in its colour and its letter on it; both may have no points."""
    x_axis, smoothing = preferences.x_axis, preferences.smoothing
    line = "." if preferences.ascii else "braille"
    lines, letters = [], []
    for number, (letter, tag, run) in enumerate(zip(LETTERS, OVERLAY, runs, strict=False)):
        points = smoothed_curve(run, kind, x_axis, smoothing, window)
        lines.append(Series("", points, tag, line, line=True))
        letters.append(Series(letter, _lettered(points, number, len(runs)), tag, marker=letter))
    return [*lines, *letters]


def _lettered(points: Points, number: int, runs: int) -> Points:
    """Return where a run's letter stands: at some points and the last, whose value is shown."""
    every = max(1, len(points) // LETTERS_ACROSS)
    first = every * (number + 1) // (runs + 1)
    return [*points[first:-1:every], *points[-1:]]
