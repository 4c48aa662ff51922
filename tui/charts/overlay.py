"""Several runs on one chart, all drawn alike."""

from collections.abc import Sequence
from dataclasses import replace

from tui.state.curves import Curves
from tui.state.run_state import RunState


def build_overlay_frame(runs: Sequence[RunState]) -> RunState:
    """Return a state without curves whose axes are long enough for all runs, and whose newest
    step is the last one that any of them has trained."""
    begun = [(run, run.started) for run in runs if run.started]
    if not begun:
        return RunState()
    steps = max(max(run.step, started.total_steps) for run, started in begun)
    epochs = max(started.epochs for _, started in begun)
    an_epoch = max(1, steps // epochs)
    frame = replace(begun[0][1], total_steps=steps, epochs=epochs, steps_per_epoch=an_epoch)
    longest = max((run for run, _ in begun), key=lambda run: run.seconds)
    newest = max(run.step for run, _ in begun)
    axes = RunState(phase="finished", started=frame, step=newest, seconds=longest.seconds)
    return replace(axes, curves=Curves(clock=longest.curves.clock))
