"""Whether checkpoints are what was saved: every bit of them, read again, without torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from core.checkpoints.header import (
    DTYPES,
    METADATA,
    SEALED_SINCE,
    SUM_DIGITS,
    SUMS,
    abbreviate,
    described,
    read_header,
)
from core.compute.threads import cpu_cores
from core.errors import CheckpointError
from core.files import open_regular_file

PIECE = 2**20
TORCH_DTYPES = {short: f"torch.{name}" for name, short in DTYPES.items()}
# More would ask the disk for more than it gives.
MOST_AT_ONCE = 4

# What tells one file from all others, whatever its names are.
Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class Verified:
    """One file: `fault` is what is wrong with it, None where it is as it was saved; `note` is what
    could not be known. `file` is None where it could not be opened."""

    path: Path
    bytes: int = 0
    fault: str | None = None
    note: str | None = None
    file: Identity | None = None

    @property
    def ok(self) -> bool:
        return self.fault is None


def verify(path: Path) -> Verified:
    """Reads all of the file, a piece at a time, and holds it against the digests in its header.
    What is put in its place meanwhile changes nothing."""
    verified = Verified(path)
    try:
        with open_regular_file(path) as file:
            status = os.fstat(file.fileno())
            verified = replace(verified, bytes=status.st_size, file=_identity(status))
            note = _check(path, file, status.st_size)
    except CheckpointError as error:
        return replace(verified, fault=str(error).removeprefix(f"{path} "))
    return replace(verified, note=note)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def verify_all(paths: Iterable[Path]) -> Iterator[Verified]:
    """Verify each file that is still there. A file that has several names is read once, and its
    names come together."""
    groups: dict[Identity | Path, list[Path]] = {}
    for path in paths:
        try:
            groups.setdefault(_identity(os.stat(path)), []).append(path)
        except FileNotFoundError:
            if os.path.islink(path):  # to nowhere
                groups.setdefault(path, []).append(path)
        except (OSError, ValueError):
            groups.setdefault(path, []).append(path)
    # Hashing lets other threads go on.
    pool = ThreadPoolExecutor(min(MOST_AT_ONCE, cpu_cores()), "verify")
    try:
        for found in pool.map(_verify_names, groups, groups.values()):
            yield from (each for each in found if each.ok or os.path.lexists(each.path))
    finally:
        pool.shutdown(cancel_futures=True)


def _verify_names(file: Identity | Path, names: list[Path]) -> list[Verified]:
    first = verify(names[0])
    if first.file != file:  # replaced since: the other names may still be those of the old one
        return [first, *map(verify, names[1:])]
    return [replace(first, path=name) for name in names]


def _check(path: Path, file: BinaryIO, size: int) -> str | None:
    """What there is to note. Raises CheckpointError, and ValueError that goes after the name."""
    header = read_header(file, size)
    info, start = described(path, header), file.tell()
    sums = str(header.pop(METADATA).get(SUMS, ""))
    total = hashlib.sha256()
    for place, (name, said, begin, end) in enumerate(_tensors(header)):
        total.update(said)
        file.seek(start + begin)
        for piece in _pieces(file, end - begin):
            total.update(piece)
        known = sums[place * SUM_DIGITS : (place + 1) * SUM_DIGITS]
        if known and known != total.hexdigest()[:SUM_DIGITS]:
            raise ValueError(f"is damaged: its tensor {abbreviate(name)} is not what was saved")
    if total.hexdigest() != info.digest:
        raise ValueError("is damaged: its tensors do not have the digest in its header")
    if info.version < SEALED_SINCE:
        return "saved by an earlier version, without a digest of its header"
    return None


def _tensors(header: dict[str, Any]) -> Iterator[tuple[str, bytes, int, int]]:
    """As core.checkpoints.io.digest takes them: each tensor's name, what is said of it before its
    bytes, and where those begin and end. Raises ValueError."""
    for name, entry in sorted(header.items()):
        try:
            said = f"{name} {TORCH_DTYPES[entry['dtype']]} {tuple(map(int, entry['shape']))}\n"
            begin, end = map(int, entry["data_offsets"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError("has a damaged header: it does not say what its tensors are") from None
        yield name, said.encode(errors="surrogatepass"), begin, end


def _pieces(file: BinaryIO, count: int) -> Iterator[bytes]:
    while count > 0 and (piece := file.read(min(PIECE, count))):
        yield piece
        count -= len(piece)
