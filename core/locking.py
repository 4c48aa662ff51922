"""Who has a file or a folder to themselves. A lock goes with the process, however that ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from core.errors import CheckpointError

try:
    import fcntl
except ImportError:  # Windows: there two programs can take up one run at once
    fcntl = None  # type: ignore[assignment]

TRIES, PAUSE_SECONDS = 10, 0.01
# How often a folder is tried that others have for a moment.
FOLDER_TRIES = 300


def lock(file: IO[bytes] | int, tries: int = TRIES) -> bool:
    """Whether the open file is ours now, until it is closed."""
    if fcntl is None:
        return True
    for _ in range(tries):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_SECONDS)  # somebody may just be asking whether it goes on
        except OSError:  # a file system that knows no locks
            return True
        else:
            return True
    return False


def is_locked(path: Path) -> bool:
    try:
        # Without waiting, were it a pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


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
