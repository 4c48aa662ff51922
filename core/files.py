"""Open, read and replace files safely: no half-written files, no links, no waiting for pipes."""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EISDIR, ELOOP, ENOSPC, ENOTDIR, ENXIO, EROFS
from pathlib import Path
from threading import get_native_id
from typing import IO, BinaryIO

from core.errors import CheckpointError, explain

# Suffix of a file that is still being written; a killed process may leave one behind.
PARTIAL = ".partial"
# Longer lines do not occur in the files that are read line by line.
LONGEST_LINE = 2**20
# Do not block on a pipe that has no writer, do not translate line ends, do not follow a link:
# each where the system has the flag.
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

NOT_A_FILE = {
    ELOOP: "is a link, and links are not followed here",
    ENXIO: "is not a file",
    EISDIR: "is a folder",
}


def nearest_existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists.

    Raises OSError where the path cannot be read or leads through a file.
    """
    place = folder.absolute()
    while True:
        try:
            os.lstat(place)
            break
        except FileNotFoundError:
            place = place.parent
    if not place.is_dir():
        raise OSError(ENOTDIR, os.strerror(ENOTDIR))
    return place


def check_writable(folder: Path) -> None:
    """Raise OSError where no file can be created in a folder, whether or not it exists yet."""
    place = nearest_existing(folder)
    if os.access(place, os.W_OK | os.X_OK):
        return
    is_read_only = hasattr(os, "statvfs") and os.statvfs(place).f_flag & os.ST_RDONLY
    denied = EROFS if is_read_only else EACCES
    raise OSError(denied, os.strerror(denied))


def open_no_follow(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file without following a link; an `opener` for `open`.

    Returns the file descriptor. Raises OSError, also for a link, a pipe and a device.
    """
    try:
        if os.path.islink(path):  # a system without O_NOFOLLOW has this check alone
            raise OSError(ELOOP, "")
        return open_no_wait(path, flags | NO_FOLLOW)
    except OSError as error:
        if (why := NOT_A_FILE.get(error.errno or 0)) is None:
            raise
        raise OSError(error.errno, f"{os.path.basename(path)} {why}") from None


def open_no_wait(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file without waiting for the other end of a pipe; an `opener` for `open`.

    Returns the file descriptor. Raises OSError, for a folder, a pipe, a socket and a device with
    a text of NOT_A_FILE.
    """
    try:
        number = os.open(path, flags | NO_WAIT, 0o666)
    except OSError as error:
        if error.errno == ENXIO:
            raise OSError(ENXIO, NOT_A_FILE[ENXIO]) from None
        raise
    if not stat.S_ISREG(mode := os.fstat(number).st_mode):
        os.close(number)
        code = EISDIR if stat.S_ISDIR(mode) else ENXIO
        raise OSError(code, NOT_A_FILE[code])
    return number


@contextmanager
def open_regular_file(path: Path, buffering: int = -1) -> Iterator[BinaryIO]:
    """Open a regular file for reading, following links, without waiting for a pipe.

    Raises CheckpointError that names the file. A ValueError raised in the `with` block becomes one
    too: its text continues the sentence that begins with the path.
    """
    try:
        with open(path, "rb", buffering, opener=open_no_wait) as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise CheckpointError(f"{path} is a folder, not a checkpoint") from None
    except OSError as error:
        why = explain(error) if error.errno == ENXIO else f"cannot be read ({explain(error)})"
        raise CheckpointError(f"{path} {why}") from None
    except ValueError as error:
        raise CheckpointError(f"{path} {error}") from None


def redirect_to_devnull(numbers: Collection[int]) -> None:
    """Redirect open file descriptors to /dev/null, so that writing to them cannot fail."""
    with suppress(OSError):
        devnull = os.open(os.devnull, os.O_RDWR)
        for number in numbers:
            os.dup2(devnull, number)
        if devnull not in numbers:  # it is one of them where that one was closed
            os.close(devnull)


def unnamed_file() -> IO[bytes]:
    """Return a temporary file, in memory if the system can, since the disk may be full.

    Raises OSError.
    """
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("mnist-tui"), "w+b")
    import tempfile  # 5 ms of every start

    return tempfile.TemporaryFile()


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's lines with their line ends; one longer than LONGEST_LINE as an empty line."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (line := file.readline(LONGEST_LINE)) and not line.endswith(b"\n"):
                pass
            line = line[-1:]
        yield line


def append_line(path: Path, line: bytes) -> None:
    """Append a line, without its line end, to a file, and create both it and its folder where they
    are missing.

    It is one write, so that two programs may append at once; what an interrupted one left without
    a line end does not damage it. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number = open_no_follow(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        content = b"\n" * _is_torn(number) + line + b"\n"
        if os.write(number, content) < len(content):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
    finally:
        os.close(number)


def _is_torn(number: int) -> bool:
    """Return whether an open file does not end with a whole line."""
    size = os.fstat(number).st_size
    if not size:
        return False
    os.lseek(number, size - 1, os.SEEK_SET)
    return os.read(number, 1) != b"\n"


def replace_file(path: Path, content: bytes) -> None:
    """Write the content to the path atomically: a reader finds the old content or all of the new.

    Raises OSError; the old file is then unchanged and no temporary file is left.
    """
    with replacing(path) as file:
        file.write(content)


def link_file(source: Path, path: Path) -> None:
    """Hard-link the file to a second name, replacing what had that name.

    Replacing one of the two names later leaves the other as it is. Raises OSError, also where the
    file system has no hard links.
    """
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
        temporary.replace(path)
    finally:
        # rename() does nothing where both names are the same file: the temporary one would stay.
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{get_native_id()}{PARTIAL}")


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file for writing that replaces the path when the `with` block ends.

    `durable` flushes it to the disk first, so that a power cut cannot leave half of it. Raises as
    `replace_file` does.
    """
    temporary = _temporary(path)
    temporary.unlink(missing_ok=True)
    try:
        # "x": a file of that name that exists by now might be a link to another place.
        with temporary.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
