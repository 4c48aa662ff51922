"""Find the IDX files of a dataset where a person keeps them, and read them as they are.

torchvision keeps them in NAME/raw below its root; others keep them in a folder of their own, with a
dot in the names (`train-images.idx3-ubyte`), packed with gzip or not. A file counts by the SHA-256
of its unpacked content, so it does not matter how it is named or who has packed it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from core.events import Preparing
from core.files import open_no_wait, replacing

LARGEST_FILE = 2**26  # bytes, unpacked: more than any file of MNIST
GZIP = b"\x1f\x8b"
PIECE = 2**20


def is_file(root: Path) -> bool:
    """Return whether a path that should be a folder exists and is not one."""
    return os.path.lexists(root) and not os.path.isdir(root)


def list_folders(root: Path, name: str) -> tuple[Path, ...]:
    """Return where the files may be below a root; `name` is what torchvision calls the dataset."""
    return root / name / "raw", root / "raw", root / name, root


def list_spellings(file: str) -> tuple[str, ...]:
    """Return the names that a file such as train-images-idx3-ubyte may have."""
    dotted = file.replace("-idx", ".idx")
    return file, dotted, f"{file}.gz", f"{dotted}.gz"


def read_file(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """Return the content of a file, unpacked. Raises OSError, and ValueError for what is damaged
    or too large to be a file of a dataset."""
    most = largest + largest // 1000 + 2**10  # what cannot be packed becomes a little larger
    with open(path, "rb", opener=open_no_wait) as file:
        content = file.read(most + 1)
    is_packed = content.startswith(GZIP)
    if len(content) > (most if is_packed else largest):
        raise ValueError("is too large")
    return unpack(content, largest) if is_packed else content


def unpack(packed: bytes, largest: int = LARGEST_FILE) -> bytes:
    """Return the content of a gzip file. Raises ValueError."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            content = file.read(largest + 1)
    except (OSError, EOFError, zlib.error):
        raise ValueError("is damaged") from None
    if len(content) > largest:
        raise ValueError("is too large")
    return content


def has_digest(path: Path, digest: str) -> bool:
    """Return whether the unpacked content has that SHA-256. A file is read once until it changes:
    every view of a checkpoint asks for it."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return False
    # Reading a larger file could take all the memory.
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_FILE:
        return False
    return _has_digest(path, digest, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=64)
def _has_digest(path: Path, digest: str, changed: int, size: int) -> bool:
    try:
        return hashlib.sha256(read_file(path)).hexdigest() == digest
    except (OSError, ValueError):
        return False


def unpack_gzip(
    check: Callable[[str, Path], str | None], packed: Path, path: Path
) -> Iterator[Preparing]:
    """Unpack a gzip file to a path, if `check` finds no problem with what it contains.

    Raises ValueError where it is damaged, and OSError.
    """
    done = 0
    with replacing(path) as file:
        try:
            with gzip.open(packed) as source:
                while piece := source.read(PIECE):
                    done += file.write(piece)
                    if done > LARGEST_FILE:
                        raise ValueError("is too large")
                    if done % (16 * PIECE) == 0:
                        yield Preparing(message=f"unpacking {path.name}", done=done)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise ValueError("is damaged") from None
        file.flush()
        if problem := check(path.name, Path(file.name)):
            raise ValueError(problem)
