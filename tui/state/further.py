"""How a run that has ended can be trained further."""

from pathlib import Path

from core.commands import Start
from core.optim.schedules import PLANNED
from tui.state.run_state import RunState


def more_epochs(state: RunState) -> int | None:
    """Return how many epochs to add to a run that has ended: as many as it was trained for last.

    0 for a run that was stopped, which has some left; None for one that cannot be trained further.
    """
    run = state.started
    if run is None or state.checkpoint is None:
        return None
    if state.phase == "stopped" and state.step < state.total_steps:
        return 0
    is_planned = run.config.get("schedule") in PLANNED
    if state.phase not in ("finished", "stopped") or is_planned:
        return None
    return max(1, run.epochs - run.step // run.steps_per_epoch)


def prepare_further(
    folder: Path, data: str | None, epochs: int | None = None
) -> tuple[Start, RunState]:
    """Check that a run can be resumed, with another number of epochs if given, and read its record.

    Raises CheckpointError and UsageError. It reads files: call it in a thread.
    """
    from core.runs.resume import prepare_resume
    from tui.state.history import read_run

    config, resume_point = prepare_resume(str(folder), folder.parent, epochs, data)
    return Start(config, resume_point), read_run(folder)
