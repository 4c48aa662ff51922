"""Match the tensors of a file with those of a network by shapes, pairs of names and prefixes.

A file may be sorted by name, and its names are those of another program. So neither the order nor
the names decide: the weight and the bias of one layer share all of their names but one word, and
a layer is recognized by the shapes of its tensors. Shapes are texts of `describe`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Shapes = Mapping[str, str]  # by the names of tensors
OF = " of "  # between the shape and the dtype
# Parts of names that DataParallel, DistributedDataParallel and torch.compile insert.
WRAPPERS = {"module", "_orig_mod"}
# The word that tells the tensors of a layer apart; one letter only where there is no whole word.
ROLES = [
    re.compile(rf"(?<![a-z])({words})(?![a-z])", re.IGNORECASE)
    for words in ("weights?|bias(?:es)?|kernels?", "w|b")
]
# Tensors of a normalization beside its weight and bias.
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Match:
    """Which tensor of a file is which of a network's."""

    names: dict[str, str]  # the network's name: the file's
    missing: tuple[str, ...] = ()  # names of the network without one
    extra: tuple[str, ...] = ()  # names in the file without one
    by_order: tuple[tuple[str, ...], ...] = ()  # names in the file with only their order to go by
    is_renamed: bool = True  # by more than a prefix and what wrappers insert


def describe(tensor: Tensor) -> str:
    """Return the shape, and the dtype unless it is a floating-point one."""
    shape = "×".join(map(str, tensor.shape)) or "one number"
    dtype = str(tensor.dtype).removeprefix("torch.")
    return shape if tensor.is_floating_point() else f"{shape}{OF}{dtype}"


def count_weights(shapes: Shapes) -> int:
    """Count the floating-point tensors."""
    return sum(OF not in shape for shape in shapes.values())


def match(found: Shapes, expected: Shapes) -> Match:
    """Match as many tensors as possible; those of equal shapes in the natural order of names."""
    if same := _match_by_name(_without_counters(found, expected), expected):
        return Match(same, extra=tuple(_without(found, same.values())), is_renamed=False)
    found = {name: found[name] for name in sorted(found, key=natural)}
    names: dict[str, str] = {}
    by_order: list[tuple[str, ...]] = []
    layers = _group_layers(found)
    for kind, ours in _group_layers(expected).items():
        theirs = layers.get(kind, [])
        for layer, other in zip(ours, theirs, strict=False):
            names |= {name: other[role] for role, name in layer.items()}
        if len(theirs) > 1:
            by_order.append(tuple(each.get("weight") or min(each.values()) for each in theirs))
    alike = _group(_without(found, names.values()))
    for shape, wanted in _group(_without(expected, names)).items():
        others = alike.get(shape, [])
        names |= dict(zip(wanted, others, strict=False))
        if len(others) > 1:
            by_order.append(tuple(others))
    missing, extra = _without(expected, names), _without(found, names.values())
    in_order = {name: names[name] for name in expected if name in names}
    return Match(in_order, tuple(missing), tuple(extra), tuple(by_order))


def _without_counters(found: Shapes, expected: Shapes) -> Shapes:
    """Return only the floating-point tensors where the network has no others."""
    if any(OF in shape for shape in expected.values()):
        return found
    return {name: shape for name, shape in found.items() if OF not in shape}


def _match_by_name(found: Shapes, expected: Shapes) -> dict[str, str] | None:
    """Return the match where all names are the same, except a prefix, and all shapes."""
    theirs, ours = _strip_names(found), _strip_names(expected)
    prefix, own = _common_prefix(theirs), _common_prefix(ours)
    if not prefix.endswith(own):
        return None
    added = prefix.removesuffix(own)
    same = {name: theirs.get(f"{added}.{short}"[1:]) for short, name in ours.items()}
    if len(found) != len(expected) or not all(
        other and found[other] == expected[name] for name, other in same.items()
    ):
        return None
    return {name: other for name, other in same.items() if other}


def _strip_names(names: Iterable[str]) -> dict[str, str]:
    """Return the names by what they are without what wrappers insert."""
    return {
        ".".join(part for part in name.split(".") if part not in WRAPPERS): name for name in names
    }


def _common_prefix(names: Iterable[str]) -> str:
    """Return the parts that all names begin with, such as ".model.", and "." if there are none."""
    levels = zip(*(name.split(".")[:-1] for name in names), strict=False)
    common = takewhile(lambda level: len(set(level)) == 1, levels)
    return "." + "".join(f"{level[0]}." for level in common)


def _group_layers(shapes: Shapes) -> dict[frozenset[tuple[str, str]], list[dict[str, str]]]:
    """Return the layers of several tensors by what they consist of: names by their roles."""
    layers: dict[str, dict[str, str]] = defaultdict(dict)
    counts: dict[str, int] = defaultdict(int)
    for name in shapes:
        layer, role = split_role(name)
        layers[layer][role] = name
        counts[layer] += 1
    grouped = defaultdict(list)
    for layer, tensors in layers.items():
        if len(tensors) == counts[layer] > 1:
            kind = frozenset((role, shapes[name]) for role, name in tensors.items())
            grouped[kind].append(tensors)
    return grouped


def split_role(name: str) -> tuple[str, str]:
    """Return the layer of a tensor and its role in it: "fc1.weight" is weight of "fc1."."""
    layer, dot, last = name.rpartition(".")
    if last not in STATISTICS:
        for pattern in ROLES:
            if found := list(pattern.finditer(name)):
                begin, end = found[-1].span()
                is_bias = found[-1][0].lower().startswith("b")
                return name[:begin] + name[end:], "bias" if is_bias else "weight"
    return layer + dot, last


def _group(shapes: Shapes) -> dict[str, list[str]]:
    """Return the names by shape."""
    grouped = defaultdict(list)
    for name, shape in shapes.items():
        grouped[shape].append(name)
    return grouped


def _without(shapes: Shapes, names: Iterable[str]) -> dict[str, str]:
    left_out = set(names)
    return {name: shape for name, shape in shapes.items() if name not in left_out}


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers in names by value: "fc2" comes before "fc10"."""
    parts = re.split("([0-9]+)", name)
    parts[1::2] = [number.lstrip("0") for number in parts[1::2]]
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(parts)]
