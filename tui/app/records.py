"""What the app shows of a run's record, read much faster than event by event."""

from pathlib import Path

from core.events import Event
from tui.state.run_state import RecordRead


def recall(folder: Path, size: int | None) -> list[Event]:
    """Return one event for the first `size` bytes of a run's record; None for all of it."""
    from tui.state.history import read_run

    return [RecordRead(state=read_run(folder, size))]
