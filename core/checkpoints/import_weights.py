"""Weights that another program saved, made a checkpoint here: those of the article, say.

Which network they are of is found by their names and shapes; where they have other names, by their
shapes in order.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from core.checkpoints import io as checkpoints
from core.checkpoints.header import METADATA, SUFFIX, CheckpointInfo, plain, read_header
from core.checkpoints.io import IMPORTED, check_finite, check_fit, check_size, weights_of
from core.checkpoints.pickle_scan import LEGACY, ZIP, load_pickled
from core.errors import UsageError
from core.files import open_regular_file, replace_file
from core.models.architectures import ARCHITECTURES
from core.runs.run import DESCRIPTION, cannot_be_written, versions

if TYPE_CHECKING:
    import torch

# Where training scripts put the state dict that they save beside other things.
WRAPPERS = ("state_dict", "model_state_dict", "model")
# What DataParallel and torch.compile put before every name.
PREFIXES = ("module.", "_orig_mod.")
LONGEST_FOLDER_NAME = 100


@dataclass(frozen=True)
class Imported:
    """`note` is what was done to the weights, if anything was."""

    path: Path
    arch: str
    note: str = ""


def import_file(path: Path, folder: Path, name: str | None = None) -> Imported:
    """Makes a state dict a checkpoint in a folder of its own, below a folder of runs: as torch.save
    or safetensors wrote it, bare or in a dict with other things, with our header or without. Of
    those things and of an optimizer's state nothing is kept.

    The folder is called by `name`, else as the file is; with a number where there is one so called.
    Raises CheckpointError, and then nothing has been made, and UsageError.
    """
    if name is not None and safe_name(name) != name:
        raise UsageError(
            f"--name must be letters, digits, dots, dashes and underscores, not {name!r}"
        )
    found, named = _named_as_here(_without_prefixes(_read(path)))
    arch = nearest(found)
    check_fit(path, f"{arch}, the nearest network here", _outlines(found), _of_arch(arch))
    weights, note = _as_float32(found)
    note = "; ".join(filter(None, (named, note)))
    check_finite(path, weights)
    info = CheckpointInfo(
        run="",
        arch=arch,
        dataset="mnist",
        config={"arch": arch},
        epoch=0,
        step=0,
        test_loss=None,
        test_accuracy=None,
        parameters=ARCHITECTURES[arch].parameters,
        saved_at=time.time(),
    )
    return Imported(_keep(path, folder, name or safe_name(path.stem), weights, info), arch, note)


def safe_name(text: str) -> str:
    """A folder's name, as like the text as can be."""
    kept = "".join(each if each.isalnum() or each in "-_." else "-" for each in text)
    return kept.strip("-.").encode()[:LONGEST_FOLDER_NAME].decode(errors="ignore") or IMPORTED


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
            return _state_dict(load_pickled(file.read(size)))
        header = read_header(file, size)
        metadata = header.get(METADATA)
        if not isinstance(metadata, dict) or "mnist_tui" not in metadata:
            file.seek(0)
            return weights_of(checkpoints.deserialize(file.read(size)))
    return weights_of(checkpoints.load(path)[1])


def _state_dict(saved: Any) -> dict[str, torch.Tensor]:
    """Raises ValueError whose text goes after the file's name."""
    import torch

    if isinstance(saved, Mapping):
        for key in WRAPPERS:
            if isinstance(saved.get(key), Mapping):
                saved = saved[key]
                break
    if not isinstance(saved, Mapping) or not saved:
        raise ValueError("holds no state dict; save one with torch.save(model.state_dict(), …)")
    weights: dict[str, torch.Tensor] = {}
    for name, value in saved.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ValueError(f"is no state dict: {plain(str(name))} is no tensor in it")
        weights[name] = value.detach()
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
            what = f"{plain(next(iter(found)))} is {next(iter(named))}, and so on"
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


def _keep(
    path: Path, folder: Path, name: str, weights: dict[str, torch.Tensor], info: CheckpointInfo
) -> Path:
    """Raises CheckpointError, and then nothing is left."""
    try:
        place = _claim(folder, name)
    except OSError as error:
        raise cannot_be_written(folder, error) from None
    kept = place / (IMPORTED + SUFFIX)
    # No status, seed or device: it has been no run here.
    described = {
        "run": place.name,
        "imported_from": os.path.abspath(path),
        "imported_at": info.saved_at,
        "config": info.config | {"dataset": info.dataset},
        "versions": versions(),
    }
    try:
        replace_file(place / DESCRIPTION, json.dumps(described, indent=2).encode() + b"\n")
        tensors = checkpoints.snapshot(weights)
        checkpoints.save(kept, tensors, replace(info, run=place.name))
    except BaseException as error:
        rmtree(place, ignore_errors=True)
        if isinstance(error, OSError):
            raise cannot_be_written(folder, error) from None
        raise
    return kept


def _claim(folder: Path, name: str) -> Path:
    """Makes a folder of that name, or with a number where there is one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        place = folder / (name if number == 1 else f"{name}-{number}")
        try:
            place.mkdir()
        except FileExistsError:
            number += 1
        else:
            return place
