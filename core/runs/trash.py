"""Delete runs and checkpoints by moving them to a trash, from which they can be restored.

The trash is a hidden folder beside the runs, so that deleting is one rename on one file system: it
takes no time, and a process killed in the middle leaves a thing either where it was or in the
trash. The trash needs no index: a whole run is at <time>/run/<run>, a file at
<time>/files/<run>/<file>.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import CheckpointError, closest_match
from core.locking import lock_folder
from core.runs.disk import explain_errors, freed_bytes, keep_times, move
from core.runs.layout import TRASH

WHOLE_RUN, FILES = "run", "files"
TIME_FORMAT, TIME_PATTERN = "%Y%m%d-%H%M%S-%f", re.compile(r"\d{8}-\d{6}-\d{6}")


@dataclass(frozen=True)
class Trashed:
    """What was deleted at once: a whole run, or some files of one. `bytes` are what emptying the
    trash would free: a file that has another name elsewhere does not count."""

    run: str
    files: tuple[str, ...]  # none: the whole run
    bytes: int
    at: float  # unix seconds
    place: Path  # its folder in the trash

    @property
    def folder(self) -> Path:
        """The folder of runs that it was deleted from."""
        return self.place.parent.parent

    @property
    def what(self) -> str:
        """In words: the run's name, the file's, or the number of files."""
        if len(self.files) > 1:
            return f"{len(self.files)} files of {self.run}"
        return "/".join((self.run, *self.files))


def move_to_trash(folder: Path, run: str, files: Iterable[str] | None = None) -> Trashed:
    """Move a run of a folder, or some of its files, to the trash. The run must be locked.

    Raises CheckpointError; what has been moved by then can be restored.
    """
    place = folder / run
    if TRASH in place.absolute().parts:
        how = "`mnist-tui runs restore` restores it"
        raise CheckpointError(f"{place} is in the trash already; {how}")
    with explain_errors(f"{place} cannot be deleted"):
        with suppress(FileExistsError):
            (folder / TRASH).mkdir()
        with _opened(folder) as trash:
            entry = _new_entry(trash)
            inside = entry / (WHOLE_RUN if files is None else FILES)
            try:
                inside.mkdir()
                if files is None:
                    place.rename(inside / run)
                else:
                    with keep_times(place):
                        (inside / run).mkdir()
                        for name in files:
                            (place / name).rename(inside / run / name)
            finally:
                _remove_empty(entry)
            if trashed := _read(entry):
                return trashed
    raise CheckpointError(f"{place} has been moved to {entry}, which cannot be read")


def _new_entry(trash: Path) -> Path:
    while True:
        entry = trash / datetime.now(UTC).strftime(TIME_FORMAT)
        with suppress(FileExistsError):  # made in the same microsecond
            entry.mkdir()
            return entry


def _remove_empty(entry: Path) -> None:
    """Remove the folders of an entry that have nothing in them."""
    for place in (*entry.glob("*/*"), *entry.glob("*"), entry):
        if place.parent.name != WHOLE_RUN:  # a run may have been an empty folder when deleted
            with suppress(OSError):
                place.rmdir()


def list_trash(folder: Path) -> list[Trashed]:
    """Return what can be restored to a folder of runs, most recently deleted first.

    Raises CheckpointError.
    """
    trash, names = folder / TRASH, []
    with explain_errors(f"{trash} cannot be read"), suppress(FileNotFoundError):
        _check_is_folder(trash)
        names = sorted(os.listdir(trash), reverse=True)
    return list(filter(None, (_read(trash / name) for name in names)))


def _read(entry: Path) -> Trashed | None:
    """Return what an entry has; None for a link, for what we did not put there, and for what has
    been restored in the meantime."""
    if not TIME_PATTERN.fullmatch(entry.name) or entry.is_symlink():
        return None
    with suppress(OSError, ValueError):
        at = datetime.strptime(entry.name, TIME_FORMAT).replace(tzinfo=UTC).timestamp()
        for place in (*entry.glob(f"{WHOLE_RUN}/*"), *entry.glob(f"{FILES}/*")):
            is_whole = place.parent.name == WHOLE_RUN
            if place.parent.is_symlink() or (place.is_symlink() and not is_whole):
                continue
            files = () if is_whole else tuple(sorted(os.listdir(place)))
            if is_whole or files:
                return Trashed(place.name, files, freed_bytes([entry]), at, entry)
    return None


def restore_latest(run: str, folder: Path) -> Path:
    """Restore what was last deleted of the run of that name, and return the run's folder.

    Raises CheckpointError.
    """
    trashed = {each.run: each for each in reversed(list_trash(folder))}
    if run in trashed:
        return restore(trashed[run])
    near = closest_match(run, trashed)
    hint = f"; did you mean {near}?" if near else ""
    raise CheckpointError(f"the trash of {folder} has nothing of {run or repr(run)}{hint}")


def restore(trashed: Trashed) -> Path:
    """Move something back to where it was, never replacing anything, and return the run's folder.

    Raises CheckpointError.
    """
    folder = trashed.folder
    home = folder / trashed.run
    with explain_errors(f"{trashed.what} cannot be restored"), _opened(folder):
        inside = trashed.place / FILES / trashed.run
        if not trashed.files:
            move(trashed.place / WHOLE_RUN / trashed.run, home)
        elif not home.is_dir():
            gone = f"the run {trashed.run} is no longer in {folder}"
            raise CheckpointError(f"{gone}; its deleted files are in {inside}")
        else:
            for name in trashed.files:
                if os.path.lexists(home / name):
                    raise CheckpointError(f"{home / name} exists again and is not replaced")
            with keep_times(home):
                for name in trashed.files:
                    move(inside / name, home / name)
        _remove_empty(trashed.place)
    return home


def rename_in_trash(folder: Path, before: str, now: str) -> None:
    """Let a renamed run's deleted files be restored to it under its new name. Files deleted before
    a whole run of the old name was deleted belong to that one.

    Raises OSError and CheckpointError.
    """
    if not os.path.lexists(folder / TRASH):
        return
    with _opened(folder):
        for each in list_trash(folder):
            if each.run == before and not each.files:
                break
            if each.run == before:
                (each.place / FILES / before).rename(each.place / FILES / now)


def empty_trash(folder: Path) -> int:
    """Delete for good what is in the trash, and return how many bytes that frees.

    Raises CheckpointError.
    """
    if not os.path.lexists(folder / TRASH):
        return 0
    with explain_errors(f"{folder / TRASH} cannot be emptied"), _opened(folder) as trash:
        # Only what we have put there.
        named = (each for each in trash.iterdir() if TIME_PATTERN.fullmatch(each.name))
        entries = [each for each in named if each.is_dir() and not each.is_symlink()]
        total = freed_bytes(entries)
        for each in entries:
            shutil.rmtree(each)
    return total


@contextmanager
def _opened(folder: Path) -> Iterator[Path]:
    """Keep other processes from moving things in and out of the trash. A link is not followed:
    emptying it would delete files elsewhere. Raises OSError and CheckpointError."""
    trash = folder / TRASH
    _check_is_folder(trash)
    with lock_folder(trash):
        yield trash


def _check_is_folder(trash: Path) -> None:
    if not stat.S_ISDIR(os.lstat(trash).st_mode):
        raise CheckpointError(f"{trash} is not a folder, so nothing can be deleted there")
