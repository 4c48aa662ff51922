"""`--tensorboard`: a run's figures, written as TensorBoard's event files while it trains."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from errno import ELOOP
from pathlib import Path

from core.errors import explain, first_line
from core.events import Evaluated, Event, Notice, Progress, RunFailed, RunFinished, RunStarted
from core.files import NOT_A_FILE
from tui.headless.event_files import PATTERN, EventFile
from tui.headless.metrics_rows import row_of, rows_of

FOLDER = "tensorboard"


def telling_tensorboard(events: Iterable[Event]) -> Iterator[Event]:
    """The events; what they tell in figures is by then in the run's folder, below FOLDER. Where it
    cannot be written a Notice says so, and nothing more is tried."""
    place, file = Path(), None
    for event in events:
        try:
            match event:
                case RunStarted(folder=folder):
                    place = Path(folder) / FOLDER
                    file = _begin(place)
                case Progress() | Evaluated() if file:
                    file.tell([row_of(event)])
                case RunFinished() | RunFailed() if file:
                    file.close()
        except Exception as error:  # the package's own faults too: training is worth more
            why = explain(error) if isinstance(error, OSError) else first_line(error)
            message = f"TensorBoard's files in {place} cannot be written ({why})"
            yield Notice(message=f"{message}; training goes on without them")
            _give_up(file)
            file = None
        yield event


def _begin(place: Path) -> EventFile:
    """Each start of a run has a file of its own, which begins with all that the run's record tells
    of the steps before: some may have been trained without TensorBoard, and what was told of later
    ones is told anew. Raises OSError."""
    if os.path.islink(place):
        raise OSError(ELOOP, f"{FOLDER} {NOT_A_FILE[ELOOP]}")
    place.mkdir(exist_ok=True)
    old = list(place.glob(PATTERN))
    file = EventFile(place, anew=bool(old))
    try:
        file.tell(rows_of(place.parent)[0])
    except Exception:
        _give_up(file)
        _remove([file.path])
        raise
    _remove(old)
    return file


def _remove(paths: Iterable[Path]) -> None:
    for each in paths:
        with suppress(OSError):
            each.unlink()


def _give_up(file: EventFile | None) -> None:
    with suppress(OSError):
        if file:
            file.close()
