"""A run's figures for other programs: a CSV file, or TensorBoard's event files."""

import csv
import io
import os
import sys
from contextlib import closing, suppress
from dataclasses import astuple
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from core.errors import CheckpointError, UsageError, UserError, explain
from core.files import expand, replace_file
from tui.headless.metrics_rows import COLUMNS, MetricsRow, read_rows
from tui.headless.tensorboard import PATTERN, EventFile, check_tensorboard
from tui.text.console import complain
from tui.text.formats import printable

FORMATS = ("csv", "tensorboard")


def export(folder: Path, target: str | None, format: str, *, force: bool) -> None:
    """Raises UserError where there is nothing to write, or it cannot be written there."""
    try:
        rows, broken = read_rows(folder)
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


def _write_csv(rows: list[MetricsRow], place: Path, *, force: bool, stdout: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    if stdout:
        sys.stdout.write(text.getvalue())
        return
    if place.is_dir():
        raise UsageError(f"{place} is a folder: name a file in it")
    if os.path.lexists(place) and not force:
        raise _there_already(place)
    replace_file(place, text.getvalue().encode())


def _write_tensorboard(rows: list[MetricsRow], place: Path, *, force: bool) -> None:
    """Beside what else is in the folder; TensorBoard would lay two files of one folder over one
    another, so those that are there go once the new one is whole."""
    check_tensorboard()
    if os.path.lexists(place) and not place.is_dir():
        raise UsageError(f"{place} is a file: TensorBoard's files go into a folder")
    old = list(place.glob(PATTERN))
    if old and not force:
        raise _there_already(place)
    place.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(prefix=".writing-", dir=place))
    try:
        with closing(EventFile(making)) as file:
            file.write(rows)
        for path in old:
            with suppress(FileNotFoundError):
                path.unlink()
        for path in making.iterdir():
            path.rename(place / path.name)
    finally:
        rmtree(making, ignore_errors=True)
