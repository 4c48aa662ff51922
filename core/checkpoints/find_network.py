"""Find the architecture whose tensors a file contains, or say which of them do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.checkpoints.find_weights import StateDict, split_by_prefix
from core.checkpoints.header import abbreviate
from core.checkpoints.match_weights import Match, Shapes, count_weights, describe, match
from core.models.architectures import ARCHITECTURES
from core.models.networks import resolve_network

if TYPE_CHECKING:
    from torch import Tensor

# An error names as many tensors of one kind, and as many networks.
MOST_NAMED = 4


@dataclass(frozen=True)
class Fit:
    """How the tensors of a state dict, which are loaded, fit an architecture."""

    state_dict: StateDict
    arch: str
    match: Match

    @property
    def is_whole(self) -> bool:
        """Whether every tensor has its place, but a single whole number, which is a counter. More
        of them may be a mask or a permutation that the network needs."""
        extra = [self.state_dict.tensors[name] for name in self.match.extra]
        is_left = any(each.is_floating_point() or each.numel() > 1 for each in extra)
        return not self.match.missing and not is_left


def find_network(state_dicts: Sequence[StateDict], arch: str | None = None) -> Fit:
    """Return the only fit of a state dict and an architecture, or of this architecture.

    Raises ValueError where there is none or more than one; its text continues the file's name.
    """
    state_dicts = [each for each in state_dicts if each.tensors]
    if not state_dicts:
        raise ValueError("contains no tensors")
    archs = [arch] if arch else list(ARCHITECTURES)
    wanted: dict[str, Shapes] = {each: expected_shapes(each) for each in archs}
    fits = _drop_repeated([fit for each in state_dicts for fit in _whole_fits(each, wanted)])
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise ValueError(_name_several(fits))
    inner = [fit for each in state_dicts for fit in _inner_fits(each, wanted)]
    if len({fit.state_dict.key for fit in inner}) > 1:
        raise ValueError(_name_several(inner))
    if transposed := _find_transposed(state_dicts, wanted):
        raise ValueError(transposed)
    every = [
        Fit(each, name, match(_shapes(each.tensors), shapes))
        for each in state_dicts
        for name, shapes in wanted.items()
    ]
    text = _explain(max(every, key=_similarity), arch is None)
    for fit in inner[:1]:
        key = abbreviate(fit.state_dict.key)
        text += f"; those under {key} alone fit {fit.arch}: --key {key} leaves the others out"
    raise ValueError(text)


def expected_shapes(arch: str) -> dict[str, str]:
    """Return the shapes of an architecture's tensors by name."""
    import torch

    with torch.device("meta"):
        return _shapes(resolve_network(arch).build().state_dict())


def _shapes(tensors: dict[str, Tensor]) -> dict[str, str]:
    return {name: describe(each) for name, each in tensors.items()}


def _whole_fits(state_dict: StateDict, wanted: dict[str, Shapes]) -> list[Fit]:
    """Return the whole fits; where the names are those of a network, only that one's."""
    shapes = _shapes(state_dict.tensors)
    weights = count_weights(shapes)
    fits = [
        Fit(state_dict, arch, match(shapes, each))
        for arch, each in wanted.items()
        if count_weights(each) == weights  # else none is whole, and a file may have many tensors
    ]
    whole = [fit for fit in fits if fit.is_whole]
    return [fit for fit in whole if not fit.match.is_renamed] or whole


def _inner_fits(state_dict: StateDict, wanted: dict[str, Shapes]) -> list[Fit]:
    """Return the whole fits of the tensors under prefixes of their names; outer prefixes only."""
    found: list[Fit] = []
    for prefix, tensors in split_by_prefix(state_dict.tensors):
        if not any(f"{prefix}.".startswith(f"{fit.state_dict.key}.") for fit in found):
            part = replace(state_dict, key=prefix, tensors=tensors)
            found += _whole_fits(part, wanted)
    before = f"{state_dict.key}." if state_dict.key else ""
    return [
        replace(fit, state_dict=replace(fit.state_dict, key=before + fit.state_dict.key))
        for fit in found
    ]


def _drop_repeated(fits: list[Fit]) -> list[Fit]:
    """Drop fits to the same tensors in memory, as of one network saved under two keys."""
    seen: dict[tuple[object, ...], Fit] = {}
    for fit in fits:
        tensors = [fit.state_dict.tensors[name] for name in fit.match.names.values()]
        seen.setdefault((fit.arch, *(each.data_ptr() for each in tensors)), fit)
    return list(seen.values())


def _name_several(fits: list[Fit]) -> str:
    keys = list(dict.fromkeys(fit.state_dict.key for fit in fits))
    if len(keys) > 1:
        named = [abbreviate(key) if key else "the file itself" for key in keys]
        return f"contains several networks: {list_names(named)}; choose one with --key NAME"
    archs = [fit.arch for fit in fits]
    return f"fits more than one network: {list_names(archs)}; choose one with --arch NAME"


def _find_transposed(state_dicts: Sequence[StateDict], wanted: dict[str, Shapes]) -> str | None:
    """Return what to do with weights as Keras and JAX store them, None if they are not so."""
    for each in state_dicts:
        swapped = {name: _swap_axes(tensor) for name, tensor in each.tensors.items()}
        for fit in _whole_fits(replace(each, tensors=swapped), wanted):
            is_now, expected = _shapes(each.tensors), wanted[fit.arch]
            example = next(
                f"{abbreviate(name)} is {is_now[name]}, expected {expected[ours]}"
                for ours, name in fit.match.names.items()
                if is_now[name] != expected[ours]
            )
            return (
                f"has the tensors of {fit.arch} transposed, as Keras and JAX store them "
                f"({example}); save them in PyTorch's layout, such as weight.T of a Linear"
            )
    return None


def _swap_axes(tensor: Tensor) -> Tensor:
    """Return weights (in, out) as (out, in), and (height, width, in, out) as (out, in, …)."""
    if tensor.ndim == 4:
        return tensor.permute(3, 2, 0, 1)
    return tensor.T if tensor.ndim == 2 else tensor


def _similarity(fit: Fit) -> tuple[int, int]:
    """A network of many tensors has some of the shape of most others, so what does not fit counts
    as much as what does."""
    matched, missing, extra = fit.match.names, fit.match.missing, fit.match.extra
    return len(matched) - len(missing) - len(extra), len(matched)


def _explain(fit: Fit, is_nearest: bool) -> str:
    """Return which tensors do not fit; one of the right name is named once. A network of which less
    than half fits is nearest to none."""
    found, expected = _shapes(fit.state_dict.tensors), expected_shapes(fit.arch)
    key = fit.state_dict.key
    if is_nearest and 2 * len(fit.match.names) < max(len(expected), len(found)):
        there = [f"{_whole_name(key, name)} ({shape})" for name, shape in found.items()]
        ours = f"the program's networks ({', '.join(ARCHITECTURES)})"
        return f"fits none of {ours}: its tensors are {list_names(there)}"
    is_now = dict.fromkeys(fit.state_dict.others, "no tensor") | found
    wrong = [name for name in fit.match.missing if name in is_now]
    parts = [f"{_whole_name(key, n)} is {is_now[n]}, expected {expected[n]}" for n in wrong]
    if extra := [f"{_whole_name(key, n)} ({found[n]})" for n in fit.match.extra if n not in wrong]:
        parts.append(f"no place for {list_names(extra)}")
    if missing := [f"{n} ({expected[n]})" for n in fit.match.missing if n not in wrong]:
        parts.append(f"missing: {list_names(missing)}")
    which = f"{fit.arch}, the nearest network" if is_nearest else fit.arch
    count = f"{len(fit.match.names)} of {len(expected)} tensors fit"
    where = f" under {abbreviate(key)}" if key else ""
    return f"does not fit {which} ({count}{where}): {'; '.join(parts)}"


def _whole_name(key: str, name: str) -> str:
    return abbreviate(f"{key}.{name}" if key else name)


def list_names(names: Sequence[str]) -> str:
    """Return the names in a sentence, the first of many and the number of the others."""
    shown = [abbreviate(name) for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        return f"{', '.join(shown)} and {len(names) - MOST_NAMED} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
