"""Export a run's metrics: to a CSV file, or to TensorBoard's event files."""

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
from core.files import replace_file
from core.runs.description import NO_HISTORY, is_imported, read_description
from core.user import expand
from tui.headless.metrics_rows import COLUMNS, MetricsRow, read_rows
from tui.headless.tensorboard import PATTERN, EventFile, check_tensorboard
from tui.text.console import complain
from tui.text.formats import plural, printable

FORMATS = ("csv", "tensorboard")


def export(folder: Path, target: str | None, format: str, *, force: bool) -> None:
    """Write the metrics of the run in a folder.

    `target` is a file, a folder for TensorBoard, or - for stdout; by default it is in the current
    directory, named after the run. Raises UserError if there are no metrics, or they cannot be
    written.
    """
    try:
        rows, broken = read_rows(folder)
    except OSError as error:
        raise CheckpointError(f"{folder}/events.jsonl cannot be read ({explain(error)})") from None
    if not rows:
        only = f" ({NO_HISTORY})" if is_imported(read_description(folder)) else ""
        raise CheckpointError(f"{folder} has no metrics{only}")
    if broken:
        complain(f"skipped {plural(broken, 'broken line')} of {folder}/events.jsonl")
    suffix = ".csv" if format == "csv" else ".tensorboard"
    path = expand(target or folder.name + suffix)
    try:
        if format == "csv":
            _write_csv(rows, path, force=force, to_stdout=target == "-")
        elif target == "-":
            raise UsageError("TensorBoard's files cannot be written to stdout: name a folder")
        else:
            _write_tensorboard(rows, path, force=force)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({explain(error)})") from None
    if target != "-":
        print(printable(f"{path}: {len(rows):,} rows of {folder.name}"))


def _exists(path: Path) -> UsageError:
    return UsageError(f"{path} exists; pass --force to replace it")


def _write_csv(rows: list[MetricsRow], path: Path, *, force: bool, to_stdout: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    if to_stdout:
        sys.stdout.write(text.getvalue())
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file")
    if os.path.lexists(path) and not force:
        raise _exists(path)
    replace_file(path, text.getvalue().encode())


def _write_tensorboard(rows: list[MetricsRow], folder: Path, *, force: bool) -> None:
    """Write an event file. Other files in the folder stay, but for earlier event files.

    TensorBoard would overlay two event files of one folder, so the earlier ones are removed once
    the new one is complete.
    """
    check_tensorboard()
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder for TensorBoard's files")
    earlier = list(folder.glob(PATTERN))
    if earlier and not force:
        raise _exists(folder)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix=".writing-", dir=folder))
    try:
        with closing(EventFile(temporary)) as file:
            file.write(rows)
        for path in earlier:
            with suppress(FileNotFoundError):
                path.unlink()
        for path in temporary.iterdir():
            path.rename(folder / path.name)
    finally:
        rmtree(temporary, ignore_errors=True)
