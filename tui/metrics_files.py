"""A run's figures for other programs: a CSV file, or TensorBoard's event files."""

import csv
import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from core.errors import CheckpointError, UsageError, UserError, explain
from core.events import Evaluated, Progress, RunStarted
from core.files import expand, replace_file
from core.record import read_events
from tui.drawing import printable
from tui.shell import complain

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FORMATS = ("csv", "tensorboard")
TENSORBOARD_FILE = "events.out.tfevents.*"
# What TensorBoard calls each figure.
TAGS = {
    "loss": "loss/train",
    "test_loss": "loss/test",
    "test_accuracy": "accuracy/test",
    "learning_rate": "learning_rate",
    "samples_per_second": "samples_per_second",
    "gradient_norm": "gradient_norm",
}


@dataclass(frozen=True)
class Row:
    """What one event tells; None for what it does not. `time` is in unix seconds."""

    step: int
    epoch: int
    time: float
    loss: float | None = None
    learning_rate: float | None = None
    samples_per_second: float | None = None
    gradient_norm: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None


NAMES = tuple(each.name for each in fields(Row))


def rows_of(folder: Path) -> tuple[list[Row], int]:
    """A run's figures, one row for each time that it told some; and how many lines of its record
    could not be read. Raises OSError.
    """
    rows: list[Row] = []
    broken = 0
    for event in read_events(folder):
        match event:
            case None:
                broken += 1
            case RunStarted(step=step):
                # It was taken up there: what was told of later is told anew.
                while rows and rows[-1].step > step:
                    rows.pop()
            case Progress() | Evaluated():
                rows.append(row_of(event))
    return rows, broken


def row_of(event: Progress | Evaluated) -> Row:
    return Row(**{name: value for name, value in vars(event).items() if name in NAMES})


def export(folder: Path, target: str | None, format: str, *, force: bool) -> None:
    """Raises UserError where there is nothing to write, or it cannot be written there."""
    try:
        rows, broken = rows_of(folder)
    except OSError as error:
        raise CheckpointError(f"{folder}'s record cannot be read ({explain(error)})") from None
    if not rows:
        raise CheckpointError(f"{folder} has told no figures that could be written")
    if broken:
        lines = "1 line" if broken == 1 else f"{broken:,} lines"
        complain(f"{lines} of {folder}'s record cannot be read: left out")
    suffix = ".csv" if format == "csv" else ".tensorboard"
    place = expand(target or folder.name + suffix)
    try:
        if format == "csv":
            _write_csv(rows, place, force=force, stdout=target == "-")
        elif target == "-":
            raise UsageError("TensorBoard's files go into a folder, not to stdout")
        else:
            _write_tensorboard(rows, place, force=force)
    except OSError as error:
        raise UserError(f"{place} cannot be written ({explain(error)})") from None
    if target != "-":
        print(printable(f"{place}: {len(rows):,} rows of {folder.name}"))


def _there_already(place: Path) -> UsageError:
    return UsageError(f"{place} is there already: --force replaces it")


def _write_csv(rows: list[Row], place: Path, *, force: bool, stdout: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerows(astuple(row) for row in rows)
    if stdout:
        sys.stdout.write(text.getvalue())
        return
    if place.is_dir():
        raise UsageError(f"{place} is a folder: name a file in it")
    if os.path.lexists(place) and not force:
        raise _there_already(place)
    replace_file(place, text.getvalue().encode())


def check_tensorboard() -> None:
    """Raises UserError where its files cannot be written here."""
    if find_spec("tensorboard") is None:
        raise UserError(
            "TensorBoard's files need the package tensorboard, the extra of that name: "
            "pip install tensorboard"
        )


def _write_tensorboard(rows: list[Row], place: Path, *, force: bool) -> None:
    """Beside what else is in the folder; TensorBoard would lay two files of one folder over one
    another, so those that are there go once the new one is whole."""
    check_tensorboard()
    if os.path.lexists(place) and not place.is_dir():
        raise UsageError(f"{place} is a file: TensorBoard's files go into a folder")
    old = list(place.glob(TENSORBOARD_FILE))
    if old and not force:
        raise _there_already(place)
    place.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(prefix=".writing-", dir=place))
    try:
        _tell_tensorboard(rows, making)
        for path in old:
            with suppress(FileNotFoundError):
                path.unlink()
        for path in making.iterdir():
            path.rename(place / path.name)
    finally:
        rmtree(making, ignore_errors=True)


def _tell_tensorboard(rows: list[Row], folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        tell(writer, rows)


def tell(writer: "SummaryWriter", rows: Iterable[Row]) -> None:
    for row in rows:
        for name, tag in TAGS.items():
            if (value := getattr(row, name)) is not None:
                writer.add_scalar(tag, value, row.step, walltime=row.time)
