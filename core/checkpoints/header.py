"""Read and write the header of a checkpoint file, without torch.

The format, https://huggingface.co/docs/safetensors, is eight bytes of length, then JSON, then the
tensors. So checkpoints are listed by reading their headers alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from core.class_names import DIGITS, find_names_problem
from core.errors import CheckpointError, printable
from core.files import open_regular_file
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.models.network_file.named import LARGEST_SOURCE, check_digest, is_file_spec
from core.models.networks import Network, read_network, resolve_network
from core.models.saved_networks import NAME

SUFFIX = ".safetensors"
# Since version 2 the header contains a digest of itself. Version 3 is that of a network whose input
# is not scaled by the default, which earlier programs take for granted; all others stay at 2.
FORMAT_VERSION = HEADER_DIGEST_SINCE = 2
SCALED_VERSION = 3
# Version 4 is that of a network that the program has no name for, or of classes that are not the
# ten digits.
NETWORK_VERSION = 4
READABLE_VERSIONS = (1, FORMAT_VERSION, SCALED_VERSION, NETWORK_VERSION)
NO_HEADER = "is not a checkpoint (no safetensors header)"
LARGEST_HEADER = 4 * 2**20
LONGEST_TEXT, LONGEST_NETWORK = 500, 2048
METADATA = "__metadata__"
# The dtypes of a training state, as safetensors names them.
DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16",
    "int64": "I64", "int32": "I32", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
# Bytes of one number, of the dtypes above and the others of safetensors.
SIZES = dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1)
SIZES |= dict.fromkeys(("F16", "BF16", "U16", "I16"), 2)
SIZES |= dict.fromkeys(("F32", "U32", "I32"), 4) | dict.fromkeys(("F64", "U64", "I64", "C64"), 8)
# More than any tensor has; bounds the work on what a file claims.
MOST_DIMENSIONS = 8
LONGEST_NAME = 60

# The first digits of the running digest after each tensor: enough to name a damaged tensor.
RUNNING_KEY, RUNNING_DIGITS = "mnist_tui_sums", 8

# The header's own digest is the last of its metadata, computed with zeros in its place.
DIGEST_KEY = "mnist_tui_header"
DIGEST_START = f'"{DIGEST_KEY}": "'.encode()
NO_DIGEST = "0" * 64


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """The description in a header. `epoch` counts whole epochs; `test_loss` and `test_accuracy`
    are None where the weights have not been evaluated. `block_loss` is the sum of the training
    losses of the block of steps in progress (see core/training/divergence.py), None if unknown.
    `network` is the text of a network that is not one of the program's, whose `arch` is the name
    that its user gave it, or "custom". Where code in a file of the user's builds it, `network` is
    that NetworkFile.spec, and `source` the file's text: to be read, never to be run."""

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
    input_mean: float = DEFAULT_SCALING.mean
    input_std: float = DEFAULT_SCALING.std
    block_loss: float | None = None
    routes: str = ""  # how the steps were computed (see core/compute/routes.py), "" if unknown
    network: str = ""
    class_names: tuple[str, ...] = DIGITS
    source: str = ""
    source_digest: str = ""  # SHA-256 of the source

    @property
    def spec(self) -> str:
        """What the network is built from: one of the program's names, or a text."""
        return self.network or self.arch

    def find_network(self) -> Network:
        """Return the network to build. Raises UsageError where its name is not known here, and
        where it is code in a file that was not named on this command line."""
        classes = len(self.class_names)
        if self.network and not is_file_spec(self.network):
            # As a text alone: a file must not choose among the user's own names.
            return read_network(self.network, classes)
        network = resolve_network(self.spec, classes)
        if network.file:
            check_digest(network.file, self.spec, self.source_digest)
        return network

    @property
    def scaling(self) -> InputScaling:
        """How pixels are scaled for the network."""
        return InputScaling(self.input_mean, self.input_std)


Score = tuple[float, float]  # accuracy, then the negated loss: larger is better
NO_SCORE: Score = (-1.0, -math.inf)


def score_of(info: CheckpointInfo) -> Score:
    """Return the score by which two checkpoints are compared."""
    if info.test_accuracy is None or info.test_loss is None:
        return NO_SCORE
    return info.test_accuracy, -info.test_loss


# The fields by what their values must be.
TEXTS = dict.fromkeys(("run", "arch", "dataset", "digest", "routes"), LONGEST_TEXT)
TEXTS |= {"network": LONGEST_NETWORK, "source": LARGEST_SOURCE, "source_digest": LONGEST_TEXT}
COUNTS = ("epoch", "step", "parameters")
NUMBERS = ("saved_at", "train_seconds", "input_mean", "input_std")
NUMBERS_OR_NONE = ("test_loss", "test_accuracy", "block_loss")
NUMBER, NESTED = (int, float), (dict, list)
INFO_FIELDS = frozenset(field.name for field in fields(CheckpointInfo))


def encode_header(
    entries: dict[str, Any], info: CheckpointInfo, metadata: dict[str, str] | None = None
) -> bytes:
    """Return all bytes before the tensors: their entries (dtype, shape and data_offsets), the info
    and other metadata."""
    # Not by safetensors: its save makes another copy and blocks other threads, its save_file
    # raises no OSError on a full disk and leaves temporary files when it is killed.
    values = dict(metadata or {}, mnist_tui=json.dumps(_describe(info)))
    values.pop(DIGEST_KEY, None)  # so that it becomes the last
    values[DIGEST_KEY] = NO_DIGEST
    text = json.dumps({METADATA: values} | entries).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors are aligned
    header = len(text).to_bytes(8, "little") + text
    return _replace_digest(header, hashlib.sha256(header).hexdigest())


def _describe(info: CheckpointInfo) -> dict[str, Any]:
    """Return the fields in a header; defaults that earlier versions take for granted are left out,
    so that they can read the file."""
    described = asdict(info) | {"version": FORMAT_VERSION}
    if info.scaling == DEFAULT_SCALING:
        del described["input_mean"], described["input_std"]
    else:
        described["version"] = SCALED_VERSION
    if info.network or info.class_names != DIGITS:
        described["version"] = NETWORK_VERSION
    else:
        del described["network"], described["class_names"]
    if not info.source_digest:
        del described["source"], described["source_digest"]
    return described


def _replace_digest(header: bytes, digest: str) -> bytes:
    """Replace the header's digest; in the info the same key has escaped quotation marks."""
    before, key, after = header.partition(DIGEST_START)
    return before + key + digest.encode() + after[len(digest) :]


def read_info(path: Path) -> CheckpointInfo:
    """Return the description of a checkpoint, reading its header alone. Raises CheckpointError."""
    with open_regular_file(path, buffering=0) as file:
        return parse_info(path, read_header(file, os.fstat(file.fileno()).st_size))


def read_header(file: BinaryIO, size: int) -> dict[str, Any]:
    """Return the header of a safetensors file of that size, at most LARGEST_HEADER bytes of it.

    Raises ValueError whose text continues the sentence that begins with the file's name.
    """
    if size == 0:
        raise ValueError("is empty")
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or not 2 <= length <= LARGEST_HEADER:
        raise ValueError(NO_HEADER)
    if 8 + length > size:
        raise ValueError("is cut off")
    text = file.read(length)
    try:
        header = json.loads(text.decode())
        entries = [(name, entry) for name, entry in header.items() if name != METADATA]
        entries.sort(key=lambda each: each[1]["data_offsets"])
        count, problem = _check_layout(entries)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        raise ValueError(NO_HEADER) from None
    if problem and text.count(b'"data_offsets"') != len(entries):
        problem = "two tensors have the same name"
    if problem:
        raise ValueError(f"has a damaged header: {problem}")
    if (end := 8 + length + count) != size:
        raise ValueError("is cut off" if end > size else "has bytes after its end")
    if (digest := _read_digest(header)) is not None:
        cleared = _replace_digest(prefix + text, NO_DIGEST)
        if DIGEST_START not in text or digest != hashlib.sha256(cleared).hexdigest():
            raise ValueError("has a damaged header: its digest is wrong")
    return header


def _check_layout(entries: list[tuple[str, dict[str, Any]]]) -> tuple[int, str | None]:
    """Return the bytes of the tensors, and why the first wrong one does not begin where the one
    before ends, or is not of its own size. This is called for thousands of files at a time."""
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
    """Return a name from a file with escapes for unprintable characters, shortened if long."""
    text = printable(name[:LONGEST_NAME])
    return text if len(name) <= LONGEST_NAME else text + "…"


def _read_digest(header: dict[str, Any]) -> str | None:
    metadata = header.get(METADATA)
    return metadata.get(DIGEST_KEY) if isinstance(metadata, dict) else None


def parse_info(path: Path, header: dict[str, Any]) -> CheckpointInfo:
    """Return the description in a header. Raises CheckpointError."""
    metadata = header.get(METADATA)
    text = metadata.get("mnist_tui") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise CheckpointError(f"{path} was not saved by mnist-tui: its header has no description")
    try:
        values = json.loads(text)
        version = values.get("version")
        if version not in READABLE_VERSIONS:
            has = "no format version" if version is None else f"format {abbreviate(repr(version))}"
            raise CheckpointError(f"{path} has {has}; this mnist-tui reads {NETWORK_VERSION}")
        if version >= HEADER_DIGEST_SINCE and not isinstance(_read_digest(header), str):
            raise CheckpointError(f"{path} has a damaged header: its digest is missing")
        known = {key: values[key] for key in values if key in INFO_FIELDS}
        if isinstance(known.get("class_names"), list):
            known["class_names"] = tuple(known["class_names"])
        info = CheckpointInfo(**known)
        if problem := _find_problem(info):
            raise CheckpointError(f"{path} has a damaged header: {problem}")
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise CheckpointError(f"{path} has a damaged header") from None
    return info


def _find_problem(info: CheckpointInfo) -> str | None:
    """Return what is wrong with a description. This too is called for thousands of files."""
    values = vars(info)
    for name, longest in TEXTS.items():
        if not isinstance(values[name], str):
            return f"{name} is not text"
        if len(values[name]) > longest:
            return f"{name} is too long"
    for name in COUNTS:
        if not isinstance(values[name], int) or values[name] < 0:
            return f"{name} is not a count"
    for name in (*NUMBERS, *NUMBERS_OR_NONE):
        value = values[name]
        if value is None and name in NUMBERS_OR_NONE:
            continue
        if not isinstance(value, NUMBER) or not math.isfinite(value):
            return f"{name} is not a number"
    if not info.input_std:
        return "input_std is 0"
    if info.network and not NAME.fullmatch(info.arch):
        return "arch is not the name of a network"
    names = info.class_names
    if names is not DIGITS and (not isinstance(names, tuple) or find_names_problem(names)):
        return "class_names are not names"
    if not isinstance(info.config, dict):
        return "config is not a table"
    for value in info.config.values():
        if isinstance(value, NESTED):
            return "config is not a table of plain values"
    return None
