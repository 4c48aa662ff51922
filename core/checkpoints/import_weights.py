"""Weights that another program saved, made a checkpoint here: those of the article, say.

Which network they are of is found by their names and shapes; where they have other names, by their
shapes in order.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoints import io as checkpoints
from core.checkpoints.header import METADATA, abbreviate, read_header
from core.checkpoints.io import check_finite, check_fit, check_size, weights_of
from core.checkpoints.torch_save import LEGACY, ZIP, SavedTensor, read_torch_save
from core.files import open_regular_file
from core.models.architectures import ARCHITECTURES

if TYPE_CHECKING:
    import torch

# Where training scripts put the state dict that they save beside other things.
WRAPPERS = ("state_dict", "model_state_dict", "model")
# What DataParallel and torch.compile put before every name.
PREFIXES = ("module.", "_orig_mod.")


@dataclass(frozen=True)
class ImportedWeights:
    """The weights of one of our architectures; `note` is what was changed to get them, if any."""

    arch: str
    tensors: dict[str, torch.Tensor]
    note: str


def read_weights(path: Path) -> ImportedWeights:
    """Read a state dict as torch.save or safetensors wrote it: bare or in a dict with other things,
    with our header or without. Of those things and of an optimizer's state nothing is kept.

    Raises CheckpointError.
    """
    found, named = _named_as_here(_without_prefixes(_read(path)))
    arch = nearest(found)
    check_fit(path, f"{arch}, the nearest network here", _outlines(found), _of_arch(arch))
    weights, note = _as_float32(found)
    check_finite(path, weights)
    return ImportedWeights(arch, weights, "; ".join(filter(None, (named, note))))


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The weights in a file. Raises CheckpointError."""
    most = checkpoints.most_bytes()
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        check_size(size, most, "the largest network here")
        begin = file.read(8)
        file.seek(0)
        # A header's length can begin as a pickle does, but ends in zeros.
        if begin.startswith((ZIP, LEGACY)) and begin[4:] != bytes(4):
            return _state_dict(read_torch_save(file.read(size)))
        header = read_header(file, size)
        metadata = header.get(METADATA)
        if not isinstance(metadata, dict) or "mnist_tui" not in metadata:
            file.seek(0)
            return weights_of(checkpoints.deserialize(file.read(size)))
    return weights_of(checkpoints.load(path)[1])


def _state_dict(saved: Any) -> dict[str, torch.Tensor]:
    """Raises ValueError whose text goes after the file's name."""
    if isinstance(saved, Mapping):
        for key in WRAPPERS:
            if isinstance(saved.get(key), Mapping):
                saved = saved[key]
                break
    if not isinstance(saved, Mapping) or not saved:
        raise ValueError("is not a state dict; save one with torch.save(model.state_dict(), …)")
    weights: dict[str, torch.Tensor] = {}
    for name, value in saved.items():
        if not isinstance(name, str) or not isinstance(value, SavedTensor):
            raise ValueError(f"is not a state dict: {abbreviate(str(name))} is not a tensor in it")
        weights[name] = value.load()
    return weights


def _without_prefixes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): each for name, each in weights.items()}
    return weights


def _named_as_here(
    found: dict[str, torch.Tensor],
) -> tuple[dict[str, torch.Tensor], str]:
    """With the names of the network whose tensors have these shapes in this order, and what there
    is to say of that; as they are where it is known by its names, or by neither."""
    expected = {arch: _of_arch(arch) for arch in ARCHITECTURES}
    if any(each.keys() == found.keys() for each in expected.values()):
        return found, ""
    shapes = [each.shape for each in found.values()]
    for arch, tensors in expected.items():
        if shapes == [each.shape for each in tensors.values()]:
            named = dict(zip(tensors, found.values(), strict=True))
            what = f"{abbreviate(next(iter(found)))} is {next(iter(named))}, and so on"
            return named, (
                f"its tensors have other names and were taken for those of {arch} by their shapes "
                f"in order: {what}"
            )
    return found, ""


def _of_arch(arch: str) -> dict[str, torch.Tensor]:
    import torch

    with torch.device("meta"):
        return ARCHITECTURES[arch].build().state_dict()


def _outlines(found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names, shapes and types without values; other floats as the float32 that they will be."""
    import torch

    return {
        name: torch.empty(
            each.shape,
            dtype=torch.float32 if each.dtype.is_floating_point else each.dtype,
            device="meta",
        )
        for name, each in found.items()
    }


def nearest(found: dict[str, torch.Tensor]) -> str:
    """The architecture that shares most tensors with what was found; of equals the one that has
    fewest others."""

    def likeness(arch: str) -> tuple[int, int, int]:
        expected = _of_arch(arch)
        named = expected.keys() & found.keys()
        same = sum(expected[name].shape == found[name].shape for name in named)
        return same, len(named), -len(expected.keys() ^ found.keys())

    return max(ARCHITECTURES, key=likeness)


def _as_float32(found: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], str]:
    """As networks here have them, and what that did to them."""
    weights = {name: each.float().contiguous() for name, each in found.items()}
    others = sorted({str(each.dtype)[6:] for each in found.values()} - {"float32"})
    if not others:
        return weights, ""
    exact = all(each.double().equal(weights[name].double()) for name, each in found.items())
    how = "which changes none of them" if exact else "and rounded"
    return weights, f"its weights were {', '.join(others)} and are made float32, {how}"
