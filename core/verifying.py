"""Whether a checkpoint is what was saved: every bit of it, read again, without torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import CheckpointError, explain
from core.headers import DTYPES, METADATA, SEALED_SINCE, described, read_header, reading
from core.listing import Listed

PIECE = 2**20
TORCH_DTYPES = {short: f"torch.{name}" for name, short in DTYPES.items()}


@dataclass(frozen=True)
class Verified:
    """One file: `fault` is what is wrong with it, None where it is as it was saved; `note` is what
    could not be known."""

    path: Path
    bytes: int
    fault: str | None = None
    note: str | None = None


def verify(path: Path) -> Verified:
    """Reads all of the file, a piece at a time, and holds it against the digests in its header."""
    size = 0
    try:
        with reading(path) as file:
            size = os.fstat(file.fileno()).st_size
            header = read_header(file, size)
            info = described(path, header)
            if _digest(file, header) != info.digest:
                raise ValueError("is damaged: its tensors do not have the digest in its header")
    except CheckpointError as error:
        return Verified(path, size, fault=str(error).removeprefix(f"{path} "))
    note = None
    if info.version < SEALED_SINCE:
        note = "saved by an earlier version, without a digest of its header"
    return Verified(path, size, note=note)


def _digest(file: BinaryIO, header: dict[str, Any]) -> str:
    """As core.checkpoints.digest has it, from the bytes that follow the header. Raises ValueError
    where the header does not say what they are."""
    start, total = file.tell(), hashlib.sha256()
    for name in sorted(each for each in header if each != METADATA):
        try:
            entry = header[name]
            dtype, shape = TORCH_DTYPES[entry["dtype"]], tuple(map(int, entry["shape"]))
            begin, end = map(int, entry["data_offsets"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError("has a damaged header: it does not say what its tensors are") from None
        total.update(f"{name} {dtype} {shape}\n".encode(errors="surrogatepass"))
        file.seek(start + begin)
        for piece in _pieces(file, end - begin):
            total.update(piece)
    return total.hexdigest()


def _pieces(file: BinaryIO, count: int) -> Iterator[bytes]:
    while count > 0 and (piece := file.read(min(PIECE, count))):
        yield piece
        count -= len(piece)


def verify_all(listed: Iterable[Listed]) -> Iterator[Verified]:
    """Each file of a listing; one that has several names is read once."""
    known: dict[tuple[int, int], Verified] = {}
    for each in listed:
        try:
            status = each.path.stat()
        except FileNotFoundError:
            continue  # replaced or deleted since it was listed
        except OSError as error:
            yield Verified(each.path, 0, fault=f"cannot be read ({explain(error)})")
            continue
        same = (status.st_dev, status.st_ino)
        if same not in known:
            known[same] = verify(each.path)
        found = known[same]
        yield Verified(each.path, found.bytes, found.fault, found.note)
