"""What has been trained: the runs in a folder and their checkpoints, read without torch.

Others may write, rename and delete there meanwhile: what is gone is left out, what is broken is
among the rest with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import SUFFIX, CheckpointInfo, read_info
from core.errors import CheckpointError, explain
from core.runs.description import IN_PROGRESS, read_description, read_table, status_of
from core.runs.disk import freed_bytes
from core.runs.event_reader import LatestMetrics, read_latest_metrics
from core.runs.layout import DESCRIPTION, EVENTS_FILE, NOTES, kind_of

LONGEST_NOTE_READ = 1000


@dataclass(frozen=True)
class CheckpointFile:
    """One file of a listing: `info`, or `error` where it is broken."""

    path: Path
    bytes: int
    info: CheckpointInfo | None
    error: str | None
    modified: float = 0.0  # unix seconds

    @property
    def run(self) -> str:
        """Its run, which is called by its folder's name, whatever that was when it was saved."""
        return self.path.parent.name

    @property
    def kind(self) -> str:
        """last, best, epoch or imported; file for any other name."""
        return kind_of(self.path.name)


@dataclass(frozen=True)
class RunInfo:
    """One run of a listing. `checkpoints` are those of its latest steps first, the broken ones at
    the end. `status` is as in run.json, but for a run whose process is gone, which is interrupted;
    and imported or unknown where there is no run.json that says."""

    folder: Path
    status: str
    description: dict[str, Any] = field(repr=False)  # its run.json
    checkpoints: tuple[CheckpointFile, ...]
    bytes: int  # on the disk, all files; one that has two names counts once
    modified: float  # when something was last saved in it, unix seconds
    note: str = ""
    is_starred: bool = False
    latest: LatestMetrics | None = None  # of a live run

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def is_live(self) -> bool:
        return self.status in IN_PROGRESS

    @property
    def config(self) -> dict[str, Any]:
        found = self.description.get("config")
        return found if isinstance(found, dict) else {}

    @property
    def best(self) -> CheckpointInfo | None:
        """Of the checkpoints that have been scored the one that did best; else the newest."""
        infos = [each.info for each in self.checkpoints if each.info]
        scored = [each for each in infos if each.test_accuracy is not None]
        if scored:
            return max(scored, key=lambda each: each.test_accuracy or 0.0)
        return infos[0] if infos else None


def scan_runs(folder: Path) -> Iterator[RunInfo]:
    """The runs in a folder, those that were last saved to first, each read when it is asked for.

    Raises CheckpointError where the folder is there and cannot be read.
    """
    for place in _places(folder):
        if listed := read_run_info(place):
            yield listed


def _places(folder: Path) -> Iterator[Path]:
    """The folders in it, those that were last saved to first. Raises CheckpointError."""
    try:
        with os.scandir(folder) as entries:
            # A hidden one is a run that is not whole yet, or has been thrown away.
            places = [(_modified(each), each.path) for each in entries if each.name[0] != "."]
    except FileNotFoundError:
        return
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read ({explain(error)})") from None
    for _, place in sorted(places, reverse=True):
        yield Path(place)


def _modified(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0


def read_run_info(place: Path) -> RunInfo | None:
    """The run in that folder; None where there is none, or none any more."""
    if os.path.isdir(place) and not os.access(place, os.R_OK | os.X_OK):
        return RunInfo(place, "unreadable", {}, (), 0, 0.0)
    names, listed, total, modified = _look_at(place)
    described = read_description(place) if DESCRIPTION in names else {}
    if not listed and not names & {DESCRIPTION, EVENTS_FILE}:
        return None
    if not described and not os.path.isdir(place):  # moved since
        return None
    note, star = read_notes(place) if NOTES in names else ("", False)
    status = status_of(place, described)
    run = RunInfo(place, status, described, listed, total, modified, note, star)
    return replace(run, latest=read_latest_metrics(place)) if run.is_live else run


def _look_at(place: Path) -> tuple[set[str], tuple[CheckpointFile, ...], int, float]:
    """The names of its files, its checkpoints, its bytes, and when it was last saved to."""
    names, listed, total, modified = set(), [], 0, 0.0
    seen: dict[tuple[int, int], CheckpointFile] = {}  # a file that has two names is read once
    for entry in _files(place):
        try:
            status = entry.stat()
        except FileNotFoundError:
            continue  # replaced or deleted since it was listed
        except OSError as error:
            if entry.name.endswith(SUFFIX):
                listed.append(CheckpointFile(Path(entry.path), 0, None, explain(error)))
            continue
        names.add(entry.name)
        if entry.name != NOTES:
            modified = max(modified, status.st_mtime)
        same = (status.st_dev, status.st_ino)
        known = seen.get(same)
        if known is None:
            total += _size(entry, status)
        if not entry.name.endswith(SUFFIX) or entry.name[0] == ".":
            continue
        path = Path(entry.path)
        if known is None:
            found = read_checkpoint_file(path, status.st_size, status.st_mtime)
            if found.error and not os.path.lexists(path):
                continue  # moved since
            seen[same] = found
        elif known.path != path:
            seen[same] = CheckpointFile(path, known.bytes, known.info, known.error, known.modified)
        listed.append(seen[same])
    listed.sort(key=lambda each: (each.info.step if each.info else -1, each.path), reverse=True)
    return names, tuple(listed), total, modified


def _size(entry: os.DirEntry[str], status: os.stat_result) -> int:
    if not entry.is_dir(follow_symlinks=False):
        return status.st_size
    return freed_bytes([Path(entry.path)])


def _files(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except (OSError, ValueError):  # no folder, not ours to read, or no name that one can have
        return []


def read_notes(place: Path) -> tuple[str, bool]:
    """What a person has noted of a run, and whether it has a star."""
    found = read_table(place / NOTES)
    note, star = found.get("note", ""), found.get("star", False)
    return (note[:LONGEST_NOTE_READ] if isinstance(note, str) else ""), star is True


def list_checkpoints(folder: Path) -> list[CheckpointFile]:
    """Every checkpoint of every run in a folder, newest first, the broken ones among them.

    Raises CheckpointError where the folder is there and cannot be read.
    """
    # Without their run.json, which says nothing of a checkpoint.
    found = [each for place in _places(folder) for each in _look_at(place)[1]]
    return sorted(found, key=lambda each: each.modified, reverse=True)


def list_run(folder: Path) -> list[CheckpointFile]:
    """The checkpoints of one run, those of its latest steps first, the broken ones at the end."""
    return list(_look_at(folder)[1])


def read_checkpoint_file(path: Path, size: int, modified: float = 0.0) -> CheckpointFile:
    try:
        return CheckpointFile(path, size, read_info(path), None, modified)
    except CheckpointError as error:
        return CheckpointFile(path, size, None, str(error).removeprefix(f"{path} "), modified)
