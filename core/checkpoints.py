"""Checkpoints: one safetensors file each, that holds tensors and a description and no code.

The header, https://huggingface.co/docs/safetensors, is eight bytes of length and then JSON; reading
it needs neither torch nor the rest of the file, so a list of checkpoints is made of headers alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from core.architectures import ARCHITECTURES
from core.errors import CheckpointError, explain, first_line
from core.files import expand, replacing

if TYPE_CHECKING:
    import torch
    from torch import nn

FORMAT_VERSION = 1
SUFFIX = ".safetensors"
# What is stored beside the weights carries one of these before its name.
STATE_PREFIXES = ("optimizer.", "rng.")
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
LARGEST_HEADER = 4 * 2**20


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


@dataclass(frozen=True)
class Listed:
    """One file of a listing: `info`, or `error` where it is broken."""

    path: Path
    bytes: int
    info: CheckpointInfo | None
    error: str | None

    @property
    def kind(self) -> str:
        """last, best or epoch; file for one that is named otherwise."""
        stem = self.path.name.removesuffix(SUFFIX)
        if stem in ("last", "best"):
            return stem
        return "epoch" if stem.startswith("epoch-") else "file"


def snapshot(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies on the CPU, laid out plainly: what `save` can write while training goes on."""
    import torch

    return {
        name: each.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, each in tensors.items()
    }


def save(path: Path, tensors: dict[str, torch.Tensor], info: CheckpointInfo) -> None:
    """Writes tensors that are as `snapshot` makes them; a reader finds the old file or the new one,
    never half of one. Raises OSError, and then what was there before is still there.
    """
    header = _new_header(tensors, asdict(info) | {"digest": digest(tensors)})
    with replacing(path, durable=True) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for tensor in tensors.values():
            file.write(_bytes(tensor))


def _new_header(tensors: dict[str, torch.Tensor], described: dict[str, Any]) -> bytes:
    # Not by safetensors: its save copies all once more and holds up other threads, its save_file
    # raises no OSError on a full disk and leaves files of its own naming when it is killed.
    header: dict[str, Any] = {"__metadata__": {"mnist_tui": json.dumps(described)}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        dtype = DTYPES[str(tensor.dtype).removeprefix("torch.")]
        shape = list(tensor.shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    return _encoded(header)


def _encoded(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    return text + b" " * (-len(text) % 8)  # so that the tensors are aligned


def copy_as(source: Path, path: Path, info: CheckpointInfo) -> None:
    """Writes the source's tensors, untouched and without torch, under another description.

    Raises CheckpointError, also where the source is by now another than that of `info.digest`.
    """
    with _reading(source) as file:
        header = _header(file, os.fstat(file.fileno()).st_size)
        if _described(source, header).digest != info.digest:
            raise CheckpointError(f"{source} has been replaced meanwhile")
        said = {"mnist_tui": json.dumps(asdict(info))}
        new = _encoded(header | {"__metadata__": header["__metadata__"] | said})
        try:
            with replacing(path, durable=True) as copy:
                copy.write(len(new).to_bytes(8, "little") + new)
                shutil.copyfileobj(file, copy, 2**20)
        except OSError as error:
            why = f"{path.name} cannot be copied from {source} ({explain(error)})"
            raise CheckpointError(why) from None


def _bytes(tensor: torch.Tensor) -> memoryview:
    import torch

    return tensor.reshape(-1).view(torch.uint8).numpy().data


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and values, whatever order they come in."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(_bytes(tensor))
    return total.hexdigest()


def read_info(path: Path) -> CheckpointInfo:
    """The description in a file's header, at the cost of reading that. Raises CheckpointError."""
    with _reading(path) as file:
        header = _header(file, os.fstat(file.fileno()).st_size)
    return _described(path, header)


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """The open file; what goes wrong with it is a CheckpointError that names it."""
    try:
        # Opening a pipe would wait for somebody to write to it.
        if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
            raise ValueError("is not a file")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise CheckpointError(f"{path} is a folder, not a checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({explain(error)})") from None
    except ValueError as error:
        raise CheckpointError(f"{path} {error}") from None


def _header(file: BinaryIO, size: int) -> dict[str, Any]:
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
    try:
        header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"]
        end = 8 + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ValueError("is not a checkpoint (no safetensors header)") from None
    if end != size:
        raise ValueError("is cut off" if end > size else "has bytes after its end")
    return header


def _described(path: Path, header: dict[str, Any]) -> CheckpointInfo:
    metadata = header.get("__metadata__")
    text = metadata.get("mnist_tui") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise CheckpointError(f"{path} was not saved by mnist-tui: its header says nothing of us")
    try:
        values = json.loads(text)
        version = values.get("version")
        if version != FORMAT_VERSION:
            has = f"format {version!r}" if version is not None else "no format version"
            raise CheckpointError(f"{path} has {has}; this mnist-tui reads {FORMAT_VERSION}")
        known = {field.name for field in fields(CheckpointInfo)}
        info = CheckpointInfo(**{name: value for name, value in values.items() if name in known})
        if problem := _implausible(info):
            raise CheckpointError(f"{path} has a damaged header: {problem}")
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise CheckpointError(f"{path} has a damaged header") from None
    return info


def _implausible(info: CheckpointInfo) -> str | None:
    for name in ("run", "arch", "dataset", "digest"):
        if not isinstance(getattr(info, name), str):
            return f"{name} is no text"
    for name in ("epoch", "step", "parameters"):
        value = getattr(info, name)
        if not isinstance(value, int) or value < 0:
            return f"{name} is no count"
    for name in ("test_loss", "test_accuracy", "saved_at", "train_seconds"):
        value = getattr(info, name)
        number = isinstance(value, int | float) and math.isfinite(value)
        if not number and (value is not None or not name.startswith("test")):
            return f"{name} is no number"
    return None if isinstance(info.config, dict) else "config is no table"


def load(path: Path) -> tuple[CheckpointInfo, dict[str, torch.Tensor]]:
    """All tensors on the CPU, checked against the digest. Raises CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.torch import load as deserialize

    with _reading(path) as file:
        content = file.read()
        # From the same bytes as the tensors: a writer may replace the file at any moment.
        info = _described(path, _header(BytesIO(content), len(content)))
        try:
            tensors = deserialize(content)
        except (SafetensorError, KeyError, RuntimeError, TypeError, OverflowError) as error:
            raise ValueError(f"cannot be read ({first_line(error)})") from None
    if digest(tensors) != info.digest:
        raise CheckpointError(
            f"{path} is damaged: its tensors do not have the digest in its header"
        )
    return info, tensors


def load_model(path: Path) -> tuple[CheckpointInfo, nn.Module]:
    """The network in a checkpoint, on the CPU. Raises CheckpointError."""
    info, tensors = load(path)
    architecture = ARCHITECTURES.get(info.arch)
    if architecture is None:
        here = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"{path} holds a network {info.arch!r}; this mnist-tui has {here}")
    model = architecture.build()
    weights = {name: each for name, each in tensors.items() if not name.startswith(STATE_PREFIXES)}
    check_fit(path, info.arch, weights, model.state_dict())
    model.load_state_dict(weights)
    return info, model


def check_fit(
    path: Path, what: str, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    """Raises CheckpointError that names the first tensor that is missing, too many, or of another
    shape or type than expected.
    """
    for name in sorted(expected.keys() | found.keys()):
        is_now, should_be = _kind(found.get(name)), _kind(expected.get(name))
        if is_now != should_be:
            raise CheckpointError(
                f"{path} does not fit {what}: {_plain(name)} is {is_now}, expected {should_be}"
            )


def _plain(name: str) -> str:
    return name.encode("unicode_escape").decode()


def _kind(tensor: torch.Tensor | None) -> str:
    """Shape and type, the type only where it is not what weights have."""
    if tensor is None:
        return "missing"
    shape = "×".join(map(str, tensor.shape)) or "one number"
    dtype = str(tensor.dtype).removeprefix("torch.")
    return shape if dtype == "float32" else f"{shape} of {dtype}"


def list_checkpoints(folder: Path) -> list[Listed]:
    """Every checkpoint of every run in a folder, newest first, the broken ones among them.

    Raises CheckpointError where the folder is there and cannot be read.
    """
    try:
        # A hidden one is a run that is not whole yet.
        runs = [each for each in os.scandir(folder) if each.is_dir() and each.name[0] != "."]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read ({explain(error)})") from None
    found = [each for run in runs for each in _list_run(Path(run.path))]
    return [each for _, each in sorted(found, key=lambda row: row[0], reverse=True)]


def list_run(folder: Path) -> list[Listed]:
    """The checkpoints of one run, those of its latest steps first, the broken ones at the end."""
    found = [each for _, each in _list_run(folder)]
    return sorted(found, key=lambda each: each.info.step if each.info else -1, reverse=True)


def _list_run(folder: Path) -> list[tuple[float, Listed]]:
    rows = []
    try:
        paths = sorted(folder.glob("*" + SUFFIX))
    except OSError:
        return []
    for path in paths:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # replaced or deleted since it was listed
        except OSError as error:
            rows.append((time.time(), Listed(path, 0, None, explain(error))))
            continue
        rows.append((status.st_mtime, inspect(path, status.st_size)))
    return rows


def inspect(path: Path, size: int) -> Listed:
    try:
        return Listed(path, size, read_info(path), None)
    except CheckpointError as error:
        return Listed(path, size, None, str(error).removeprefix(f"{path} "))


def find(name: str, folder: Path, kinds: tuple[str, ...] = ("best", "last")) -> Path:
    """The checkpoint that is meant by a file, a run's folder, or a run's name in a folder of runs:
    of a run the first of those kinds that it has. Raises CheckpointError.
    """
    for place in (expand(name), folder / name):
        if os.path.isdir(place):
            for kind in kinds:
                if (place / (kind + SUFFIX)).exists():
                    return place / (kind + SUFFIX)
            raise CheckpointError(f"{place} has no checkpoint in it")
        if os.path.exists(place):
            return place
    raise CheckpointError(f"{name} does not exist, here or as a run in {folder}")
