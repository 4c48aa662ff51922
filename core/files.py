"""Files that are whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_native_id
from typing import BinaryIO

from core.errors import UsageError

# How the names of files end that are not whole yet; a process that was killed leaves one behind.
PARTIAL = ".partial"


def expand(path: str) -> Path:
    """The path with ~ as the home folder. Raises UsageError where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such home folder") from None


def replace_file(path: Path, content: bytes) -> None:
    """Puts the content at the path: a reader finds what was there before or all of the new.

    Raises OSError, and then what was there before is still there and nothing else is left.
    """
    with replacing(path) as file:
        file.write(content)


def link_file(source: Path, path: Path) -> None:
    """Has the file under a second name too, in the place of what was there. What replaces one of
    the two leaves the other as it is. Raises OSError, as where a file system has no links.
    """
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
        temporary.replace(path)
    finally:
        # Two names of one file are not renamed to one another: the temporary one would stay.
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{get_native_id()}{PARTIAL}")


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, that takes the path's place when it is whole. Raises as `replace_file`.

    `durable` waits until the disk has it, so that a power cut cannot bring half of it back.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
