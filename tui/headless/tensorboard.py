"""Write a run's metrics as TensorBoard's event files, while it trains or afterwards.

The package tensorboard is used for the file format alone: its own writer has a thread, which
reports a full disk late or never.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from errno import ELOOP
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.errors import UserError, explain, first_line
from core.events import Evaluated, Event, Notice, Progress, RunFailed, RunFinished, RunStarted
from core.files import NOT_A_FILE, open_no_follow
from core.packages import install_command
from core.user import host_name
from tui.headless.metrics_rows import MetricsRow, read_rows, to_row

FOLDER = "tensorboard"  # in a run's folder
PATTERN = "events.out.tfevents.*"
# TensorBoard's name of each metric.
TAGS = {
    "loss": "loss/train",
    "test_loss": "loss/test",
    "test_accuracy": "accuracy/test",
    "learning_rate": "learning_rate",
    "samples_per_second": "samples_per_second",
    "gradient_norm": "gradient_norm",
}


def check_tensorboard() -> None:
    """Raise UserError if event files cannot be written here."""
    if find_spec("tensorboard") is None:
        raise UserError(
            "TensorBoard's event files need the package tensorboard: "
            + install_command("tensorboard")
        )
    try:
        import tensorboard.compat.proto.event_pb2
        import tensorboard.summary.writer.record_writer  # noqa: F401
    except Exception as error:  # mostly an incompatible version of another package
        raise UserError(f"cannot import the package tensorboard ({first_line(error)})") from None


class EventFile:
    """A new event file in a folder. Methods raise OSError; rows are in the file at once."""

    def __init__(self, folder: Path, *, restart: bool = False) -> None:
        """`restart` makes a running TensorBoard forget what it has read in that folder."""
        from tensorboard.summary.writer.record_writer import RecordWriter

        name = f"{int(time.time()):010}.{host_name()}.{os.getpid()}.{time.monotonic_ns()}"
        self.path = folder / PATTERN.replace("*", name)
        self._file = open(self.path, "xb", opener=open_no_follow)  # noqa: SIM115
        self._records = RecordWriter(self._file)
        # Written with the first rows. Without a version, TensorBoard deletes what it has read
        # whenever a step is smaller than the one before.
        self._write(wall_time=time.time(), file_version="brain.Event:2")
        if restart:
            self._write(wall_time=time.time(), step=0, session_log={"status": "START"})

    def _write(self, **values: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(**values).SerializeToString())

    def write(self, rows: Iterable[MetricsRow]) -> None:
        for row in rows:
            values = ((tag, getattr(row, name)) for name, tag in TAGS.items())
            scalars = [
                {"tag": tag, "simple_value": value} for tag, value in values if value is not None
            ]
            self._write(wall_time=row.time, step=row.step, summary={"value": scalars})
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def with_tensorboard(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events, each after its metrics are written to FOLDER in the run's folder. If they
    cannot be written, a Notice says so, and training continues without them."""
    folder, file = Path(), None
    for event in events:
        try:
            match event:
                case RunStarted():
                    folder = Path(event.folder) / FOLDER
                    file = _open(folder)
                case Progress() | Evaluated() if file:
                    file.write([to_row(event)])
                case RunFinished() | RunFailed() if file:
                    file.close()
        except Exception as error:  # defects of the package too: training is worth more
            why = explain(error)
            message = f"cannot write TensorBoard's files in {folder} ({why})"
            yield Notice(message=f"{message}; training continues without them")
            _close(file)
            file = None
        yield event


def _open(folder: Path) -> EventFile:
    """Open a file in `folder`, beginning with the metrics of the run so far, in place of its files.

    Earlier steps may have been trained without TensorBoard, and later ones are trained again.
    Raises OSError.
    """
    if os.path.islink(folder):
        raise OSError(ELOOP, f"{FOLDER} {NOT_A_FILE[ELOOP]}")
    folder.mkdir(exist_ok=True)
    old = list(folder.glob(PATTERN))
    file = EventFile(folder, restart=bool(old))
    try:
        file.write(read_rows(folder.parent)[0])
    except Exception:
        _close(file)
        _remove([file.path])
        raise
    _remove(old)
    return file


def _remove(paths: Iterable[Path]) -> None:
    for each in paths:
        with suppress(OSError):
            each.unlink()


def _close(file: EventFile | None) -> None:
    with suppress(OSError):
        if file:
            file.close()
