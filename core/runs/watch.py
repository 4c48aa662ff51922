"""Watch a folder of runs while other processes write in it, at the cost of what changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from core.runs.catalog import RunInfo, Times, read_run_info, refresh, subfolders

# The clock of a file system may be this coarse.
UNSETTLED_SECONDS = 1.0


class Watch:
    """The runs in a folder as they were at the last look. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, RunInfo | None] = {}  # by name; None: no run
        self._times: dict[str, Times] = {}  # by name: the folder's times when it was read

    def forget(self) -> None:
        """Read everything again at the next look."""
        self._times.clear()

    def look(self) -> Iterator[tuple[str, RunInfo | None]]:
        """Yield the name of each run that has changed since the last look, most recently saved
        first, with the run as it is now, or None if it is gone.

        Raises CheckpointError where the folder cannot be read.
        """
        now = time.time()
        found = subfolders(self.folder)
        for name in [name for name in self._known if name not in found]:
            self._times.pop(name, None)
            if self._known.pop(name):
                yield name, None
        for name, times in found.items():
            before = self._known.get(name)
            run = self._read(name, times, now)
            if run != before:
                yield name, run

    def newest(self, count: int) -> list[RunInfo]:
        """Return the runs that were saved to most recently, at most `count`, and read no others.

        Raises CheckpointError where the folder cannot be read.
        """
        now, runs = time.time(), list[RunInfo]()
        for name, times in subfolders(self.folder).items():
            if len(runs) == count:
                break
            if run := self._read(name, times, now):
                runs.append(run)
        return runs

    def _read(self, name: str, times: Times, now: float) -> RunInfo | None:
        """Return the run of that name, None if there is none; read only if it may have changed."""
        run = self._known.get(name)
        if self._times.get(name) != times:
            run = read_run_info(self.folder / name)
            # A folder changed this recently is read again: its times may not show a change
            # that comes right after this one.
            settled = now - max(times) > UNSETTLED_SECONDS
            self._times[name] = times if settled else (-1.0, -1.0)
        elif run and run.is_live:
            run = refresh(run)  # no file in its folder is new
        self._known[name] = run
        return run
