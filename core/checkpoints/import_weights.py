"""Read weights that another program saved, such as the article's code, and match an architecture.

The names of tensors need not be ours: match_weights.py has the rules, find_network.py the choice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core.checkpoints import io as checkpoints
from core.checkpoints.find_network import Fit, find_network, list_names
from core.checkpoints.find_weights import Found, StateDict, find_state_dicts, select
from core.checkpoints.header import METADATA, NO_HEADER, abbreviate, read_header
from core.checkpoints.inferred.infer import InferredNetwork
from core.checkpoints.io import check_finite, check_size, select_weights
from core.checkpoints.match_weights import natural
from core.checkpoints.other_files import LEGACY, LOOKED_AT, ZIP, describe_file
from core.checkpoints.stated import read_stated
from core.checkpoints.torch_save import NOT_BY_TORCH, read_torch_save
from core.class_names import DIGITS
from core.errors import UsageError
from core.files import open_regular_file
from core.models.network_file.named import is_file_spec
from core.models.networks import Network, build_blank, check_spec, read_network, resolve_network
from core.models.saved_networks import find_name

if TYPE_CHECKING:
    import torch


# The modules of PyTorch with layers that change the result and have no tensors.
SHAPING = ("torch.nn.modules.activation.", "torch.nn.modules.pooling.")


@dataclass(frozen=True)
class ImportedWeights:
    """The weights of a network; `note` says what is not as in the file or was assumed.

    `is_renamed` is whether their names in the file are others, by more than a prefix. `candidates`
    are the networks that they may be of where none with a name fits, this one first. `dataset` is
    the one that the file states, if it does.
    """

    network: Network
    tensors: dict[str, torch.Tensor]
    note: str
    is_renamed: bool = False
    candidates: tuple[InferredNetwork, ...] = ()
    class_names: tuple[str, ...] = DIGITS
    dataset: str = ""

    @property
    def arch(self) -> str:
        """The name of the network: built-in, saved by the user, or "custom"."""
        return find_name(self.network.spec)


def read_weights(
    path: Path,
    key: str | None = None,
    arch: str | None = None,
    class_names: tuple[str, ...] | None = None,
) -> ImportedWeights:
    """Read a network's weights from a file of torch.save or safetensors, under any names.

    Of several networks in the file `key` names one; `arch` is the name or the text of the network
    where it is not found. `class_names` are by default those that the file states, or the digits.
    Other values in the file are ignored. Raises UsageError and CheckpointError.
    """
    given = None
    if arch is not None:
        given = _resolve(arch, len(class_names or DIGITS))  # before a large file is read
    with open_regular_file(path) as file:
        found = _read(path, file, given)
        if class_names and found.class_names and class_names != found.class_names:
            raise ValueError(
                f"has the classes {list_names(found.class_names)}, which are not those of the "
                "dataset"
            )
        class_names = class_names or found.class_names or DIGITS
        network = _choose_network(found, arch, len(class_names))
        state_dicts = found.state_dicts if key is None else [_select(path, found, key)]
        unique = [_drop_repeated(each) for each in state_dicts]
        fit = find_network(unique, network, len(class_names))
    tensors = {name: fit.state_dict.tensors[other] for name, other in fit.match.names.items()}
    weights, converted = _to_float32(tensors)
    check_finite(path, {fit.match.names[name]: each for name, each in weights.items()})
    notes = (*_explain_match(fit), *_explain_rest(fit, state_dicts, found), converted)
    note = "; ".join(filter(None, notes))
    is_renamed, candidates = fit.match.is_renamed, fit.candidates
    of_file = candidates, class_names, found.dataset
    return ImportedWeights(fit.network, weights, note, is_renamed, *of_file)


def _resolve(arch: str, classes: int) -> Network:
    """Return the network of --arch. Raises UsageError."""
    if problem := check_spec(arch, classes):
        raise UsageError(f"--arch {problem}")
    return resolve_network(arch, classes)


def _choose_network(found: Found, arch: str | None, classes: int) -> Network | None:
    """Return the network that a person or the file names. Raises ValueError and UsageError."""
    if arch is not None:
        return _resolve(arch, classes)
    if is_file_spec(found.network):
        return resolve_network(found.network, classes)  # asks for the file
    try:
        return read_network(found.network, classes) if found.network else None
    except UsageError as error:
        raise ValueError(f"has a network that cannot be built: {error}") from None


def _read(path: Path, file: BinaryIO, given: Network | None) -> Found:
    """Return the state dicts in a file, with their tensors loaded.

    Raises CheckpointError, and ValueError whose text continues the file's name.
    """
    size = os.fstat(file.fileno()).st_size
    most = max(checkpoints.largest_size(), checkpoints.largest_size(given))
    check_size(size, most, "the largest network")
    begin = file.read(LOOKED_AT)
    file.seek(0)
    # The length of a safetensors header can begin as a pickle does, but ends in zeros.
    if begin.startswith((ZIP, LEGACY)) and begin[4:8] != bytes(4):
        found = find_state_dicts(read_torch_save(file.read(size)))
        loaded = [replace(each, tensors=_load(each)) for each in found.state_dicts]
        return replace(found, state_dicts=loaded)
    try:
        metadata = read_header(file, size).get(METADATA)
    except ValueError as error:
        if str(error) != NO_HEADER:
            raise
        is_pickle = begin.startswith(LEGACY)  # with a short first frame
        raise ValueError(NOT_BY_TORCH if is_pickle else describe_file(begin)) from None
    if isinstance(metadata, dict) and "mnist_tui" in metadata:
        info, stored = checkpoints.load(path)
        state_dict = StateDict("", select_weights(stored))
        stated = info.network, info.class_names, info.dataset
        return Found([state_dict], {}, *stated)
    file.seek(0)
    tensors = select_weights(checkpoints.deserialize(file.read(size)))
    # In an order, as safetensors has none.
    ordered = dict(sorted(tensors.items(), key=lambda each: natural(each[0])))
    return Found([StateDict("", ordered)], {}, *read_stated(metadata))


def _load(state_dict: StateDict) -> dict[str, torch.Tensor]:
    return {name: each.load() for name, each in state_dict.tensors.items()}


def _select(path: Path, found: Found, key: str) -> StateDict:
    """Return the tensors under a key. Raises UsageError."""
    if chosen := select(found.state_dicts, key):
        return chosen
    keys = [abbreviate(each.key) for each in found.state_dicts if each.key]
    prefixes = {name.partition(".")[0] for each in found.state_dicts for name in each.tensors}
    there = list_names(keys or sorted(map(abbreviate, prefixes)))
    raise UsageError(f"--key {abbreviate(key)}: {path} has no weights under it, but under {there}")


def _drop_repeated(state_dict: StateDict) -> StateDict:
    """Leave out tensors in the memory of another one: those of a layer that has two names."""
    seen: dict[tuple[object, ...], str] = {}
    repeated = []
    for name, each in state_dict.tensors.items():
        memory = (each.data_ptr(), each.dtype, each.shape, each.stride())
        if each.numel() and memory in seen:
            repeated.append(f"{name} is {seen[memory]}")
        else:
            seen[memory] = name
    kept = {name: state_dict.tensors[name] for name in seen.values()}
    return replace(state_dict, tensors=kept, repeated=tuple(repeated))


def _explain_match(fit: Fit) -> Iterator[str]:
    """Yield what was assumed to match the tensors of a file with the network's."""
    if fit.match.is_renamed and not fit.candidates:
        ours, theirs = next(iter(fit.match.names.items()))
        yield (
            f"its tensors have other names; they were matched with those of {fit.arch} by their "
            f"shapes: {abbreviate(theirs)} became {ours}, and so on; activations and pooling are "
            f"not in a state dict and are those of {fit.arch}"
        )
    for names in fit.match.by_order:
        yield f"{list_names(names)} have equal shapes: the order of their names decided"
    if fit.state_dict.repeated:
        yield f"one tensor has two names and was read once: {list_names(fit.state_dict.repeated)}"


def _explain_rest(fit: Fit, state_dicts: list[StateDict], found: Found) -> Iterator[str]:
    """Yield what else is in the file and was not read."""
    if network := fit.state_dict.network:
        yield f"the file is a pickled {abbreviate(network)}: its weights were read, no code was run"
        yield _explain_layers(fit)
    if fit.match.extra:
        yield f"not read: {list_names(fit.match.extra)}"
    others = [
        _name_key(each)
        for each in state_dicts
        if each.key != fit.state_dict.key
        and sum(tensor.is_floating_point() for tensor in each.tensors.values()) > 1
    ]
    if others:
        yield f"read from {_name_key(fit.state_dict)}, not from {list_names(others)}"
    classes = [each for each in found.classes if each != fit.state_dict.network]
    if classes and not fit.state_dict.network:
        yield f"not read, and no code of it run: {list_names(classes)}"


def _explain_layers(fit: Fit) -> str:
    """Return which activations and poolings of a pickled network are not the architecture's."""
    modules = [type(each) for each in build_blank(fit.network).modules()]
    ours = _shaping(f"{each.__module__}.{each.__name__}" for each in modules)
    theirs = [each for each in _shaping(fit.state_dict.layers) if each not in ours]
    if not theirs:
        return ""
    differ = f"it has {list_names(theirs)}, {fit.arch} has {list_names(ours) or 'none'}"
    return f"its layers differ, so its predictions will too: {differ}"


def _shaping(classes: Iterable[str]) -> list[str]:
    """Return the names of the classes that are PyTorch's activations and poolings, each once."""
    found = (each.removeprefix(kind) for each in classes for kind in SHAPING if kind in each)
    return list(dict.fromkeys(found))


def _name_key(state_dict: StateDict) -> str:
    return f"its key {abbreviate(state_dict.key)}" if state_dict.key else "the file itself"


def _to_float32(found: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], str]:
    """Return the floating-point tensors as float32, and a note where they were not. Others, the
    counters of a batch normalization, stay as they are."""
    weights = {
        name: each.float().contiguous() if each.is_floating_point() else each
        for name, each in found.items()
    }
    dtypes = {str(each.dtype)[6:] for each in found.values() if each.is_floating_point()}
    others = sorted(dtypes - {"float32"})
    if not others:
        return weights, ""
    is_exact = all(each.double().equal(weights[name].double()) for name, each in found.items())
    how = "without rounding" if is_exact else "with rounding"
    return weights, f"its weights were converted from {', '.join(others)} to float32, {how}"
