"""Infer a network's text from the shapes of its tensors, for chains of Conv2d and Linear.

A state dict has no activations, strides, padding and pooling. Those of the convolutions must give
the first linear layer as many inputs as it has weights for. Each combination that does is a
candidate. Activations are assumed to be relu.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.checkpoints.inferred.stored_layers import (
    Block,
    NoChainError,
    check_chain,
    group_blocks,
    read_layers,
)
from core.checkpoints.inferred.windows import Window, find_windows
from core.checkpoints.match_weights import Match
from core.errors import UsageError
from core.models.networks import Network, read_network

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class InferredNetwork:
    """A network that the tensors fit; `names` are those in the file by those of the network."""

    network: Network
    names: dict[str, str]
    cost: float

    def match(self, tensors: Mapping[str, Tensor]) -> Match:
        """Return which tensor of the file is which of the network's."""
        taken = set(self.names.values())
        is_same = all(ours == theirs for ours, theirs in self.names.items())
        extra = tuple(name for name in tensors if name not in taken)
        return Match(self.names, extra=extra, is_renamed=not is_same)


def infer_networks(tensors: Mapping[str, Tensor]) -> tuple[InferredNetwork, ...]:
    """Return the candidates of a state dict, the most usual one first.

    Raises NoChainError where there is none.
    """
    blocks = group_blocks(read_layers(tensors))
    convs = [each for each in blocks if each.layer.kind == "conv"]
    check_chain(blocks, convs)
    windows = find_windows(convs, blocks[len(convs)]) if convs else [(0.0, (), 1)]
    candidates = []
    for cost, found, average in windows:
        text = _write_text(blocks, found, average)
        try:
            network = read_network(text, blocks[-1].layer.shape[0])
        except UsageError as error:
            raise NoChainError(str(error)) from None
        candidates.append(InferredNetwork(network, _name_tensors(network, blocks), cost))
    return tuple(candidates)


def _write_text(blocks: Sequence[Block], windows: Sequence[Window], average: int) -> str:
    parts: list[str] = []
    for place, (layer, normalization) in enumerate(blocks):
        outputs = layer.shape[0]
        if layer.kind == "conv":
            stride, pad, _ = windows[place]
            parts.append(f"conv {outputs} {layer.shape[2]} stride {stride} pad {pad}")
        else:
            parts.append(f"linear {outputs}")
        if place == len(blocks) - 1:
            break
        parts += ["batchnorm"] if normalization else []
        parts.append("relu")
        pool = windows[place].pool if layer.kind == "conv" else 1
        parts += [f"maxpool {pool}"] if pool > 1 else []
        if place == len(windows) - 1:
            parts += [f"avgpool {average}"] if average > 1 else []
            parts += ["flatten"]
    return ", ".join(parts)


def _name_tensors(network: Network, blocks: Sequence[Block]) -> dict[str, str]:
    """Return the names in the file by the network's, in the order of the network."""
    layers = [each for block in blocks for each in block if each]
    ours = [each.name for each in network.layers if each.parameters]
    return {
        f"{name}.{role}": layer.tensors[role]
        for name, layer in zip(ours, layers, strict=True)
        for role in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        if role in layer.tensors
    }
