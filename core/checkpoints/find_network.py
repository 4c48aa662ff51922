"""Find the architecture whose tensors a file contains, or say which of them do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from core.checkpoints.find_weights import StateDict, split_by_prefix
from core.checkpoints.header import abbreviate
from core.checkpoints.inferred.infer import InferredNetwork, infer_networks
from core.checkpoints.inferred.stored_layers import NoChainError
from core.checkpoints.match_weights import Match, Shapes, count_weights, describe, match
from core.class_names import DIGITS
from core.data.datasets import DATASETS
from core.errors import UsageError
from core.models.architectures import ARCHITECTURES, CUSTOM
from core.models.networks import Network, build_blank, read_network, resolve_network
from core.models.saved_networks import find_label, list_saved

if TYPE_CHECKING:
    from torch import Tensor

# An error names as many tensors of one kind, and as many networks.
MOST_NAMED = 4
NEAR = 0.75  # from this share of the tensors on, only what differs is said
ARCH_ADVICE = "name its layers with --arch LAYERS"
CLASSES_ADVICE = "name the dataset of its classes by --dataset NAME"


@dataclass(frozen=True)
class Fit:
    """How the tensors of a state dict, which are loaded, fit a network. `candidates` are those of a
    network that has no name and was found from their shapes."""

    state_dict: StateDict
    network: Network
    match: Match
    candidates: tuple[InferredNetwork, ...] = ()

    @property
    def arch(self) -> str:
        """What the network is called in a message."""
        label = find_label(self.network.spec)
        return "the network" if label == CUSTOM else label

    @property
    def share(self) -> float:
        """The share of the tensors that have their place, of the network's and of the file's."""
        names, missing, extra = self.match.names, self.match.missing, self.match.extra
        return len(names) / (len(names) + max(len(missing), len(extra)))

    @property
    def is_whole(self) -> bool:
        """Whether every tensor has its place, but a single whole number, which is a counter. More
        of them may be a mask or a permutation that the network needs."""
        extra = [self.state_dict.tensors[name] for name in self.match.extra]
        is_left = any(each.is_floating_point() or each.numel() > 1 for each in extra)
        return not self.match.missing and not is_left


def find_network(
    state_dicts: Sequence[StateDict], network: Network | None = None, classes: int = len(DIGITS)
) -> Fit:
    """Return the only fit of a state dict and a network: this one, or else one with a name, first
    of the program's, then of the user's, or else one that its shapes decide.

    Raises ValueError where there is none or more than one; its text continues the file's name.
    """
    state_dicts = [each for each in state_dicts if each.tensors]
    if not state_dicts:
        raise ValueError("contains no tensors")
    wanted = _expect([network] if network else map(partial(_named, classes), ARCHITECTURES))
    for there in (wanted, {} if network else _expect(_list_saved(classes))):
        fits = _drop_repeated([fit for each in state_dicts for fit in _whole_fits(each, there)])
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise ValueError(_name_several(fits))
    read, problem = ([], "") if network else _infer(state_dicts)
    if len(read := _drop_repeated(read)) > 1:
        raise ValueError(_name_several(read))
    if read and (outputs := read[0].network.classes) == classes:
        return read[0]
    inner = [fit for each in state_dicts for fit in _inner_fits(each, wanted)]
    if len({fit.state_dict.key for fit in inner}) > 1:
        raise ValueError(_name_several(inner))
    if transposed := _find_transposed(state_dicts, wanted):
        raise ValueError(transposed)
    nearest = _find_nearest(state_dicts, wanted)
    if read and nearest.share < NEAR:
        raise ValueError(_explain_classes(outputs, classes))
    text = _explain(nearest, network is None)
    if read:
        text += f"; it {_explain_classes(outputs, classes)}"
    elif problem and nearest.share < NEAR:
        text += f"; {problem}; {ARCH_ADVICE}"
    for fit in inner[:1]:
        key = abbreviate(fit.state_dict.key)
        text += f"; those under {key} alone fit {fit.arch}: --key {key} leaves the others out"
    raise ValueError(text)


def _explain_classes(outputs: int, classes: int) -> str:
    """Return what to do with a network for another number of classes."""
    same = [name for name, each in DATASETS.items() if len(each.class_names) == outputs]
    there = f"{list_names(same)} {'has' if len(same) == 1 else 'have'} {outputs}" if same else ""
    why = f"gives {outputs} numbers for an image, and there are {classes} classes"
    return f"{why}: {', '.join(filter(None, (CLASSES_ADVICE, there)))}"


def _find_nearest(state_dicts: Sequence[StateDict], wanted: dict[Network, Shapes]) -> Fit:
    every = [
        Fit(each, known, match(_shapes(each.tensors), shapes))
        for each in state_dicts
        for known, shapes in wanted.items()
    ]
    return max(every, key=_similarity)


def _named(classes: int, name: str) -> Network:
    return resolve_network(name, classes)


def _list_saved(classes: int) -> Iterator[Network]:
    """Yield the user's own networks that can be built."""
    with suppress(UsageError):
        for text in list_saved().values():
            with suppress(UsageError):
                yield read_network(text, classes)


def _infer(state_dicts: Sequence[StateDict]) -> tuple[list[Fit], str]:
    """Return the fits that the shapes alone decide, and why there is none."""
    found, problem = [], ""
    for each in state_dicts:
        try:
            candidates = infer_networks(each.tensors)
            _check_shapes(each, candidates[0])
        except NoChainError as error:
            problem = str(error)
            continue
        found.append(
            Fit(each, candidates[0].network, candidates[0].match(each.tensors), candidates)
        )
    return found, problem


def _check_shapes(state_dict: StateDict, candidate: InferredNetwork) -> None:
    """Raise NoChainError where a tensor has another shape than its network's."""
    shapes = _shapes(state_dict.tensors)
    for ours, expected in expected_shapes(candidate.network).items():
        if (found := shapes.get(candidate.names.get(ours, ""), "missing")) != expected:
            raise NoChainError(f"{abbreviate(ours)} is {found}, expected {expected}")


def _expect(networks: Iterable[Network]) -> dict[Network, Shapes]:
    return {each: expected_shapes(each) for each in networks}


def expected_shapes(network: Network) -> dict[str, str]:
    """Return the shapes of a network's tensors by name."""
    return _shapes(build_blank(network).state_dict())


def _shapes(tensors: dict[str, Tensor]) -> dict[str, str]:
    return {name: describe(each) for name, each in tensors.items()}


def _whole_fits(state_dict: StateDict, wanted: dict[Network, Shapes]) -> list[Fit]:
    """Return the whole fits; where the names are those of a network, only that one's."""
    shapes = _shapes(state_dict.tensors)
    weights = count_weights(shapes)
    fits = [
        Fit(state_dict, network, match(shapes, each))
        for network, each in wanted.items()
        if count_weights(each) == weights  # else none is whole, and a file may have many tensors
    ]
    whole = [fit for fit in fits if fit.is_whole]
    return [fit for fit in whole if not fit.match.is_renamed] or whole


def _inner_fits(state_dict: StateDict, wanted: dict[Network, Shapes]) -> list[Fit]:
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
        seen.setdefault((fit.network, *(each.data_ptr() for each in tensors)), fit)
    return list(seen.values())


def _name_several(fits: list[Fit]) -> str:
    keys = list(dict.fromkeys(fit.state_dict.key for fit in fits))
    if len(keys) > 1:
        named = [abbreviate(key) if key else "the file itself" for key in keys]
        return f"contains several networks: {list_names(named)}; choose one with --key NAME"
    archs = [fit.arch for fit in fits]
    return f"fits more than one network: {list_names(archs)}; choose one with --arch NAME"


def _find_transposed(state_dicts: Sequence[StateDict], wanted: dict[Network, Shapes]) -> str | None:
    """Return what to do with weights as Keras and JAX store them, None if they are not so."""
    for each in state_dicts:
        swapped = {name: _swap_axes(tensor) for name, tensor in each.tensors.items()}
        for fit in _whole_fits(replace(each, tensors=swapped), wanted):
            is_now, expected = _shapes(each.tensors), wanted[fit.network]
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
    found, expected = _shapes(fit.state_dict.tensors), expected_shapes(fit.network)
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
