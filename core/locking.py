"""Lock files and folders between processes. The system releases a lock when its process ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from core.errors import CheckpointError
from core.files import open_no_follow

try:
    import fcntl
except ImportError:  # Windows: there two processes can resume one run at once
    fcntl = None  # type: ignore[assignment]

TRIES, PAUSE_SECONDS = 10, 0.01
# For how long `lock` waits for processes that only test a lock, with `is_locked`.
TESTED_SECONDS = 10.0
# How often a folder is tried, which other processes lock for a moment.
FOLDER_TRIES = 300


def lock(file: IO[bytes] | int, tries: int = TRIES) -> bool:
    """Lock an open file until it is closed, and return whether that succeeded."""
    if fcntl is None:
        return True
    until = time.monotonic() + TESTED_SECONDS
    while tries > 0 and time.monotonic() < until:
        if _try_lock(file, fcntl.LOCK_EX):
            return True
        # A shared lock succeeds beside processes that only test it: then it is free between tests.
        if _try_lock(file, fcntl.LOCK_SH):
            fcntl.flock(file, fcntl.LOCK_UN)
        else:
            tries -= 1
        time.sleep(PAUSE_SECONDS)
    return False


def _try_lock(file: IO[bytes] | int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def is_locked(path: Path) -> bool:
    """Return whether a process has locked the file; False where it cannot be opened."""
    try:
        with open(path, "rb", opener=open_no_follow) as file:
            return not _try_lock(file, fcntl.LOCK_SH)
    except OSError:
        return False


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder for the `with` block. Raises OSError, and CheckpointError where another process
    keeps it locked."""
    if fcntl is None:
        yield
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        if not lock(number, FOLDER_TRIES):
            raise CheckpointError(f"another process is busy with {folder}; try again soon")
        yield
    finally:
        with suppress(OSError):
            os.close(number)
