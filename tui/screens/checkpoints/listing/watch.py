"""The rows of the folder with all runs, kept up to date while other processes write to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.screen import Screen
from textual.worker import get_current_worker

from core.errors import CheckpointError
from core.runs.catalog import RunInfo
from core.runs.watch import Watch
from tui.screens.checkpoints.listing.rows import Entry, run_entry

# Runs that have been read are shown in batches of this many at least, at most so often.
FIRST_BATCH = 40
BATCH_SECONDS = 0.1
# Pauses after a batch, for the screen to draw it on the same core.
FIRST_PAUSE, LATER_PAUSES = 0.15, 0.02


class FolderWatcher:
    """Reads the folder in a thread of the screen's, and calls `changed` when the runs did."""

    def __init__(self, screen: Screen[None], changed: Callable[[], None]) -> None:
        self._screen, self._changed = screen, changed
        self._watch = Watch(Path())
        self._is_reading = False
        self.runs: dict[str, Entry] = {}  # by name
        self.is_complete = False  # whether the whole folder has been read once
        self.error = ""

    def poll(self, folder: Path) -> None:
        """Read what has changed in the folder since the last time."""
        if self._watch.folder != folder:
            self._watch = Watch(folder)
            self.runs, self.is_complete = {}, False
            self._changed()
        self._read()

    def reload(self) -> None:
        """Read the whole folder again."""
        self._watch.forget()
        self._read()

    def _read(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            act = partial(self._read_in_batches, self._watch)
            self._screen.run_worker(act, thread=True, exit_on_error=False)

    def _read_in_batches(self, watch: Watch) -> None:
        """Read headers alone: this needs no torch and may run beside the engine."""
        worker, runs, error = get_current_worker(), dict[str, RunInfo | None](), ""
        due, pause = 0.0, FIRST_PAUSE
        try:
            for name, run in watch.look():
                runs[name] = run
                if worker.is_cancelled:
                    return
                if len(runs) >= FIRST_BATCH and time.monotonic() > due:
                    self._screen.call_later(self._add, watch, runs)
                    time.sleep(pause)
                    runs, due, pause = {}, time.monotonic() + BATCH_SECONDS, LATER_PAUSES
        except CheckpointError as failure:
            error = str(failure)
        except Exception as failure:  # the list is shown as it was, and read again
            error = f"{type(failure).__name__}: {failure}"
        self._screen.call_later(self._finish, watch, runs, error)

    def _finish(self, watch: Watch, runs: dict[str, RunInfo | None], error: str) -> None:
        self._is_reading = False
        if watch is not self._watch:
            self._read()
            return
        is_new = not self.is_complete or self.error != error
        self.is_complete, self.error = True, error
        self._add(watch, runs, is_new=is_new)

    def _add(self, watch: Watch, runs: dict[str, RunInfo | None], *, is_new: bool = False) -> None:
        if watch is not self._watch:
            return
        for name, run in runs.items():
            if run is None:
                self.runs.pop(name, None)
            else:
                self.runs[name] = run_entry(run)
        if runs or is_new:
            self._changed()
