"""Read the layers of a chain of Conv2d and Linear from the tensors of a state dict, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

from core.checkpoints.header import abbreviate
from core.checkpoints.match_weights import describe, split_role
from core.models.network_layers import INPUT
from core.models.network_text import MOST_LAYERS

if TYPE_CHECKING:
    from torch import Tensor

COUNTER = {"num_batches_tracked"}
STATISTICS = COUNTER | {"running_mean", "running_var"}
ROLES = {
    ("weight", 4): ("conv", {"weight", "bias"}),
    ("weight", 2): ("linear", {"weight", "bias"}),
    ("weight", 1): ("batchnorm", {"weight", "bias", *STATISTICS}),
}


class NoChainError(ValueError):
    """The tensors are not those of a chain of layers; the text says which does not fit."""


@dataclass(frozen=True)
class StoredLayer:
    """A layer in a file: the shape of its weight, and the names of its tensors by their roles."""

    kind: str
    shape: tuple[int, ...]
    tensors: Mapping[str, str]

    @property
    def name(self) -> str:
        return abbreviate(self.tensors["weight"])

    @property
    def number(self) -> tuple[str, int] | None:
        """Its number in an nn.Sequential, with the name of that; None in anything else."""
        place = self.tensors["weight"].removesuffix(".weight")
        parent, _, number = place.rpartition(".")
        return (parent, int(number)) if number.isdecimal() and len(number) < 5 else None


class Block(NamedTuple):
    """A convolution or a linear layer, and its batch normalization if there is one."""

    layer: StoredLayer
    normalization: StoredLayer | None = None


def read_layers(tensors: Mapping[str, Tensor]) -> list[StoredLayer]:
    """Return the layers in the order of the file."""
    grouped: dict[str, dict[str, str]] = defaultdict(dict)
    for name, tensor in tensors.items():
        layer, role = split_role(name)
        if tensor.numel() == 1 and not tensor.is_floating_point() and role not in STATISTICS:
            continue  # a counter beside the network
        if role in grouped[layer]:
            raise NoChainError(f"{abbreviate(name)} belongs to no layer of its own")
        grouped[layer][role] = name
    grouped = {layer: names for layer, names in grouped.items() if names}
    if len(grouped) > MOST_LAYERS:
        raise NoChainError(f"there are {len(grouped):,} layers, more than {MOST_LAYERS}")
    return [_read_layer(tensors, names) for names in grouped.values()]


def _read_layer(tensors: Mapping[str, Tensor], names: dict[str, str]) -> StoredLayer:
    first = next(iter(names.values()))
    weight = tensors[names["weight"]] if "weight" in names else None
    kind, roles = ROLES.get(("weight", weight.ndim if weight is not None else 0), ("", set()))
    if weight is None or not kind or names.keys() - roles or _lacks_statistics(roles, names):
        what = f"{abbreviate(first)} ({describe(tensors[first])})"
        raise NoChainError(f"{what} is of no conv, linear or batchnorm")
    if kind != "batchnorm" and "bias" not in names:
        raise NoChainError(f"{abbreviate(first)} has no bias, which a {kind} has")
    for role, name in names.items():
        if tensors[name].is_floating_point() == (role in COUNTER):
            raise NoChainError(f"{abbreviate(name)} is {describe(tensors[name])}")
    shape = tuple(weight.shape)
    if any(tuple(tensors[names[role]].shape) != shape[:1] for role in roles - {"weight"} - COUNTER):
        raise NoChainError(f"{abbreviate(first)} and its bias are not of one layer")
    if 0 in shape or (kind == "conv" and shape[2] != shape[3]):
        raise NoChainError(f"{abbreviate(first)} ({describe(weight)}) has no square kernel")
    return StoredLayer(kind, shape, names)


def _lacks_statistics(roles: set[str], names: dict[str, str]) -> bool:
    return bool((roles - {"bias"}) - names.keys())


def group_blocks(layers: Sequence[StoredLayer]) -> list[Block]:
    """Return the layers with the batch normalizations that follow them."""
    blocks: list[Block] = []
    for layer in layers:
        if layer.kind != "batchnorm":
            blocks.append(Block(layer))
            continue
        before = blocks.pop() if blocks else None
        if before is None or before.normalization or before.layer.shape[0] != layer.shape[0]:
            raise NoChainError(f"{layer.name} normalizes {layer.shape[0]} channels of no layer")
        blocks.append(Block(before.layer, layer))
    return blocks


def check_chain(blocks: Sequence[Block], convs: Sequence[Block]) -> None:
    """Raise NoChainError where a layer does not take what the one before gives."""
    if len(blocks) == len(convs) or blocks[-1].normalization:
        raise NoChainError("the last layer is not a linear")
    if any(each.layer.kind != "linear" for each in blocks[len(convs) :]):
        raise NoChainError("a conv follows a linear")
    given = INPUT[0]
    for place, (layer, _) in enumerate(blocks):
        if place == len(convs):
            given *= find_side(layer, given, bool(convs)) ** 2
        if layer.shape[1] != given:
            raise NoChainError(f"{layer.name} takes {layer.shape[1]:,} inputs, and gets {given:,}")
        given = layer.shape[0]


def find_side(linear: StoredLayer, channels: int, has_convs: bool) -> int:
    """Return the height and width of what the first linear layer takes."""
    inputs = linear.shape[1]
    if not has_convs:
        return INPUT[1]
    side = isqrt(inputs // channels)
    if side * side * channels != inputs or not 1 <= side <= INPUT[1]:
        raise NoChainError(
            f"{linear.name} takes {inputs:,} inputs, which are no square of {channels:,} channels"
        )
    return side
