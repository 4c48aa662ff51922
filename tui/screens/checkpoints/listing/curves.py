"""Reads the losses of the runs in sight, for their sparklines."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from core.runs.catalog import RunInfo
from tui.screens.base import View
from tui.state.loss_samples import LossSamples

# How long the list rests before records are read, so that keys and the first rows wait for none.
REST_SECONDS = 0.15
# Curves that have been read are shown this often.
BATCH_SECONDS = 0.1
# More rows than any window has.
MAX_WANTED = 100


class CurveReader:
    """Reads what is asked of it in a thread, the runs that were asked for last; calls `changed`
    when there is more to show."""

    def __init__(self, view: View, changed: Callable[[], None]) -> None:
        self._view, self._changed = view, changed
        self._samples = LossSamples()
        self._wanted: dict[Path, RunInfo] = {}
        self._is_due = False

    def losses(self, run: RunInfo) -> tuple[float, ...] | None:
        """Return the losses along a run, as of the last reading; None if they are not read yet."""
        if self._samples.unread([run]):
            self._wanted[run.folder] = run
            if not self._is_due:
                self._is_due = True
                self._view.set_timer(REST_SECONDS, self._start)
        return self._samples.losses(run)

    def _start(self) -> None:
        runs = self._samples.unread(self._wanted.values())[-MAX_WANTED:]
        self._wanted.clear()
        act = partial(self._read, runs)
        self._view.run_worker(act, thread=True, exit_on_error=False, group="losses")

    def _read(self, runs: list[RunInfo]) -> None:
        due = time.monotonic() + BATCH_SECONDS
        for run in runs:
            self._samples.read(run)
            if time.monotonic() > due:
                self._view.call_later(self._changed)
                due = time.monotonic() + BATCH_SECONDS
        self._view.call_later(self._finish)

    def _finish(self) -> None:
        self._is_due = False
        self._changed()  # which asks again for what has been scrolled into sight meanwhile
