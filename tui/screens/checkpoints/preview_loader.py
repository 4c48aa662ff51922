"""Loads what the preview beside the list shows, once the cursor has rested on a row."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic

from core.checkpoints.header import CheckpointInfo
from core.digit import Digit
from core.errors import DataError, explain
from core.runs.catalog import CheckpointFile
from core.runs.description import NO_HISTORY
from core.runs.layout import EVENTS_FILE
from tui.screens.base import View
from tui.screens.checkpoints.listing.rows import Entry
from tui.screens.checkpoints.preview import Preview
from tui.state.history import folder_of, read_run, without_digits
from tui.state.run_state import RunState
from tui.text.formats import printable

# How long the cursor rests before the preview shows anything, so that moving on waits for nothing;
# before the record of a run is read; and before a checkpoint is opened, which takes time of the
# engine, most of which a run in progress needs.
SHOW_SECONDS = 0.06
CURVE_SECONDS, DIGITS_SECONDS, DIGITS_SECONDS_TRAINING = 0.15, 0.3, 1.0
MAX_RECORDS = 6
# The share of one core that reading the record of a live run again and again may take.
READING_SHARE = 0.03


@dataclass(frozen=True)
class ReadRecord:
    """A run's record as it was read: the state it ends in, its size in bytes, why it could not be
    read, and when to read it next, by the clock `monotonic`."""

    state: RunState
    bytes: int
    error: str = ""
    next_read: float = 0.0


class PreviewLoader:
    """Fills the Preview of a view for one entry at a time."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._entry: Entry | None = None
        self._records: dict[Path, ReadRecord] = {}  # by folder, the newest last
        self._reading: Path | None = None

    @property
    def _preview(self) -> Preview:
        return self._view.query_one(Preview)

    def look_at(self, entry: Entry | None) -> None:
        """Show what is known of the entry, and the rest when the cursor stays on it."""
        before, self._entry = self._entry, entry
        if before is None or entry is None or before.key != entry.key:
            self._view.opened_path = None
            self._view.run_worker(
                self._fill(), exclusive=True, exit_on_error=False, group="preview"
            )
            return
        if before.run.status != entry.run.status:
            self._read_record()  # to its end
        if entry != before:
            self._show()

    async def _fill(self) -> None:
        """Show more and more, the longer the cursor rests."""
        await asyncio.sleep(SHOW_SECONDS)
        self._view.attempt("preview", self._show)
        await asyncio.sleep(CURVE_SECONDS - SHOW_SECONDS)
        self._read_record()
        training = self._view.mnist.run_state.phase == "training"
        seconds = DIGITS_SECONDS_TRAINING if training else DIGITS_SECONDS
        await asyncio.sleep(seconds - CURVE_SECONDS)
        self._open()

    def _show(self) -> None:
        self._preview.show(self._entry)
        self.show_curve()
        self.show_digits()

    # The curve

    def follow_run(self) -> None:
        """Show the curve again if it is that of the app's own run."""
        if self._is_ours():
            self.show_curve()

    def _is_ours(self) -> bool:
        folder = folder_of(self._view.mnist.run_state)
        return bool(folder and self._entry and folder == os.path.abspath(self._entry.run.folder))

    def show_curve(self) -> None:
        preview, entry = self._preview, self._entry
        if entry is None:
            preview.show_curve(None, "")
        elif self._is_ours():
            preview.show_curve(self._view.mnist.run_state, "")
        elif (record := self._records.get(entry.run.folder)) is None:
            preview.show_curve(None, "Reading the curve…")
        else:
            has_curve = bool(record.state.curves.losses.points or record.state.scores)
            none = NO_HISTORY if entry.run.status == "imported" else "This run has no curve."
            why = record.error or none
            preview.show_curve(record.state if has_curve else None, "" if has_curve else why)
            if entry.run.is_live and monotonic() > record.next_read:
                self._read_record()

    def _read_record(self) -> None:
        if self._entry and self._reading is None and not self._is_ours():
            folder = self._reading = self._entry.run.folder
            read = partial(self._read, folder, self._records.get(folder))
            self._view.run_worker(read, thread=True, exit_on_error=False, group="record")

    def _read(self, folder: Path, known: ReadRecord | None) -> None:
        start = monotonic()
        try:
            path = folder / EVENTS_FILE
            size = os.path.getsize(path) if path.exists() else 0
            is_same = known is not None and known.bytes == size
            state = known.state if known and is_same else without_digits(read_run(folder))
            record = ReadRecord(state, size)
        except Exception as error:  # whatever is in a file, other runs are shown
            why = explain(error) if isinstance(error, OSError) else type(error).__name__
            record = ReadRecord(RunState(), -1, f"The record cannot be read ({why}).")
        now = monotonic()
        record = replace(record, next_read=now + max(1.0, (now - start) / READING_SHARE))
        self._view.call_later(self._add_record, folder, record)

    def _add_record(self, folder: Path, record: ReadRecord) -> None:
        self._reading = None
        self._records.pop(folder, None)
        self._records[folder] = record
        for oldest in list(self._records)[:-MAX_RECORDS]:
            del self._records[oldest]
        if self._entry and self._entry.run.folder not in self._records:
            self._read_record()  # the cursor has moved on meanwhile
        self._view.attempt("preview", self.show_curve)

    # The predictions

    @property
    def _file(self) -> CheckpointFile | None:
        """The readable checkpoint whose predictions are shown; none of a run in progress."""
        entry = self._entry
        file = entry.best if entry and (entry.file or not entry.run.is_live) else None
        return file if file and file.info and self._preview.has_digits else None

    def _open(self) -> None:
        file = self._file
        if file and file.info and not _missing(file.info, self._view.mnist.config.data):
            self._view.opened_path = str(file.path)
        self._view.attempt("preview", self.show_digits)

    def show_digits(self) -> None:
        file, opened = self._file, self._view.app_state.opened
        digits: tuple[Digit, ...] = ()
        waiting = ""
        if file and file.info and opened and opened.path == str(file.path):
            digits = opened.digits
            waiting = "" if digits else f"✗ {printable(opened.error or 'no images')}"
        elif file and file.info:
            missing = _missing(file.info, self._view.mnist.config.data)
            waiting = printable(missing) or "Predicting…"
        self._preview.show_digits(digits, waiting)


def _missing(info: CheckpointInfo, data: str | None) -> str:
    """Return why the dataset of a checkpoint is not here, or "" where it is: none is downloaded
    for a preview."""
    from core.data.datasets import find_dataset
    from core.runs.data_folder import describe_lost, digits_folder

    with suppress(DataError):
        folder = data or digits_folder(info.dataset, info.config)
        if find_dataset(info.dataset).missing(folder) is None:
            return ""
    lost = describe_lost(info.dataset, info.config, data)
    return "Its dataset is not on this machine" + (f": {lost}." if lost else ".")
