"""Files that are whole or not there."""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from errno import ELOOP, ENOTDIR, ENXIO
from pathlib import Path
from threading import get_native_id
from typing import BinaryIO

from core.errors import UsageError

# How the names of files end that are not whole yet; a process that was killed leaves one behind.
PARTIAL = ".partial"
# Nothing that a program reads by lines has longer ones.
LONGEST_LINE = 2**20
# Neither following a link, nor waiting for a pipe's other end, nor changing line ends: each where
# a system has that.
THE_FILE_ITSELF = sum(getattr(os, f"O_{each}", 0) for each in ("NOFOLLOW", "NONBLOCK", "BINARY"))

# What a system says of something else by a file's name.
WHAT_ELSE = {ELOOP: "is a link, and links are not followed here", ENXIO: "is not a file"}


def expand(path: str) -> Path:
    """The path with ~ as the home folder. Raises UsageError where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such home folder") from None


def standing(folder: Path) -> Path:
    """The folder, or the nearest above it that there is. Raises OSError for what cannot be looked
    into, and what is no folder."""
    place = folder.absolute()
    while True:
        try:
            os.lstat(place)
        except FileNotFoundError:
            place = place.parent
        else:
            break
    if not place.is_dir():
        raise OSError(ENOTDIR, os.strerror(ENOTDIR))
    return place


def itself(path: str | os.PathLike[str], flags: int) -> int:
    """An opener, for `open`: of a file that is where its name is, and of nothing that a link of
    that name leads to. Raises OSError that says so."""
    name = os.path.basename(path)
    try:
        if os.path.islink(path):  # once more below, where there is no way to be too late
            raise OSError(ELOOP, "")
        number = os.open(path, flags | THE_FILE_ITSELF, 0o666)
    except OSError as error:
        if (why := WHAT_ELSE.get(error.errno or 0)) is None:
            raise
        raise OSError(error.errno, f"{name} {why}") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(ENXIO, f"{name} {WHAT_ELSE[ENXIO]}")
    return number


def let_go(numbers: Collection[int]) -> None:
    """Has what is written to the files open by these numbers go nowhere from now on, without an
    error, and nothing be read from them."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in numbers:
            os.dup2(nowhere, number)
        if nowhere not in numbers:  # as it would be where one of them was closed
            os.close(nowhere)


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """A file's lines as they are, but an empty one for each that is longer than LONGEST_LINE."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (line := file.readline(LONGEST_LINE)) and not line.endswith(b"\n"):
                pass
            line = line[-1:]
        yield line


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
    temporary.unlink(missing_ok=True)
    try:
        # It must be new: what somebody has put there might be a link to elsewhere.
        with temporary.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
