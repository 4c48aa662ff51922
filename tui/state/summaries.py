"""What is said of a run, in one line each: the same on the screen and on the command line."""

from tui.state.run_state import RunState
from tui.text.formats import format_loss, format_percent


def headline(state: RunState) -> str:
    run = state.started
    assert run is not None
    epochs = "1 epoch" if run.epochs == 1 else f"{run.epochs} epochs"
    since = f", from step {run.step:,} on" if run.step else ""
    where = trained_on(run.device, run.threads, run.ranks)
    return (
        f"{run.run}: {run.arch} ({run.parameters:,} parameters) on {where} in {run.precision}, "
        f"{run.train_samples:,} digits of {run.dataset}, {epochs}{since}"
    )


def trained_on(device: str, threads: int | None, ranks: int) -> str:
    """The devices, and how many threads each of the processes has where it is a CPU."""
    said = f"{ranks} × {device.split(':')[0]}" if ranks > 1 else device
    if device == "cpu":
        said += f" with {threads} thread{'s' * (threads != 1)}{' each' * (ranks > 1)}"
    return said


def epoch_line(state: RunState) -> str:
    score, run = state.score, state.started
    assert score is not None
    assert run is not None
    # A run that is taken up may begin with a score, before it has trained a step.
    trained = f"training loss {format_loss(state.epoch_loss)}, " if state.epoch_steps else ""
    speed = f", {state.samples_per_second:,.0f} samples/s" if state.samples_per_second else ""
    return (
        f"epoch {score.epoch}/{run.epochs}: {trained}test loss {format_loss(score.loss)}, "
        f"test accuracy {format_percent(score.accuracy)}{speed}"
    )


def farewell(state: RunState) -> str:
    """The one line that is left when a run has ended: how it went and where it is kept."""
    if state.phase == "failed":
        return state.message
    if state.phase not in ("finished", "stopped"):
        return f"the last checkpoint is {state.checkpoint}" if state.checkpoint else ""
    how = "finished" if state.phase == "finished" else f"stopped at step {state.step:,}"
    test = f", test accuracy {format_percent(state.score.accuracy)}" if state.score else ""
    return f"{how}{test}; checkpoint: {state.checkpoint}"
