"""Save and load checkpoints: safetensors files of tensors and a description, without code."""

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
    RUNNING_DIGITS,
    RUNNING_KEY,
    CheckpointInfo,
    abbreviate,
    encode_header,
    parse_info,
    read_header,
    read_info,
)
from core.errors import CheckpointError, UsageError, explain, first_line
from core.files import open_regular_file, replacing
from core.models.architectures import ARCHITECTURES
from core.models.input_scaling import set_scaling
from core.models.network_file.named import is_file_spec
from core.models.network_layers import MOST_PARAMETERS, STATE_PREFIXES
from core.models.networks import Network, build_blank, resolve_network

if TYPE_CHECKING:
    import torch
    from torch import nn

# The largest file that is read: a multiple of the weights, more than any optimizer's state in
# float64, and 16 MB.
TIMES_THE_WEIGHTS = 16
SLACK = 2**24


def snapshot(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return contiguous copies on the CPU, which `save` can write while training continues."""
    import torch

    return {
        name: each.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, each in tensors.items()
    }


def save(path: Path, tensors: dict[str, torch.Tensor], info: CheckpointInfo) -> None:
    """Write a checkpoint of tensors from `snapshot`, atomically and durably.

    Raises OSError; the file that existed is then unchanged.
    """
    running = compute_running_digests(tensors)
    digits = "".join(each[:RUNNING_DIGITS] for each in running[1:])
    info = replace(info, digest=running[-1])
    header = encode_header(make_entries(tensors), info, {RUNNING_KEY: digits})
    with replacing(path, durable=True) as file:
        file.write(header)
        for tensor in tensors.values():
            file.write(to_bytes(tensor))


def make_entries(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return the entry of each tensor in the header: dtype, shape and data_offsets."""
    entries: dict[str, Any] = {}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        dtype = DTYPES[str(tensor.dtype).removeprefix("torch.")]
        entries[name] = {"dtype": dtype, "shape": [*tensor.shape], "data_offsets": [start, end]}
    return entries


def copy_with_info(source: Path, path: Path, info: CheckpointInfo) -> None:
    """Copy a checkpoint's tensors into a file with another description, without torch.

    Raises CheckpointError, also where the source's digest is no longer `info.digest`.
    """
    with open_regular_file(source) as file:
        size = os.fstat(file.fileno()).st_size
        header = read_header(file, size)
        check_size(size, _largest_of(path, info), info.arch)
        if parse_info(source, header).digest != info.digest:
            raise CheckpointError(f"{source} was replaced while it was copied")
        new = encode_header(header, info, header.pop(METADATA))
        try:
            with replacing(path, durable=True) as copy:
                copy.write(new)
                shutil.copyfileobj(file, copy, 2**20)
        except OSError as error:
            why = f"{path.name} cannot be copied from {source} ({explain(error)})"
            raise CheckpointError(why) from None


def to_bytes(tensor: torch.Tensor) -> memoryview:
    """Return the bytes of a contiguous tensor on the CPU, without a copy."""
    import torch

    return tensor.reshape(-1).view(torch.uint8).numpy().data


def compute_digest(tensors: dict[str, torch.Tensor]) -> str:
    """Return the SHA-256 of names, dtypes, shapes and values, in the order of the names."""
    return compute_running_digests(tensors)[-1]


def compute_running_digests(tensors: dict[str, torch.Tensor]) -> list[str]:
    """Return the digests of the first 0, 1, … tensors, in the order of their names."""
    total = hashlib.sha256()
    digests = [total.hexdigest()]
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(to_bytes(tensor))
        digests.append(total.hexdigest())
    return digests


def largest_size(network: Network | None = None) -> int:
    """Return the most bytes a checkpoint of a network may have; of an unknown one, as many as the
    largest built-in one."""
    known = [network] if network else map(resolve_network, ARCHITECTURES)
    return _largest(max(each.parameters for each in known))


def _largest(parameters: int) -> int:
    return 4 * TIMES_THE_WEIGHTS * parameters + SLACK


def _largest_of(path: Path, info: CheckpointInfo) -> int:
    """Return the most bytes a checkpoint may have. Raises CheckpointError."""
    if info.source_digest:  # only torch knows the size of what code builds
        return _largest(min(info.parameters, MOST_PARAMETERS))
    return largest_size(_find_network(path, info))


def load(path: Path) -> tuple[CheckpointInfo, dict[str, torch.Tensor]]:
    """Return the description and all tensors, on the CPU, checked against the digest.

    Raises CheckpointError, before reading the tensors where the file is too large for its network.
    """
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        info = parse_info(path, read_header(file, size))
        check_size(size, _largest_of(path, info), info.arch)
        file.seek(0)
        content = file.read(size)
        # Read again, from the same bytes as the tensors: another process may have written.
        info = parse_info(path, read_header(BytesIO(content), len(content)))
        tensors = deserialize(content)
    if compute_digest(tensors) != info.digest:
        raise CheckpointError(f"{path} is damaged: its tensors do not match the digest")
    return info, tensors


def check_size(size: int, most: int, what: str) -> None:
    """Raise ValueError where a file is too large; its text continues the file's name."""
    if size > most:
        raise ValueError(
            f"is too large: {size / 2**20:,.0f} MiB, while {abbreviate(what)} needs at most "
            f"{most / 2**20:,.0f}"
        )


def deserialize(content: bytes) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file. Raises ValueError; its text continues the name."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, KeyError, RuntimeError, TypeError, OverflowError) as error:
        raise ValueError(f"cannot be read ({first_line(error)})") from None


def load_model(path: Path) -> tuple[CheckpointInfo, nn.Module]:
    """Return a checkpoint's description and network, on the CPU.

    Raises CheckpointError, and UsageError where code that the user must name builds it.
    """
    _find_network(path, read_info(path))  # before a large file is read
    info, tensors = load(path)
    network = _find_network(path, info)
    model = build_blank(network)
    weights = select_weights(tensors)
    check_fit(path, info.arch, weights, model.state_dict())
    check_finite(path, weights)
    # A network from a file keeps its own tensors: it may have one of them under two names.
    model.load_state_dict(weights, assign=network.file is None)
    set_scaling(model, info.scaling)
    return info, model


def _find_network(path: Path, info: CheckpointInfo) -> Network:
    """Return the network of a checkpoint.

    Raises CheckpointError, and UsageError where a person has to name the file of its code.
    """
    if not info.network and info.arch not in ARCHITECTURES:
        here = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"{path} contains a network {info.arch!r}; this mnist-tui has {here}")
    try:
        return info.find_network()
    except UsageError as error:
        if is_file_spec(info.spec):
            raise UsageError(f"{path}: {error}") from None
        raise CheckpointError(f"{path} has a network that cannot be built: {error}") from None


def select_weights(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights among the tensors of a checkpoint."""
    return {name: each for name, each in tensors.items() if not name.startswith(STATE_PREFIXES)}


def check_finite(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """Raise CheckpointError that names the first tensor with NaN or infinite weights."""
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise CheckpointError(
                f"{path} contains a broken network: {abbreviate(name)} has weights that are NaN or "
                "infinite"
            )


def check_fit(
    path: Path, what: str, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    """Raise CheckpointError that names the first tensor that is missing, unexpected, or of another
    shape or dtype than expected."""
    for name in sorted(expected.keys() | found.keys()):
        is_now, should_be = _describe(found.get(name)), _describe(expected.get(name))
        if is_now != should_be:
            there = f"{abbreviate(name)} is {is_now}, expected {should_be}"
            if name not in expected:
                there = f"{abbreviate(name)} ({is_now}) is not one of its tensors"
            raise CheckpointError(f"{path} does not fit {abbreviate(what)}: {there}")


def _describe(tensor: torch.Tensor | None) -> str:
    """Return shape and dtype, the latter only where it is not the usual float32."""
    if tensor is None:
        return "missing"
    shape = "×".join(map(str, tensor.shape)) or "one number"
    dtype = str(tensor.dtype).removeprefix("torch.")
    return shape if dtype == "float32" else f"{shape} of {dtype}"
