"""Read weights that another program saved, such as the article's code, and match an architecture.

They are matched by names and shapes; where the names differ, by the shapes in order.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoints import io as checkpoints
from core.checkpoints.header import METADATA, abbreviate, read_header
from core.checkpoints.io import check_finite, check_fit, check_size, select_weights
from core.checkpoints.torch_save import LEGACY, ZIP, SavedTensor, read_torch_save
from core.files import open_regular_file
from core.models.architectures import ARCHITECTURES

if TYPE_CHECKING:
    import torch

# The keys under which training scripts save the state dict together with other values.
WRAPPERS = ("state_dict", "model_state_dict", "model")
# The prefixes that DataParallel and torch.compile add to every name.
PREFIXES = ("module.", "_orig_mod.")


@dataclass(frozen=True)
class ImportedWeights:
    """The weights of an architecture; `note` says how they were changed, empty if they were not."""

    arch: str
    tensors: dict[str, torch.Tensor]
    note: str


def read_weights(path: Path) -> ImportedWeights:
    """Read a state dict of torch.save or safetensors, alone or in a dict with other values.

    Those values and the state of an optimizer are ignored. Raises CheckpointError.
    """
    found, renamed = _rename(_strip_prefixes(_read(path)))
    arch = _find_architecture(found)
    weights, converted = _to_float32(found)
    check_fit(path, f"{arch}, the most similar network", weights, _expected(arch))
    check_finite(path, weights)
    return ImportedWeights(arch, weights, "; ".join(filter(None, (renamed, converted))))


def _read(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights in a file. Raises CheckpointError."""
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        check_size(size, checkpoints.largest_size(), "the largest network")
        begin = file.read(8)
        file.seek(0)
        # The length of a safetensors header can begin as a pickle does, but ends in zeros.
        if begin.startswith((ZIP, LEGACY)) and begin[4:] != bytes(4):
            return _find_state_dict(read_torch_save(file.read(size)))
        header = read_header(file, size)
        metadata = header.get(METADATA)
        if not isinstance(metadata, dict) or "mnist_tui" not in metadata:
            file.seek(0)
            return select_weights(checkpoints.deserialize(file.read(size)))
    return select_weights(checkpoints.load(path)[1])


def _find_state_dict(saved: Any) -> dict[str, torch.Tensor]:
    """Raise ValueError where there is no state dict; its text continues the file's name."""
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


def _strip_prefixes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): each for name, each in weights.items()}
    return weights


def _rename(found: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], str]:
    """Return the tensors with the names of the network that has their shapes in their order, and a
    note; unchanged where they have the names of a network, or no network has their shapes."""
    expected = {arch: _expected(arch) for arch in ARCHITECTURES}
    if any(each.keys() == found.keys() for each in expected.values()):
        return found, ""
    shapes = [each.shape for each in found.values()]
    for arch, tensors in expected.items():
        if shapes == [each.shape for each in tensors.values()]:
            example = f"{abbreviate(next(iter(found)))} became {next(iter(tensors))}"
            return dict(zip(tensors, found.values(), strict=True)), (
                "its tensors have other names; they were matched with those of "
                f"{arch} by their shapes in order: {example}, and so on"
            )
    return found, ""


def _expected(arch: str) -> dict[str, torch.Tensor]:
    """Return the state dict of an architecture, on the meta device."""
    import torch

    with torch.device("meta"):
        return ARCHITECTURES[arch].build().state_dict()


def _find_architecture(found: dict[str, torch.Tensor]) -> str:
    """Return the architecture with the most tensors of the same names and shapes, then the most of
    the same names, then the fewest others."""

    def similarity(arch: str) -> tuple[int, int, int]:
        expected = _expected(arch)
        named = expected.keys() & found.keys()
        same = sum(expected[name].shape == found[name].shape for name in named)
        return same, len(named), -len(expected.keys() ^ found.keys())

    return max(ARCHITECTURES, key=similarity)


def _to_float32(found: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], str]:
    """Return the floating-point tensors as float32, and a note where they were not."""
    weights = {
        name: each.float().contiguous() if each.is_floating_point() else each
        for name, each in found.items()
    }
    others = sorted({str(each.dtype)[6:] for each in found.values()} - {"float32"})
    if not others:
        return weights, ""
    is_exact = all(each.double().equal(weights[name].double()) for name, each in found.items())
    how = "without rounding" if is_exact else "with rounding"
    return weights, f"its weights were converted from {', '.join(others)} to float32, {how}"
