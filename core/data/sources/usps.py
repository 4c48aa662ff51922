"""USPS: 9,298 digits from envelopes, 16×16 pixels each, as text in two bz2 files.

A line is an image: its label, 1 to 10, and 256 pairs such as 17:-0.523 of the number of a pixel and
its value, -1 to 1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.batches import SIDE
from core.data.dataset import Loading, Tensors
from core.data.sources.file_set import FileSet
from core.data.sources.provide import Stamps, load_files
from core.errors import explain
from core.events import Preparing
from core.files import open_no_wait

if TYPE_CHECKING:
    import numpy
    import torch

USPS_FILES = {"usps.bz2": 7291, "usps.t.bz2": 2007}  # and how many images each has
STORED_SIDE = 16
PIXELS = STORED_SIDE**2
LARGEST_FILE = 2**26  # bytes, unpacked


def load_usps(data: str | None) -> Loading:
    """Load USPS, its images scaled to 28×28, after downloading what is missing. Raises
    DataError."""
    return load_files(USPS, _read_usps, data)


def check_usps(name: str, path: Path) -> str | None:
    """Return why a file cannot be the one of that name, or None; the text continues its path."""
    try:
        found = os.stat(path)
        rows = _read_rows(path, found.st_mtime_ns, found.st_size)
    except OSError as error:
        return f"cannot be read ({explain(error)})"
    except ValueError as error:
        return str(error)
    if len(rows) == USPS_FILES[name]:
        return None
    split = ", as the file of the other split" if len(rows) in USPS_FILES.values() else ""
    return f"is the wrong file: it has {len(rows):,} images{split}, not {USPS_FILES[name]:,}"


@lru_cache(maxsize=4)
def _read_rows(path: Path, changed: int, size: int) -> numpy.ndarray:
    """Return the label and 256 values of each image, (N, 257), read once until the file changes.

    Raises OSError, and ValueError that says what is wrong.
    """
    import numpy

    with open(path, "rb", opener=open_no_wait) as file:
        content = file.read(LARGEST_FILE)
    if content.startswith(b"BZh"):
        content = _unpack(content)
    if not content.strip():
        raise ValueError("is empty")
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    try:
        numbers = numpy.array(content.replace(b":", b" ").split(), dtype=numpy.float64)
        table = numbers.reshape(lines, 1 + 2 * PIXELS)
    except ValueError:
        raise ValueError("is damaged: it is not the text of images of 256 pixels") from None
    labels, places, values = table[:, :1], table[:, 1::2], table[:, 2::2]
    if not (places == numpy.arange(1, PIXELS + 1)).all():
        raise ValueError("is damaged: its pixels are not numbered 1 to 256")
    if not (numpy.abs(values) <= 1).all():
        raise ValueError("is damaged: it has a pixel that is not -1 to 1")
    if not numpy.isin(labels, numpy.arange(1, 11)).all():
        image = int((~numpy.isin(labels[:, 0], numpy.arange(1, 11))).argmax())
        raise ValueError(f"has the label {labels[image, 0]:g} (image {image}): labels are 1 to 10")
    return numpy.hstack((labels, values))


def _unpack(packed: bytes) -> bytes:
    import bz2

    unpacker = bz2.BZ2Decompressor()
    try:
        content = unpacker.decompress(packed, LARGEST_FILE)
    except (OSError, EOFError):
        raise ValueError("is damaged: it cannot be unpacked") from None
    if not unpacker.eof:
        raise ValueError("is truncated: it cannot be unpacked to its end")
    return content


@lru_cache(maxsize=1)
def _read_usps(paths: tuple[Path, ...], stamps: Stamps) -> Tensors:
    """Return the tensors of the two files, read once until they change."""
    import torch

    def read(path: Path, stamp: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.from_numpy(_read_rows(path, *stamp))
        # As torchvision rounds them, to whole numbers below.
        stored = ((rows[:, 1:].float() + 1) / 2 * 255).to(torch.uint8)
        small = stored.view(-1, 1, STORED_SIDE, STORED_SIDE).float()
        scaled = torch.nn.functional.interpolate(small, size=(SIDE, SIDE), mode="bilinear")
        return scaled[:, 0].round().to(torch.uint8), rows[:, 0].long() - 1

    (train, train_labels), (test, test_labels) = map(read, paths, stamps)
    return Tensors(train, train_labels, test, test_labels)


def _put(packed: Path, path: Path) -> Iterator[Preparing]:
    """Give a complete file its name: it is used packed. Raises ValueError and OSError."""
    if problem := check_usps(path.name, packed):
        raise ValueError(problem)
    packed.replace(path)
    yield from ()


USPS = FileSet(
    "USPS",
    "USPS",
    tuple(USPS_FILES),
    check_usps,
    _put,
    packed=8_400_000,
    unpacked=8_400_000,
    remote=str,
    below=(),
    spell=lambda name: (name, name.removesuffix(".bz2")),
)
