"""Files that are whole or not there."""

import os
from pathlib import Path
from threading import get_native_id

from core.errors import UsageError


def expand(path: str) -> Path:
    """The path with ~ as the home folder. Raises UsageError where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such home folder") from None


def replace_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Puts the content at the path: a reader finds what was there before or all of the new.

    `durable` waits until the disk has it, so that a power cut cannot bring half of it back.
    Raises OSError, and then what was there before is still there and nothing else is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{get_native_id()}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
