"""TensorBoard's event files. Its package is asked for the format alone: what it has to write them
with keeps a thread, which tells of a full disk later or never."""

import os
import platform
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.errors import UserError, first_line
from core.files import open_no_follow
from tui.headless.metrics_rows import Row

PATTERN = "events.out.tfevents.*"
# What TensorBoard calls each figure.
TAGS = {
    "loss": "loss/train",
    "test_loss": "loss/test",
    "test_accuracy": "accuracy/test",
    "learning_rate": "learning_rate",
    "samples_per_second": "samples_per_second",
    "gradient_norm": "gradient_norm",
}


def check_tensorboard() -> None:
    """Raises UserError where its files cannot be written here."""
    if find_spec("tensorboard") is None:
        raise UserError(
            "TensorBoard's files need the package tensorboard, the extra of that name: "
            "pip install tensorboard"
        )
    try:
        import tensorboard.compat.proto.event_pb2
        import tensorboard.summary.writer.record_writer  # noqa: F401
    except Exception as error:  # a package beside it that it does not go with, mostly
        raise UserError(f"the package tensorboard cannot be used ({first_line(error)})") from None


class EventFile:
    """A new one in a folder. Its methods raise OSError; what is told is in the file by then."""

    def __init__(self, folder: Path, *, anew: bool = False) -> None:
        """`anew` has a TensorBoard that is looking forget what it has read in that folder."""
        from tensorboard.summary.writer.record_writer import RecordWriter

        name = f"{int(time.time()):010}.{platform.node()}.{os.getpid()}.{time.monotonic_ns()}"
        self.path = folder / PATTERN.replace("*", name)
        self._file = open(self.path, "xb", opener=open_no_follow)  # noqa: SIM115
        self._records = RecordWriter(self._file)
        # Written with the first rows. Without a version each step that is less than the one before
        # would take others back.
        self._write(wall_time=time.time(), file_version="brain.Event:2")
        if anew:
            self._write(wall_time=time.time(), step=0, session_log={"status": "START"})

    def _write(self, **values: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(**values).SerializeToString())

    def tell(self, rows: Iterable[Row]) -> None:
        for row in rows:
            told = ((tag, getattr(row, name)) for name, tag in TAGS.items())
            scalars = [
                {"tag": tag, "simple_value": value} for tag, value in told if value is not None
            ]
            self._write(wall_time=row.time, step=row.step, summary={"value": scalars})
        self._file.flush()

    def close(self) -> None:
        self._file.close()
