"""Who has a file or a folder to themselves. A lock goes with the process, however that ends."""

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
except ImportError:  # Windows: there two programs can take up one run at once
    fcntl = None  # type: ignore[assignment]

TRIES, PAUSE_SECONDS = 10, 0.01
# For how long whoever only asks, and has it for a moment each, can keep a lock from who wants it.
ASKED_SECONDS = 10.0
# How often a folder is tried that others have for a moment.
FOLDER_TRIES = 300


def lock(file: IO[bytes] | int, tries: int = TRIES) -> bool:
    """Whether the open file is ours now, until it is closed."""
    if fcntl is None:
        return True
    until = time.monotonic() + ASKED_SECONDS
    while tries > 0 and time.monotonic() < until:
        if _take(file, fcntl.LOCK_EX):
            return True
        # Who only asks shares it with us, so it is nobody's, and ours as soon as none of them
        # happens to be asking.
        if _take(file, fcntl.LOCK_SH):
            fcntl.flock(file, fcntl.LOCK_UN)
        else:
            tries -= 1
        time.sleep(PAUSE_SECONDS)
    return False


def _take(file: IO[bytes] | int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system that knows no locks
        pass
    return True


def is_locked(path: Path) -> bool:
    """Whether somebody has the file to themselves; no where it cannot be opened."""
    try:
        number = open_no_follow(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _take(number, fcntl.LOCK_SH)
    finally:
        os.close(number)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Nobody else who asks as this does has the folder meanwhile. Raises OSError, and
    CheckpointError where another process keeps it."""
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
