"""The header of a checkpoint: what a safetensors file says of itself, read without torch.

The format, https://huggingface.co/docs/safetensors, is eight bytes of length, then JSON, then the
tensors; so a list of checkpoints is made at the cost of their headers.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import CheckpointError
from core.files import open_regular_file

SUFFIX = ".safetensors"
# 2 has a digest of the header itself.
FORMAT_VERSION = SEALED_SINCE = 2
READABLE_VERSIONS = (1, FORMAT_VERSION)
LARGEST_HEADER = 4 * 2**20
LONGEST_TEXT = 500
METADATA = "__metadata__"
# What safetensors calls the types that a state can have.
DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "uint8": "U8",
    "bool": "BOOL",
}

# How many bytes one number takes, of the types that we save and the others that there are.
SIZES = dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1)
SIZES |= dict.fromkeys(("F16", "BF16", "U16", "I16"), 2)
SIZES |= dict.fromkeys(("F32", "U32", "I32"), 4) | dict.fromkeys(("F64", "U64", "I64", "C64"), 8)
# More than any tensor has; what a file claims is multiplied only so far.
MOST_DIMENSIONS = 8
LONGEST_NAME = 60

# What of each tensor's running digest stands in the header: enough to say which one has changed.
SUMS, SUM_DIGITS = "mnist_tui_sums", 8

# The header's digest stands in it as the last of its metadata; it is taken with zeros in its place.
SEAL = b'"mnist_tui_header": "'
NO_SEAL = "0" * 64


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """What a header says. `epoch` counts whole epochs; test figures are None where the weights
    have not been scored."""

    run: str
    arch: str
    dataset: str
    config: dict[str, Any]
    epoch: int
    step: int
    test_loss: float | None
    test_accuracy: float | None
    parameters: int
    saved_at: float  # unix seconds
    train_seconds: float = 0.0
    digest: str = ""  # SHA-256 of all tensors
    version: int = FORMAT_VERSION


Score = tuple[float, float]  # accuracy, then the negative loss: larger is better
NO_SCORE: Score = (-1.0, -math.inf)


def score_of(info: CheckpointInfo) -> Score:
    """Return what decides which of two checkpoints is the better one."""
    if info.test_accuracy is None or info.test_loss is None:
        return NO_SCORE
    return info.test_accuracy, -info.test_loss


KNOWN = frozenset(field.name for field in fields(CheckpointInfo))


def encode(
    entries: dict[str, Any], info: CheckpointInfo, metadata: dict[str, str] | None = None
) -> bytes:
    """Everything before the tensors: of `entries`, each a tensor's dtype, shape and data_offsets,
    and what the file says of itself, beside other metadata that it has."""
    # Not by safetensors: its save copies all once more and holds up other threads, its save_file
    # raises no OSError on a full disk and leaves files of its own naming when it is killed.
    said = (metadata or {}) | {"mnist_tui": json.dumps(asdict(info) | {"version": FORMAT_VERSION})}
    said.pop("mnist_tui_header", None)
    said["mnist_tui_header"] = NO_SEAL
    text = json.dumps({METADATA: said} | entries).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors are aligned
    header = len(text).to_bytes(8, "little") + text
    seal = hashlib.sha256(header).hexdigest().encode()
    place = _seal_place(header)
    return header[:place] + seal + header[place + len(seal) :]


def _seal_place(header: bytes) -> int:
    """Where the seal's digits begin. What is said in our own description cannot be taken for it:
    its quotation marks are escaped."""
    return header.index(SEAL) + len(SEAL)


def read_info(path: Path) -> CheckpointInfo:
    """The description in a file's header, at the cost of reading that. Raises CheckpointError."""
    with open_regular_file(path, buffering=0) as file:
        return described(path, read_header(file, os.fstat(file.fileno()).st_size))


def read_header(file: BinaryIO, size: int) -> dict[str, Any]:
    """Raises ValueError whose text goes after the file's name. Nothing larger than
    LARGEST_HEADER is read, whatever the file claims.
    """
    if size == 0:
        raise ValueError("is empty")
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or not 2 <= length <= LARGEST_HEADER:
        raise ValueError("is not a checkpoint (no safetensors header)")
    if 8 + length > size:
        raise ValueError("is cut off")
    text = file.read(length)
    try:
        header = json.loads(text.decode())
        entries = [(name, entry) for name, entry in header.items() if name != METADATA]
        entries.sort(key=lambda each: each[1]["data_offsets"])
        held, problem = _laid_out(entries)
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
        OverflowError,
    ):
        raise ValueError("is not a checkpoint (no safetensors header)") from None
    if problem and text.count(b'"data_offsets"') != len(entries):
        problem = "two tensors have the same name"
    if problem:
        raise ValueError(f"has a damaged header: {problem}")
    if (end := 8 + length + held) != size:
        raise ValueError("is cut off" if end > size else "has bytes after its end")
    if (seal := _seal(header)) is not None and seal != _seal_of(prefix + text):
        raise ValueError("has a damaged header: it does not have the digest that is in it")
    return header


def _laid_out(entries: list[tuple[str, dict[str, Any]]]) -> tuple[int, str | None]:
    """How many bytes the tensors take; and of the first that is not where the one before it ends,
    or is not of its own size, what is wrong. It is asked of thousands of files at a time."""
    place = 0
    for name, entry in entries:
        start, end = entry["data_offsets"]
        shape, dtype = entry["shape"], entry["dtype"]
        if len(shape) > MOST_DIMENSIONS:
            return place, f"{abbreviate(name)} has {len(shape)} dimensions"
        if start != place:
            where = abbreviate(str(start))
            return place, f"{abbreviate(name)} begins at byte {where} of the tensors, not {place}"
        if end - start != math.prod(shape) * SIZES.get(dtype, -1):
            what = f"{abbreviate(str(shape))} of {abbreviate(str(dtype))}"
            return place, f"{abbreviate(name)} has {end - start} bytes, which cannot be {what}"
        place = end
    return place, None


def abbreviate(name: str) -> str:
    """A name out of a file, as it can be shown: what cannot be printed as escapes, and cut off
    where it is endless."""
    text = name[:LONGEST_NAME].encode("unicode_escape").decode()
    return text if len(name) <= LONGEST_NAME else text + "…"


def _seal(header: dict[str, Any]) -> str | None:
    metadata = header.get(METADATA)
    return metadata.get("mnist_tui_header") if isinstance(metadata, dict) else None


def _seal_of(header: bytes) -> str | None:
    if SEAL not in header:
        return None
    place = _seal_place(header)
    total = hashlib.sha256(header[:place])
    total.update(NO_SEAL.encode())
    total.update(header[place + len(NO_SEAL) :])
    return total.hexdigest()


def described(path: Path, header: dict[str, Any]) -> CheckpointInfo:
    """What a header says of its checkpoint. Raises CheckpointError."""
    metadata = header.get(METADATA)
    text = metadata.get("mnist_tui") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise CheckpointError(f"{path} was not saved by mnist-tui: its header says nothing of us")
    try:
        values = json.loads(text)
        version = values.get("version")
        if version not in READABLE_VERSIONS:
            has = (
                f"format {abbreviate(repr(version))}"
                if version is not None
                else "no format version"
            )
            raise CheckpointError(f"{path} has {has}; this mnist-tui reads {FORMAT_VERSION}")
        if version == FORMAT_VERSION and not isinstance(_seal(header), str):
            raise CheckpointError(f"{path} has a damaged header: its digest is missing")
        info = CheckpointInfo(**{name: value for name, value in values.items() if name in KNOWN})
        if problem := _implausible(info):
            raise CheckpointError(f"{path} has a damaged header: {problem}")
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise CheckpointError(f"{path} has a damaged header") from None
    return info


def _implausible(info: CheckpointInfo) -> str | None:
    for name in ("run", "arch", "dataset", "digest"):
        if not isinstance(getattr(info, name), str):
            return f"{name} is no text"
        if len(getattr(info, name)) > LONGEST_TEXT:
            return f"{name} is too long"
    for name in ("epoch", "step", "parameters"):
        value = getattr(info, name)
        if not isinstance(value, int) or value < 0:
            return f"{name} is no count"
    for name in ("test_loss", "test_accuracy", "saved_at", "train_seconds"):
        value = getattr(info, name)
        number = isinstance(value, int | float) and math.isfinite(value)
        if not number and (value is not None or not name.startswith("test")):
            return f"{name} is no number"
    if not isinstance(info.config, dict):
        return "config is no table"
    nested = any(isinstance(value, dict | list) for value in info.config.values())
    return "config is no table of plain values" if nested else None
