"""Verify checkpoints against their digests: read every byte again, without torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from core.checkpoints import header as headers
from core.compute.cores import cpu_cores
from core.errors import CheckpointError
from core.files import open_regular_file

PIECE = 2**20
TORCH_DTYPES = {short: f"torch.{name}" for name, short in headers.DTYPES.items()}
# More threads would exceed the speed of the disk.
MOST_AT_ONCE = 4

# Device, inode, size and time of change: the same for all names (hard links) of a file.
Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class Verified:
    """The result for one file: `fault` is what is wrong, None where it is as it was saved; `note`
    is what could not be checked; `file` is None where it could not be opened."""

    path: Path
    bytes: int = 0
    fault: str | None = None
    note: str | None = None
    file: Identity | None = None


def verify_file(path: Path) -> Verified:
    """Read the file in pieces and compare it with the digests in its header."""
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


def verify_files(paths: Iterable[Path]) -> Iterator[Verified]:
    """Verify each file that is still there. A file that has several names is read once, and its
    names come together."""
    groups: dict[Identity | Path, list[Path]] = {}
    for path in paths:
        file: Identity | Path = path
        with suppress(OSError, ValueError):
            file = _identity(os.stat(path))
        groups.setdefault(file, []).append(path)
    # Hashing releases the GIL.
    pool = ThreadPoolExecutor(min(MOST_AT_ONCE, cpu_cores()), "verify")
    try:
        for found in pool.map(_verify_names, groups, groups.values()):
            yield from (each for each in found if not each.fault or os.path.lexists(each.path))
    finally:
        pool.shutdown(cancel_futures=True)


def _verify_names(file: Identity | Path, names: list[Path]) -> list[Verified]:
    first = verify_file(names[0])
    if first.file != file:  # replaced meanwhile: the other names may still be the old file
        return [first, *map(verify_file, names[1:])]
    return [replace(first, path=name) for name in names]


def _check(path: Path, file: BinaryIO, size: int) -> str | None:
    """Return a note. Raises CheckpointError, and ValueError: its text continues the file's name."""
    header = headers.read_header(file, size)
    info, start = headers.parse_info(path, header), file.tell()
    running = str(header.pop(headers.METADATA).get(headers.RUNNING_KEY, ""))
    total = hashlib.sha256()
    for place, (name, description, begin, end) in enumerate(_list_tensors(header)):
        total.update(description)
        file.seek(start + begin)
        while (left := start + end - file.tell()) > 0 and (piece := file.read(min(PIECE, left))):
            total.update(piece)
        known = running[place * headers.RUNNING_DIGITS : (place + 1) * headers.RUNNING_DIGITS]
        if known and known != total.hexdigest()[: headers.RUNNING_DIGITS]:
            raise ValueError(f"is damaged: its tensor {headers.abbreviate(name)} has changed")
    if total.hexdigest() != info.digest:
        raise ValueError("is damaged: its tensors do not match the digest")
    if info.version < headers.HEADER_DIGEST_SINCE:
        return "saved by an earlier version, without a header digest"
    return None


def _list_tensors(header: dict[str, Any]) -> Iterator[tuple[str, bytes, int, int]]:
    """Yield each tensor's name, what `io.compute_digest` hashes before its bytes, and where those
    begin and end. Raises ValueError."""
    for name, entry in sorted(header.items()):
        try:
            dtype, shape = TORCH_DTYPES[entry["dtype"]], tuple(map(int, entry["shape"]))
            begin, end = map(int, entry["data_offsets"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError("has a damaged header: it does not describe its tensors") from None
        yield name, f"{name} {dtype} {shape}\n".encode(errors="surrogatepass"), begin, end
