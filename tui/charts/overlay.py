"""Runs laid over one another on one chart, none before the others."""

from collections.abc import Sequence
from dataclasses import replace

from tui.charts.series import CHART_KINDS, OVERLAY, Points, Series, downsample, smooth
from tui.charts.x_axis import Window, step_to_x
from tui.preferences import Preferences
from tui.state.curves import Curves
from tui.state.run_state import LETTERS, RunState

# So many letters of each run there is room for across a chart; their places differ from run to run.
LETTERS_ACROSS = 6


def build_overlay_frame(runs: Sequence[RunState]) -> RunState:
    """A state that has none of their curves, and a chart on which all of them have room."""
    begun = [(run, run.started) for run in runs if run.started]
    if not begun:
        return RunState()
    longest = max((run for run, _ in begun), key=lambda run: run.seconds)
    steps = max(max(run.step, started.total_steps) for run, started in begun)
    epochs = max(started.epochs for _, started in begun)
    frame = replace(
        begun[0][1], total_steps=steps, epochs=epochs, steps_per_epoch=max(1, steps // epochs)
    )
    return RunState(
        phase="finished",
        started=frame,
        step=steps,
        seconds=longest.seconds,
        curves=Curves(clock=longest.curves.clock),
    )


def build_overlay_series(
    kind: str, runs: Sequence[RunState], preferences: Preferences, window: Window
) -> list[Series]:
    """Of each run a line in its colour, and on it its letter. Runs that have told nothing have
    their letter all the same, and no points."""
    what = CHART_KINDS[kind]
    line = "." if preferences.ascii else "braille"
    lines, letters = [], []
    for number, (letter, tag, run) in enumerate(zip(LETTERS, OVERLAY, runs, strict=False)):
        curve = getattr(run.curves, what.raw or what.scores)
        points: Points = downsample(curve.points, step_to_x(run, preferences.x_axis), window)
        if what.raw and what.smooth and preferences.smoothing:
            points = smooth(points, preferences.smoothing)
        lines.append(Series("", points, tag, line, line=True))
        letters.append(Series(letter, _lettered(points, number, len(runs)), tag, marker=letter))
    return [*lines, *letters]


def _lettered(points: Points, number: int, runs: int) -> Points:
    """Where a run's letter stands: at some of its points, and at its last one, whose value is the
    one that is told."""
    every = max(1, len(points) // LETTERS_ACROSS)
    first = every * (number + 1) // (runs + 1)
    return [*points[first:-1:every], *points[-1:]]
