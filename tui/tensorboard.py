"""`--tensorboard`: a run's figures, written as TensorBoard's event files while it trains."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from errno import ELOOP
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UserError, explain, first_line
from core.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    Notice,
    Progress,
    RunFailed,
    RunFinished,
    RunStarted,
)
from core.files import WHAT_ELSE
from tui.metrics_files import TENSORBOARD_FILE, check_tensorboard, row_of, rows_of, tell

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
FLUSH_SECONDS = 5
# What may wait for a slow disk before training does: minutes of figures.
MOST_WAITING = 10_000


def load_tensorboard() -> None:
    """Raises UserError where the package lacks, or cannot be used: before training, not after."""
    check_tensorboard()
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: F401
    except Exception as error:  # a package beside it that it does not go with, mostly
        raise UserError(f"the package tensorboard cannot be used ({first_line(error)})") from None


def telling_tensorboard(events: Iterable[Event]) -> Iterator[Event]:
    """The events; what they tell in figures is by then in the run's folder, below FOLDER. Where it
    cannot be written a Notice says so, and nothing more is tried."""
    place, writer = Path(), None
    try:
        for event in events:
            try:
                match event:
                    case RunStarted(folder=folder):
                        place = Path(folder) / FOLDER
                        writer = _begin(place, event)
                    case Progress() | Evaluated() if writer:
                        tell(writer, [row_of(event)])
                    case CheckpointSaved(kind="last") if writer:
                        writer.flush()  # whoever goes on from it finds all figures until there
                    case RunFinished() | RunFailed() if writer:
                        writer.close()
            except Exception as error:  # the package's own faults too: training is worth more
                why = explain(error) if isinstance(error, OSError) else first_line(error)
                message = f"TensorBoard's files in {place} cannot be written ({why})"
                yield Notice(message=f"{message}; training goes on without them")
                _give_up(writer)
                writer = None
            yield event
    finally:
        _give_up(writer)


def _begin(place: Path, started: RunStarted) -> SummaryWriter:
    """Each start of a run has a file of its own. What earlier ones tell from its first step on is
    taken back, and what none of them has is told out of the run's record. Raises OSError."""
    from torch.utils.tensorboard import SummaryWriter

    if os.path.islink(place):
        raise OSError(ELOOP, f"{FOLDER} {WHAT_ELSE[ELOOP]}")
    begun_before = any(place.glob(TENSORBOARD_FILE))
    writer = SummaryWriter(
        str(place),
        purge_step=started.step if begun_before else None,
        max_queue=MOST_WAITING,
        flush_secs=FLUSH_SECONDS,
    )
    rows, _ = rows_of(place.parent)
    tell(writer, (row for row in rows if row.step == started.step or not begun_before))
    return writer


def _give_up(writer: SummaryWriter | None) -> None:
    with suppress(Exception):
        if writer:
            writer.close()
