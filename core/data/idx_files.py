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
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from core.files import open_no_wait

LARGEST_FILE = 2**26  # bytes, unpacked: more than any file of MNIST
GZIP = b"\x1f\x8b"


def is_file(root: Path) -> bool:
    """Return whether what should be a folder is there and is none."""
    return os.path.lexists(root) and not os.path.isdir(root)


def list_folders(root: Path, name: str) -> tuple[Path, ...]:
    """Return where the files may be below a root; `name` is what torchvision calls the dataset."""
    return root / name / "raw", root / "raw", root / name, root


def list_spellings(file: str) -> tuple[str, ...]:
    """Return the names that a file such as train-images-idx3-ubyte may have."""
    dotted = file.replace("-idx", ".idx")
    return file, dotted, f"{file}.gz", f"{dotted}.gz"


def describe_places(root: Path, name: str, file: str) -> str:
    """Return where the files of a dataset are looked for, and under which names."""
    dashed, dotted, *_ = list_spellings(file)
    below = [os.path.relpath(each, root) for each in list_folders(root, name)[:-1]]
    return f"{root} (looked for {dashed} or {dotted}, also .gz, there and in {', '.join(below)})"


def find_candidates(root: Path, name: str, file: str) -> Iterator[Path]:
    """Yield what may be a file of a dataset, the most usual place first."""
    for folder in list_folders(root, name):
        for spelling in list_spellings(file):
            if os.path.isfile(folder / spelling):
                yield folder / spelling


def read_file(path: Path) -> bytes:
    """Return the content of a file, unpacked. Raises OSError, and ValueError for what is damaged
    or too large to be a file of a dataset."""
    with open(path, "rb", opener=open_no_wait) as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError("is too large")
    return unpack(content) if content.startswith(GZIP) else content


def unpack(packed: bytes) -> bytes:
    """Return the content of a gzip file. Raises ValueError."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error):
        raise ValueError("is damaged") from None
    if len(content) > LARGEST_FILE:
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


def find_file(root: Path, name: str, file: str, digest: str) -> Path | None:
    """Return where a file of a dataset is, packed or not; None where there is none undamaged."""
    candidates = find_candidates(root, name, file)
    return next((path for path in candidates if has_digest(path, digest)), None)
