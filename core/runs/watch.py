"""A folder of runs, followed while anybody writes in it, at the cost of what changes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.errors import CheckpointError, explain
from core.runs.catalog import RunInfo, read_run_info
from core.runs.description import status_of
from core.runs.event_reader import read_latest_metrics

# What a folder says of when it was changed may be so much too coarse.
UNSETTLED_SECONDS = 1.0


Times = tuple[float, float]


class Watch:
    """What is in the folder, as it was when last looked at. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, RunInfo | None] = {}  # by name; None: no run
        self._changed: dict[str, Times] = {}  # when each was, by its folder

    def forget(self) -> None:
        """Has all be read again at the next look."""
        self._changed.clear()

    def look(self) -> Iterator[tuple[str, RunInfo | None]]:
        """The name of each run that is not as it was, what it is now, and None for one that is
        gone; those that were last saved to first. Raises CheckpointError where the folder cannot
        be read.
        """
        now = time.time()
        found = dict(sorted(_places(self.folder), key=lambda place: place[1], reverse=True))
        for name in [name for name in self._known if name not in found]:
            self._changed.pop(name, None)
            if self._known.pop(name):
                yield name, None
        for name, changed in found.items():
            before = self._known.get(name)
            if self._changed.get(name) != changed:
                watched = read_run_info(self.folder / name)
                # Else a change within what the clock of the disk can tell apart would be missed.
                settled = now - max(changed) > UNSETTLED_SECONDS
                self._changed[name] = changed if settled else (-1.0, -1.0)
            elif before and before.is_live:
                watched = _refreshed(before)
            else:
                continue
            self._known[name] = watched
            if watched != before:
                yield name, watched


def _refreshed(run: RunInfo) -> RunInfo:
    """Return a live run as it is now, if no file in its folder is new: its metrics may have
    changed, or its process may have ended."""
    status = status_of(run.folder, run.description)
    run = replace(run, status=status)
    return replace(run, latest=read_latest_metrics(run.folder) if run.is_live else None)


def _places(folder: Path) -> Iterator[tuple[str, Times]]:
    """What may be a run in the folder, and when that was changed: by what it says, and by what
    nobody can set, since notes and tidying leave a run as old as it was."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name[0] != ".":
                    try:
                        status = entry.stat()
                        yield entry.name, (status.st_mtime, status.st_ctime)
                    except OSError:  # gone since, or a link to nowhere
                        continue
    except FileNotFoundError:
        return
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read ({explain(error)})") from None
