"""List the runs in a folder and their checkpoints, at the cost of their headers and without torch.

Other processes may write, rename and delete there in the meantime: what is gone is left out, and
what is broken is listed with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import SUFFIX, CheckpointInfo, read_info
from core.errors import CheckpointError, explain
from core.models.architectures import text_of
from core.runs.description import IN_PROGRESS, config_in, read_description, read_table, status_of
from core.runs.disk import explain_errors, freed_bytes
from core.runs.event_reader import LatestMetrics, read_latest_metrics
from core.runs.layout import DESCRIPTION, EVENTS_FILE, NOTES, kind_of

LONGEST_NOTE_READ = 1000
LONGEST_ARCH = 40  # characters of a network's name

# When a folder's content was modified, and when anything about the folder changed: the first can
# be set back, as notes and renaming do. Unix seconds.
Times = tuple[float, float]


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint on disk: `info` from its header, or `error` where it is broken."""

    path: Path
    bytes: int
    info: CheckpointInfo | None
    error: str | None
    modified: float = 0.0  # unix seconds

    @property
    def run(self) -> str:
        """The name of its run: that of its folder, which may have been renamed since."""
        return self.path.parent.name

    @property
    def kind(self) -> str:
        return kind_of(self.path.name)


@dataclass(frozen=True)
class RunInfo:
    """A run on disk. Its checkpoints are sorted by step, latest first, the broken ones last. Its
    status is that of `status_of`, or `unreadable`."""

    folder: Path
    status: str
    description: dict[str, Any] = field(repr=False)  # its run.json
    checkpoints: tuple[CheckpointFile, ...]
    bytes: int  # of all files; one that has two names counts once
    modified: float  # when it was last saved to, unix seconds
    note: str = ""
    is_starred: bool = False
    latest: LatestMetrics | None = None  # of a live run

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def is_live(self) -> bool:
        """Whether a process is training it, or has paused it."""
        return self.status in IN_PROGRESS

    @property
    def config(self) -> dict[str, Any]:
        return config_in(self.description)

    @property
    def arch(self) -> str | None:
        """The name of its network: built-in, saved by the user, or "custom"."""
        # run.json had no name of its own when a config could only have one.
        for table in (self.description, self.config):
            found = table.get("arch")
            if isinstance(found, str) and 0 < len(found) <= LONGEST_ARCH:
                return found
        return self.best.arch if self.best else None

    @property
    def network(self) -> str:
        """The text of its network, "" where it is unknown."""
        stored, best = self.config.get("arch"), self.best
        return text_of(stored if isinstance(stored, str) else best.spec if best else "")

    @property
    def best(self) -> CheckpointInfo | None:
        """Its checkpoint with the highest test accuracy, the latest one if none was evaluated."""
        infos = [each.info for each in self.checkpoints if each.info]
        accuracies = [-1.0 if each.test_accuracy is None else each.test_accuracy for each in infos]
        return infos[accuracies.index(max(accuracies))] if infos else None


def scan_runs(folder: Path) -> Iterator[RunInfo]:
    """Yield the runs in a folder, most recently saved first, reading each when it is asked for.

    Raises CheckpointError where the folder exists and cannot be read.
    """
    for name in subfolders(folder):
        if run := read_run_info(folder / name):
            yield run


def subfolders(folder: Path) -> dict[str, Times]:
    """Return the names in a folder that may be runs, most recently saved first. Hidden ones are
    incomplete runs and the trash.

    Raises CheckpointError where the folder exists and cannot be read.
    """
    found: list[tuple[Times, str]] = []
    with explain_errors(f"{folder} cannot be read"), suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.name[0] != ".":
                with suppress(OSError):  # deleted in the meantime, or a broken link
                    status = entry.stat()
                    found.append(((status.st_mtime, status.st_ctime), entry.name))
    return {name: times for times, name in sorted(found, reverse=True)}


def read_run_info(folder: Path) -> RunInfo | None:
    """Return the run in a folder, None if there is none or it has just been moved."""
    if _is_denied(folder):
        return RunInfo(folder, "unreadable", {}, (), 0, 0.0)
    names, checkpoints, total, modified = _read_files(folder)
    description = read_description(folder) if DESCRIPTION in names else {}
    if not checkpoints and not names & {DESCRIPTION, EVENTS_FILE}:
        return None
    if not description and not os.path.isdir(folder):  # moved in the meantime
        return None
    note, is_starred = read_notes(folder) if NOTES in names else ("", False)
    return refresh(
        RunInfo(folder, "unknown", description, checkpoints, total, modified, note, is_starred)
    )


def _is_denied(folder: Path) -> bool:
    """Return whether this user may not read a folder; not if it has just been moved."""
    try:
        os.scandir(folder).close()
        os.stat(os.path.join(folder, "."))  # needs the permission to enter it
    except PermissionError:
        return True
    except (OSError, ValueError):  # no folder, or a name that no file can have
        pass
    return False


def refresh(run: RunInfo) -> RunInfo:
    """Return a run with its status and latest metrics as they are now."""
    run = replace(run, status=status_of(run.folder, run.description))
    return replace(run, latest=read_latest_metrics(run.folder) if run.is_live else None)


def _read_files(folder: Path) -> tuple[set[str], tuple[CheckpointFile, ...], int, float]:
    """Return the names of a run's files, its checkpoints, its bytes, and when it was last saved."""
    names, checkpoints, total, modified = set(), [], 0, 0.0
    read: dict[tuple[int, int], CheckpointFile] = {}  # a file that has two names is read once
    try:
        entries = list(os.scandir(folder))
    except (OSError, ValueError):  # no folder, no permission, or a name that no file can have
        entries = []
    for entry in entries:
        try:
            status = entry.stat()
        except FileNotFoundError:
            continue  # replaced or deleted since it was listed
        except OSError as error:
            if entry.name.endswith(SUFFIX):
                checkpoints.append(CheckpointFile(Path(entry.path), 0, None, explain(error)))
            continue
        names.add(entry.name)
        if entry.name != NOTES:
            modified = max(modified, status.st_mtime)
        file = (status.st_dev, status.st_ino)
        known = read.get(file)
        if known is None:
            is_folder = entry.is_dir(follow_symlinks=False)
            total += freed_bytes([Path(entry.path)]) if is_folder else status.st_size
        if not entry.name.endswith(SUFFIX) or entry.name[0] == ".":
            continue
        path, size, saved = Path(entry.path), status.st_size, status.st_mtime
        found = replace(known, path=path) if known else read_checkpoint_file(path, size, saved)
        if found.info or os.path.lexists(path):  # it may have been moved in the meantime
            read[file] = found
            checkpoints.append(found)
    ordered = sorted(checkpoints, key=_step_and_name, reverse=True)
    return names, tuple(ordered), total, modified


def _step_and_name(file: CheckpointFile) -> tuple[int, str]:
    return file.info.step if file.info else -1, file.path.name


def read_checkpoint_file(path: Path, size: int, modified: float = 0.0) -> CheckpointFile:
    """Read a checkpoint's header; a broken one has an error that does not repeat the path."""
    try:
        return CheckpointFile(path, size, read_info(path), None, modified)
    except CheckpointError as error:
        return CheckpointFile(path, size, None, str(error).removeprefix(f"{path} "), modified)


def read_notes(folder: Path) -> tuple[str, bool]:
    """Return a person's note on a run, and whether the run is starred."""
    found = read_table(folder / NOTES)
    note, star = found.get("note", ""), found.get("star", False)
    return (note[:LONGEST_NOTE_READ] if isinstance(note, str) else ""), star is True


def list_checkpoints(folder: Path) -> list[CheckpointFile]:
    """Return every checkpoint of every run in a folder, newest first, broken ones among them.

    Raises CheckpointError where the folder exists and cannot be read.
    """
    # Without reading run.json, which has nothing about a checkpoint.
    found = [each for name in subfolders(folder) for each in list_run_checkpoints(folder / name)]
    return sorted(found, key=lambda each: each.modified, reverse=True)


def list_run_checkpoints(folder: Path) -> list[CheckpointFile]:
    """Return the checkpoints of one run, latest step first, the broken ones last."""
    return list(_read_files(folder)[1])
