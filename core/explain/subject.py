"""The network that a question is about."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from core.data.dataset import Tensors


@dataclass(frozen=True, eq=False)
class Subject:
    """A copy of a network in evaluation mode, and what is known of it.

    `test` are the dataset's tensors, None where it is not on this machine. `source` as in the
    responses. `searched` is what explanations of this copy keep for the next ones.
    """

    model: nn.Module
    step: int
    arch: str
    class_names: tuple[str, ...]
    test: Tensors | None
    source: str | None = None
    searched: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def gpus(self) -> set[torch.device]:
        """The CUDA devices of the network, which have random states of their own."""
        return {each.device for each in self.model.parameters() if each.is_cuda}


def copy_network(model: nn.Module) -> nn.Module:
    """Return a copy that is not trained further, in evaluation mode and without gradients.

    Explanations put hooks on its layers between training steps, which the original must not have.
    """
    # What a layer computes and keeps, as weight_norm does its weight, has a gradient's history,
    # which deepcopy refuses to copy.
    computed = {
        id(each): each.detach().clone()
        for module in model.modules()
        for each in vars(module).values()
        if isinstance(each, Tensor) and not each.is_leaf
    }
    copied = copy.deepcopy(model, computed).eval()
    for parameter in copied.parameters():
        parameter.grad = None
        parameter.requires_grad_(False)
    return copied
