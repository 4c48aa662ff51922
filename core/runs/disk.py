"""Move files without replacing others, keep their times, and count the bytes that they take."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from errno import ENOTEMPTY
from pathlib import Path
from time import time

from core.errors import CheckpointError, explain

# An empty folder this old is not that of a run which is just starting.
LEFTOVER_SECONDS = 60


def move(source: Path, target: Path) -> None:
    """Rename a file, a link or a folder without ever replacing something.

    Raises OSError, and CheckpointError where the target exists; the source is then where it was.
    """
    try:
        if source.is_dir() and not source.is_symlink():
            _move_folder(source, target)
        elif source.is_symlink():
            target.symlink_to(os.readlink(source))
            source.unlink()
        else:
            _move_file(source, target)
    except FileExistsError:
        raise CheckpointError(f"{target} already exists and is not replaced") from None


def _move_folder(source: Path, target: Path) -> None:
    # Renaming a folder replaces an empty one, which may be that of a run which is just starting;
    # so the name is claimed first, by an empty folder of our own.
    if not _is_leftover(target):
        target.mkdir()
    try:
        if sys.platform == "win32":  # where renaming does not replace an empty folder
            target.rmdir()
        source.rename(target)
    except OSError as error:
        with suppress(OSError):
            target.rmdir()
        if error.errno == ENOTEMPTY:  # a run has started there in the meantime
            raise FileExistsError(target) from None
        raise


def _is_leftover(place: Path) -> bool:
    """Return whether a killed process claimed the name and left an empty folder."""
    try:
        status = os.lstat(place)
        old = time() - status.st_mtime > LEFTOVER_SECONDS
        return stat.S_ISDIR(status.st_mode) and old and not os.listdir(place)
    except OSError:
        return False


def _move_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # the target exists, or the file system has no hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        source.rename(target)
    else:
        source.unlink()


@contextmanager
def explain_errors(what: str, hint: str = "") -> Iterator[None]:
    """Turn an OSError into a CheckpointError: `what`, the system's reason, and the hint."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{what} ({explain(error)}){hint}") from None


def explain_unwritable(folder: Path) -> AbstractContextManager[None]:
    """Turn an OSError into a CheckpointError that a folder of runs cannot be written."""
    what = f"the checkpoint folder {folder} cannot be written"
    return explain_errors(what, "; choose another with --checkpoints")


@contextmanager
def keep_times(*places: Path) -> Iterator[None]:
    """Keep the modification times: lists are sorted by when a run was last saved to, and a note or
    a rename is no saving."""
    times = {place: os.stat(place) for place in places}
    yield
    for place, status in times.items():
        with suppress(OSError):
            os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


def freed_bytes(places: Iterable[Path]) -> int:
    """Return the bytes that deleting everything under the places would free: a file is counted
    once, and only if all of its names are there. Links are not followed."""
    names: Counter[tuple[int, int]] = Counter()
    total = 0
    left = [os.fspath(place) for place in places]
    while left:
        place = left.pop()
        with suppress(OSError):  # deleted in the meantime
            status = os.lstat(place)
            if stat.S_ISDIR(status.st_mode):
                left += [each.path for each in os.scandir(place)]
                continue
            names[file := (status.st_dev, status.st_ino)] += 1
            if names[file] == max(1, status.st_nlink):
                total += status.st_size
    return total
