"""Small networks with random weights."""

import torch
from torch import nn

from core.explain.subject import copy_network
from core.models.networks import resolve_network


def build_linear(classes: int = 10) -> nn.Module:
    """Return the network `linear`, always with the same weights, in evaluation mode."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return copy_network(resolve_network("linear", classes).build())
