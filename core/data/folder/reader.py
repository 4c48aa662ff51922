"""Read image files that show one character each, in this process or in several others.

`python -m core.data.folder.reader` reads paths from stdin, each with a null byte at its end, and
writes a record of RECORD bytes for each. Threads would not help: finding the ink holds Python's
global lock for most of the time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE, Popen
from typing import IO

from core.data.batches import SIDE
from core.errors import DataError, explain, printable
from core.files import unnamed_file
from core.processes import describe_exit, start_module

PIXELS = SIDE**2
RECORD = 1 + PIXELS  # the count, 0 where there is no image; then its pixels or the problem


@dataclass(frozen=True)
class ReadImage:
    """784 bytes as in MNIST, made of `count` marks; or the problem with the file, which continues
    the sentence that begins with its name."""

    pixels: bytes = b""
    count: int = 0
    problem: str = ""


def read_here(paths: Sequence[str]) -> Iterator[ReadImage]:
    """Yield the image of each file."""
    from core.data.images import read_character

    for path in paths:
        try:
            yield ReadImage(*read_character(path))
        except DataError as error:
            yield ReadImage(problem=str(error))


def start_readers(paths: Sequence[str], count: int, stack: ExitStack) -> Iterator[ReadImage]:
    """Yield the image of each file, read by that many processes, which end with the stack.

    Raises DataError.
    """
    try:
        readers = [_start(paths[first::count], stack) for first in range(count)]
    except OSError as error:
        raise DataError(f"no process can be started to read images ({explain(error)})") from None
    for number in range(len(paths)):
        reader = readers[number % count]
        assert reader.stdout is not None
        record = reader.stdout.read(RECORD)
        if len(record) < RECORD:
            how = describe_exit(reader.wait())
            raise DataError(
                f"a process that reads images ended {how}, at {printable(paths[number])}"
            )
        yield _decode(record)


def _start(paths: Sequence[str], stack: ExitStack) -> Popen[bytes]:
    # A file, and not a pipe, which would be full before the process has read anything.
    with unnamed_file() as file:
        file.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
        file.seek(0)
        # In a session of its own, so that Ctrl-C ends it by this process alone.
        process = start_module(
            __name__, stdin=file, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
    stack.callback(_end, process)
    return process


def _end(process: Popen[bytes]) -> None:
    process.kill()
    if process.stdout:
        process.stdout.close()
    process.wait()


def _encode(image: ReadImage) -> bytes:
    if image.pixels:
        return bytes([min(image.count, 255)]) + image.pixels
    return b"\0" + image.problem.encode(errors="replace")[:PIXELS].ljust(PIXELS, b"\0")


def _decode(record: bytes) -> ReadImage:
    if record[0]:
        return ReadImage(record[1:], record[0])
    return ReadImage(problem=record[1:].rstrip(b"\0").decode(errors="replace"))


def main(source: IO[bytes], target: IO[bytes]) -> None:
    """Read the files that are named in `source`; it is read whole before the first one."""
    paths = [os.fsdecode(each) for each in source.read().split(b"\0")[:-1]]
    for image in read_here(paths):
        target.write(_encode(image))
        target.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
