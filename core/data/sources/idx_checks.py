"""Check an IDX file for what its format can show: its kind, its sizes, the range of its labels.

The format is a header, four bytes each for the type and number of dimensions and for each size, the
highest byte first, and then the values.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from core.data.sources import idx_files
from core.data.sources.mnist import MNIST_FILES
from core.errors import explain
from core.files import open_no_wait

BYTES, INTEGERS = 8, 12  # types of values
PIECE = 2**20


@dataclass(frozen=True)
class IdxFile:
    """What a file must be: the sizes of its dimensions, the type and the range of its values.

    `other` is how many images the file of the other split has. `not_first` are the labels that
    the other split begins with, where nothing else distinguishes the two.
    """

    sizes: tuple[int, ...]
    other: int
    lowest: int = 0
    highest: int = 255
    type: int = BYTES
    not_first: tuple[int, ...] = ()

    @property
    def header(self) -> int:
        """The bytes of the header."""
        return 4 * (1 + len(self.sizes))

    @property
    def bytes(self) -> int:
        return self.header + math.prod(self.sizes) * (1 if self.type == BYTES else 4)

    @property
    def is_images(self) -> bool:
        return len(self.sizes) == 3


def check_idx(files: dict[str, IdxFile], name: str, path: Path) -> str | None:
    """Return why a file cannot be the one of that name, or None; the text continues its path."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return "is missing"
    return _check(path, found.st_mtime_ns, found.st_size, name, files[name])


@lru_cache(maxsize=64)
def _check(path: Path, changed: int, size: int, name: str, wanted: IdxFile) -> str | None:
    """Check a file once until it changes: every view of a checkpoint asks for it."""
    try:
        with open(path, "rb", opener=open_no_wait) as file:
            is_packed = file.read(2) == idx_files.GZIP
            file.seek(0)
            if not is_packed:
                return _check_content(file, size, name, wanted)
            with gzip.open(file) as unpacked:
                return _check_content(unpacked, _unpacked_size(file, wanted), name, wanted)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return "is damaged: it cannot be unpacked"
    except OSError as error:
        return f"cannot be read ({explain(error)})"


def _unpacked_size(file: IO[bytes], wanted: IdxFile) -> int:
    """Return the size of what a gzip file contains. Raises EOFError and zlib.error."""
    file.seek(-4, os.SEEK_END)
    stated = struct.unpack("<I", file.read(4))[0]
    file.seek(0)
    if stated == wanted.bytes:  # of one member; it is read to its end when it is loaded
        return wanted.bytes
    with gzip.open(file) as unpacked:
        size = 0
        while (piece := unpacked.read(PIECE)) and size <= wanted.bytes:
            size += len(piece)
    file.seek(0)
    return size


def _check_content(
    file: IO[bytes] | gzip.GzipFile, size: int, name: str, wanted: IdxFile
) -> str | None:
    if size == 0:
        return "is empty"
    header = file.read(wanted.header)
    if problem := _check_header(header, wanted):
        return problem
    if size != wanted.bytes:
        what = "truncated" if size < wanted.bytes else "damaged"
        more = "more than " if size > wanted.bytes else f"{size:,} of "
        return f"is {what}: it has {more}{wanted.bytes:,} bytes"
    return None if wanted.is_images else _check_labels(header + file.read(), name, wanted)


def _check_header(header: bytes, wanted: IdxFile) -> str | None:
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in range(8, 15):
        return "is damaged: it is no IDX file"
    if header[3] != len(wanted.sizes) or header[2] != wanted.type:
        held = {1: "labels", 2: "labels of another kind", 3: "images"}.get(header[3], "other data")
        return f"is the wrong file: it has {held}, not {'images' if wanted.is_images else 'labels'}"
    if len(header) < wanted.header:
        return "is truncated: its header is incomplete"
    sizes = struct.unpack(f">{len(wanted.sizes)}I", header[4:])
    if sizes == wanted.sizes:
        return None
    what = "images" if wanted.is_images else "labels"
    if sizes[1:] != wanted.sizes[1:]:
        found, right = ("×".join(f"{each:,}" for each in each) for each in (sizes, wanted.sizes))
        turned = "transposed: " if sorted(sizes) == sorted(wanted.sizes) else "the wrong file: "
        return f"is {turned}it has {found} values, not {right}"
    split = ", as the file of the other split" if sizes[0] == wanted.other else ""
    return f"is the wrong file: it has {sizes[0]:,} {what}{split}, not {wanted.sizes[0]:,}"


def _check_labels(content: bytes, name: str, wanted: IdxFile) -> str | None:
    labels = read_labels(content, wanted)
    lowest, highest = min(labels, default=wanted.lowest), max(labels, default=wanted.lowest)
    if lowest < wanted.lowest or highest > wanted.highest:
        odd = lowest if lowest < wanted.lowest else highest
        where = f"image {list(labels).index(odd):,}"
        return f"has the label {odd} ({where}): labels are {wanted.lowest} to {wanted.highest}"
    if wanted.not_first and tuple(labels[: len(wanted.not_first)]) == wanted.not_first:
        return "is the wrong file: it has the labels of the other split"
    if MNIST_FILES.get(name) == hashlib.sha256(content).hexdigest():
        return "is that of MNIST"
    return None


def read_labels(content: bytes, file: IdxFile) -> bytes | array[int]:
    """Return the labels in a file: of several numbers for each image the first one."""
    if file.type == BYTES:
        return content[file.header :]
    numbers = array("i", content[file.header :])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers[:: file.sizes[1]]
