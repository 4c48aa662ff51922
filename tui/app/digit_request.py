"""Whom to ask what the network makes of a digit."""

from core.commands import Command, OpenCheckpoint, Predict
from tui.state.run_state import RunState


def question(
    state: RunState, indices: tuple[int, ...], path: str | None, data: str | None
) -> tuple[Command, int] | None:
    """What to ask the engine for those digits, and the step that the answer is of: of an opened
    checkpoint, of the network that is training, or of what a run has left. None: there is nobody
    to ask.
    """
    if path:
        return OpenCheckpoint(path, indices, data), 0
    if state.phase in ("training", "paused"):
        return Predict(indices), state.step
    if state.phase in ("finished", "stopped", "failed") and state.checkpoint:
        return OpenCheckpoint(state.checkpoint, indices, data), state.step
    return None
