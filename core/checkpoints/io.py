"""Checkpoints: one safetensors file each, that holds tensors and a description and no code."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoints.header import (
    DTYPES,
    METADATA,
    SUM_DIGITS,
    SUMS,
    CheckpointInfo,
    abbreviate,
    described,
    encode,
    read_header,
)
from core.errors import CheckpointError, explain, first_line
from core.files import open_regular_file, replacing
from core.models.architectures import ARCHITECTURES

if TYPE_CHECKING:
    import torch
    from torch import nn

# What is stored beside the weights carries one of these before its name.
STATE_PREFIXES = ("optimizer.", "rng.")
# What a file may hold beside its weights: for each of them as much again and again (what an
# optimizer keeps, in float64 even), and 16 MB. What claims more is not read.
TIMES_THE_WEIGHTS = 16
SLACK = 2**24


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
    running = running_digests(tensors)
    sums = "".join(each[:SUM_DIGITS] for each in running[1:])
    header = encode(_entries(tensors), replace(info, digest=running[-1]), {SUMS: sums})
    with replacing(path, durable=True) as file:
        file.write(header)
        for tensor in tensors.values():
            file.write(_bytes(tensor))


def _entries(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        dtype = DTYPES[str(tensor.dtype).removeprefix("torch.")]
        shape = list(tensor.shape)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    return entries


def copy_as(source: Path, path: Path, info: CheckpointInfo) -> None:
    """Writes the source's tensors, untouched and without torch, under another description.

    Raises CheckpointError, also where the source is by now another than that of `info.digest`.
    """
    with open_regular_file(source) as file:
        size = os.fstat(file.fileno()).st_size
        header = read_header(file, size)
        check_size(size, most_bytes(info.arch), info.arch)
        if described(source, header).digest != info.digest:
            raise CheckpointError(f"{source} has been replaced meanwhile")
        new = encode(header, info, header.pop(METADATA))
        try:
            with replacing(path, durable=True) as copy:
                copy.write(new)
                shutil.copyfileobj(file, copy, 2**20)
        except OSError as error:
            why = f"{path.name} cannot be copied from {source} ({explain(error)})"
            raise CheckpointError(why) from None


def _bytes(tensor: torch.Tensor) -> memoryview:
    import torch

    return tensor.reshape(-1).view(torch.uint8).numpy().data


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and values, whatever order they come in."""
    return running_digests(tensors)[-1]


def running_digests(tensors: dict[str, torch.Tensor]) -> list[str]:
    """The digests of the first so many tensors in the order of their names: of none, one, … all."""
    total = hashlib.sha256()
    digests = [total.hexdigest()]
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(_bytes(tensor))
        digests.append(total.hexdigest())
    return digests


def most_bytes(arch: str | None = None) -> int:
    """What a file may hold of the network of that name; of the largest, if there is none such."""
    known = ARCHITECTURES.get(arch or "")
    largest = max(each.parameters for each in ARCHITECTURES.values())
    return 4 * TIMES_THE_WEIGHTS * (known.parameters if known else largest) + SLACK


def load(path: Path) -> tuple[CheckpointInfo, dict[str, torch.Tensor]]:
    """All tensors on the CPU, checked against the digest. Raises CheckpointError, and before
    anything but the header is read where a file holds far more than its network needs.
    """
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        info = described(path, read_header(file, size))
        check_size(size, most_bytes(info.arch), info.arch)
        file.seek(0)
        content = file.read(size)
        # From the same bytes as the tensors: a writer may have been at the file meanwhile.
        info = described(path, read_header(BytesIO(content), len(content)))
        tensors = deserialize(content)
    if digest(tensors) != info.digest:
        raise CheckpointError(
            f"{path} is damaged: its tensors do not have the digest in its header"
        )
    return info, tensors


def check_size(size: int, most: int, what: str) -> None:
    """Raises ValueError whose text goes after the file's name."""
    if size > most:
        raise ValueError(
            f"is too large to be read: {size / 2**20:,.0f} MiB, where {abbreviate(what)} needs "
            f"{most / 2**20:,.0f} at most"
        )


def deserialize(content: bytes) -> dict[str, torch.Tensor]:
    """The tensors in a safetensors file. Raises ValueError whose text goes after its name."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, KeyError, RuntimeError, TypeError, OverflowError) as error:
        raise ValueError(f"cannot be read ({first_line(error)})") from None


def load_model(path: Path) -> tuple[CheckpointInfo, nn.Module]:
    """The network in a checkpoint, on the CPU. Raises CheckpointError."""
    import torch

    info, tensors = load(path)
    architecture = ARCHITECTURES.get(info.arch)
    if architecture is None:
        here = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"{path} holds a network {info.arch!r}; this mnist-tui has {here}")
    with torch.device("meta"):  # without drawing weights, which would only be replaced
        model = architecture.build()
    weights = weights_of(tensors)
    check_fit(path, info.arch, weights, model.state_dict())
    check_finite(path, weights)
    model.load_state_dict(weights, assign=True)
    return info, model


def weights_of(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: each for name, each in tensors.items() if not name.startswith(STATE_PREFIXES)}


def check_finite(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """Raises CheckpointError that names the first tensor that is not: its network knows nothing."""
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise CheckpointError(
                f"{path} contains a broken network: {abbreviate(name)} has weights that are NaN or "
                "infinite"
            )


def check_fit(
    path: Path, what: str, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    """Raises CheckpointError that names the first tensor that is missing, too many, or of another
    shape or type than expected.
    """
    for name in sorted(expected.keys() | found.keys()):
        is_now, should_be = _kind(found.get(name)), _kind(expected.get(name))
        if is_now != should_be:
            there = f"{abbreviate(name)} is {is_now}, expected {should_be}"
            if name not in expected:
                there = f"{abbreviate(name)} ({is_now}) is none of its tensors"
            raise CheckpointError(f"{path} does not fit {what}: {there}")


def _kind(tensor: torch.Tensor | None) -> str:
    """Shape and type, the type only where it is not what weights have."""
    if tensor is None:
        return "missing"
    shape = "×".join(map(str, tensor.shape)) or "one number"
    dtype = str(tensor.dtype).removeprefix("torch.")
    return shape if dtype == "float32" else f"{shape} of {dtype}"
