"""A folder of runs, followed while anybody writes in it, at the cost of what changes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import CheckpointError, explain
from core.event_json import from_json
from core.events import Evaluated, Progress
from core.files import open_no_follow
from core.runs.catalog import RunInfo, read_run_info, status_of
from core.runs.event_reader import plausible
from core.runs.layout import EVENTS_FILE

TAIL_BYTES = 4096
# What a folder says of when it was changed may be so much too coarse.
UNSETTLED_SECONDS = 1.0


@dataclass(frozen=True)
class Newest:
    """The last figures in a run's record; None where its end tells of none."""

    step: int = 0
    epoch: int | None = None
    loss: float | None = None  # of training
    accuracy: float | None = None  # of the last evaluation, 0 to 1
    time: float = 0.0  # unix seconds


Times = tuple[float, float]


@dataclass(frozen=True)
class Watched:
    run: RunInfo
    newest: Newest | None = None  # of a live run


class Watch:
    """What is in the folder, as it was when last looked at. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Watched | None] = {}  # by name; None: no run
        self._changed: dict[str, Times] = {}  # when each was, by its folder

    def forget(self) -> None:
        """Has all be read again at the next look."""
        self._changed.clear()

    def look(self) -> Iterator[tuple[str, Watched | None]]:
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
                watched = self._read(name)
                # Else a change within what the clock of the disk can tell apart would be missed.
                settled = now - max(changed) > UNSETTLED_SECONDS
                self._changed[name] = changed if settled else (-1.0, -1.0)
            elif before and before.run.live:
                watched = self._follow(before)
            else:
                continue
            self._known[name] = watched
            if watched != before:
                yield name, watched

    def _read(self, name: str) -> Watched | None:
        run = read_run_info(self.folder / name)
        if run is None:
            return None
        return Watched(run, newest(run.folder) if run.live else None)

    def _follow(self, before: Watched) -> Watched:
        """A live run in whose folder no file is new: it goes on, or its process is gone."""
        run = before.run
        if (status := status_of(run.folder, run.described)) != run.status:
            run = replace(run, status=status)
        return Watched(run, newest(run.folder) if run.live else None)


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


def newest(folder: Path) -> Newest:
    """By the end of a run's record, at most TAIL_BYTES of it."""
    found = Newest()
    try:
        with open(folder / EVENTS_FILE, "rb", opener=open_no_follow) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL_BYTES))
            lines = file.read(TAIL_BYTES).split(b"\n")
    except OSError:
        return found
    # What the first and the last piece are of is not all there.
    for line in lines[1 if size > TAIL_BYTES else 0 : -1]:
        event = from_json(line.decode(errors="replace"))
        if isinstance(event, Progress | Evaluated) and plausible(event):
            found = replace(found, step=event.step, epoch=event.epoch, time=event.time)
            if isinstance(event, Progress):
                found = replace(found, loss=event.loss)
            else:
                found = replace(found, accuracy=event.test_accuracy)
    return found
