"""Lock files and folders between processes. The system releases a lock when its process ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from core.errors import CheckpointError, explain
from core.files import open_no_follow

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TRIES, PAUSE_SECONDS = 10, 0.01
# For how long `lock` waits for processes that only test a lock, with `is_locked`.
TESTED_SECONDS = 10.0
# How often a folder is tried, which other processes lock for a moment.
FOLDER_TRIES = 300
# A file that claims a folder is deleted after this time: its process was killed.
CLAIM_SECONDS = 30.0


class NoLocks(Exception):
    """The file system has no locks that work; the text is the reason."""


def lock(file: IO[bytes] | int, tries: int = TRIES) -> bool:
    """Lock an open file until it is closed, and return whether that succeeded. Raises NoLocks."""
    until = time.monotonic() + TESTED_SECONDS
    while tries > 0 and time.monotonic() < until:
        if _try_lock(file, exclusive=True):
            return True
        # A shared lock succeeds beside processes that only test it: then it is free between tests.
        if _try_lock(file):
            fcntl.flock(file, fcntl.LOCK_UN)
        else:
            tries -= 1
        time.sleep(PAUSE_SECONDS)
    return False


def _try_lock(file: IO[bytes] | int, *, exclusive: bool = False) -> bool:
    if fcntl is None:
        raise NoLocks("this system has none")
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise NoLocks(explain(error)) from None
    return True


def is_locked(path: Path) -> bool:
    """Return whether a process has locked the file; False where it cannot be opened.

    Raises NoLocks.
    """
    try:
        with open(path, "rb", opener=open_no_follow) as file:
            return not _try_lock(file)
    except OSError:
        return False


def check_locks(path: Path) -> None:
    """Raise NoLocks where the file, which this process has locked, can be locked again: some
    network file systems grant every lock."""
    if not is_locked(path):
        raise NoLocks("the same lock is granted twice")


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder for the `with` block. Raises OSError, and CheckpointError where another process
    keeps it locked."""
    if fcntl is None:  # a folder cannot be opened
        with lock_by_file(folder):
            yield
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        try:
            if not lock(number, FOLDER_TRIES):
                raise _busy(folder)
        except NoLocks:
            with lock_by_file(folder):
                yield
        else:
            yield
    finally:
        with suppress(OSError):
            os.close(number)


@contextmanager
def lock_by_file(folder: Path) -> Iterator[None]:
    """Lock a folder for the `with` block without locks: by a file beside it, which only one process
    can create. Raises as `lock_folder` does."""
    path = folder.with_name(f".{folder.name}.claim")
    for _ in range(FOLDER_TRIES):
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            break
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > CLAIM_SECONDS:
                path.unlink()
        time.sleep(PAUSE_SECONDS)
    else:
        raise _busy(folder)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _busy(folder: Path) -> CheckpointError:
    return CheckpointError(f"another process is busy with {folder}; try again soon")
