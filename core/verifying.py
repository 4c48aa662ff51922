"""Whether checkpoints are still what was saved: their bytes against the digests in them, without
torch and in little memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from core.devices import cpu_cores
from core.errors import CheckpointError
from core.headers import (
    DTYPES,
    METADATA,
    SUM_DIGITS,
    SUMS,
    described,
    read_header,
    reading,
)

PIECE = 2**20
TORCH_DTYPES = {name: f"torch.{dtype}" for dtype, name in DTYPES.items()}
# More would read from the disk faster than it gives.
MOST_AT_ONCE = 4

# What tells one file from another, whatever its names are.
Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class Verified:
    """`fault` says what is wrong, in words that go after the file's name; None where all is as it
    was saved. `note` says what could not be told."""

    path: Path
    fault: str | None = None
    note: str = ""
    bytes: int = 0
    file: Identity | None = None

    @property
    def ok(self) -> bool:
        return self.fault is None


def verify(path: Path) -> Verified:
    """Reads all of one file: what is put in its place meanwhile changes nothing."""
    verified = Verified(path)
    try:
        with reading(path) as file:
            status = os.fstat(file.fileno())
            verified = replace(verified, bytes=status.st_size, file=_identity(status))
            note = _check(path, file, status.st_size)
    except CheckpointError as error:
        return replace(verified, fault=str(error).removeprefix(f"{path} "))
    return replace(verified, note=note)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def verify_all(paths: Iterable[Path]) -> Iterator[Verified]:
    """Each of the files; one that has several names is read once, and they come together."""
    groups: dict[Any, list[Path]] = {}
    for path in paths:
        try:
            groups.setdefault(_identity(os.stat(path)), []).append(path)
        except (OSError, ValueError):
            groups.setdefault(path, []).append(path)
    # Hashing lets other threads go on.
    pool = ThreadPoolExecutor(min(MOST_AT_ONCE, cpu_cores()), "verify")
    try:
        for found in pool.map(_verify_names, groups, groups.values()):
            yield from found
    finally:
        pool.shutdown(cancel_futures=True)


def _verify_names(file: Any, names: list[Path]) -> list[Verified]:
    first = verify(names[0])
    if first.file != file:  # replaced since: the other names may still be those of the old one
        return [first, *map(verify, names[1:])]
    return [replace(first, path=name) for name in names]


def _check(path: Path, file: BinaryIO, size: int) -> str:
    """What there is to note. Raises CheckpointError, and ValueError that goes after the name."""
    header = read_header(file, size)
    info = described(path, header)
    start = file.tell()
    metadata = header.pop(METADATA)
    sums = str(metadata.get(SUMS, ""))
    total = hashlib.sha256()
    for place, (name, said, begin, end) in enumerate(_tensors(header, size - start)):
        total.update(said)
        file.seek(start + begin)
        _hash(total, file, end - begin)
        known = sums[place * SUM_DIGITS : (place + 1) * SUM_DIGITS]
        if known and known != total.hexdigest()[:SUM_DIGITS]:
            raise ValueError(f"is damaged: its tensor {name} is not what was saved")
    if total.hexdigest() != info.digest:
        raise ValueError("is damaged: its tensors do not have the digest in its header")
    return "" if info.version > 1 else "of format 1, whose header has no digest"


def _tensors(header: dict[str, Any], size: int) -> list[tuple[str, bytes, int, int]]:
    """Each tensor's name, what a digest takes of it before its bytes, and where those begin and
    end; in the digest's order. Raises ValueError."""
    found = []
    try:
        for name, entry in sorted(header.items()):
            said = f"{name} {TORCH_DTYPES[entry['dtype']]} {tuple(entry['shape'])}\n".encode()
            begin, end = map(int, entry["data_offsets"])
            found.append((name, said, begin, end))
    except (ValueError, TypeError, KeyError, OverflowError):
        raise ValueError("has a damaged header: it describes no tensors") from None
    reached = 0
    for begin, end in sorted((begin, end) for _, _, begin, end in found):
        if begin != reached or end < begin:
            raise ValueError("has a damaged header: its tensors overlap or leave gaps")
        reached = end
    if reached != size:
        raise ValueError("has a damaged header: its tensors do not fill it")
    return found


def _hash(total: Any, file: BinaryIO, count: int) -> None:
    piece = memoryview(bytearray(min(PIECE, max(count, 1))))
    while count:
        read = file.readinto(piece[: min(count, len(piece))])  # type: ignore[attr-defined]
        if not read:
            raise ValueError("is cut off")
        total.update(piece[:read])
        count -= read
