"""Diagnostics of a network that trains: norms of weights, gradients and updates, dead units and the
first layer's weights as images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import torch
from torch import Tensor, nn

from core.compute.torch_private import norm_of_each
from core.models.summary import leaves
from core.responses import DeadUnits, LayerNorms, NetworkInspected, WeightImages
from core.training.learner import Learner

# Enough test images to tell a dead ReLU from one that rarely fires.
TRIED = 128
MOST_IMAGES = 64


@dataclass(frozen=True)
class WeightsBefore:
    """A copy of the weights before a step, and how long training waited for it."""

    weights: dict[str, Tensor]
    seconds: float


def copy_weights(learner: Learner) -> WeightsBefore:
    since = perf_counter()
    weights = {name: each.detach().clone() for name, each in learner.parameters.items()}
    return WeightsBefore(weights, perf_counter() - since)


@torch.no_grad()
def inspect(learner: Learner, step: int, before: WeightsBefore | None = None) -> NetworkInspected:
    """Inspect the network after a step, and what the step changed if `before` is given.

    The run's results do not change by it.
    """
    since, now, old = perf_counter(), learner.parameters, before.weights if before else {}
    weights, gradients = _norms_by_layer(now), _norms_by_layer(learner.gradients())
    updates = _norms_by_layer({name: now[name] - old[name] for name in old})
    images = learner.test_images[:TRIED]
    return NetworkInspected(
        step=step,
        layers=tuple(
            LayerNorms(name, weight, gradients.get(name), updates.get(name))
            for name, weight in weights.items()
        ),
        relus=dead_units(learner.model, images),
        tried=len(images),
        weights=first_weights(learner.model),
        seconds=perf_counter() - since + (before.seconds if before else 0.0),
    )


def _norms_by_layer(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """Return Euclidean norms by layer, the part of the names before the last dot."""
    if not tensors:
        return {}
    # One transfer from the device for all of them.
    norms = torch.stack(list(norm_of_each(list(tensors.values())))).tolist()
    squares: dict[str, float] = {}
    for name, norm in zip(tensors, norms, strict=True):
        layer = name.rpartition(".")[0]
        squares[layer] = squares.get(layer, 0.0) + norm * norm
    return {layer: math.sqrt(square) for layer, square in squares.items()}


def dead_units(model: nn.Module, images: Tensor) -> tuple[DeadUnits, ...]:
    """Count the units of each ReLU that are 0 for all of the images (N, 1, 28, 28)."""
    found: list[tuple[str, Tensor]] = []

    def note(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        others = [each for each in range(output.dim()) if each != 1]
        found.append((name, output.amax(others) <= 0))

    mode = model.training
    with ExitStack() as hooks, torch.inference_mode():
        for name, module in leaves(model):
            if isinstance(module, nn.ReLU):
                handle = module.register_forward_hook(partial(note, name))
                hooks.callback(handle.remove)
        hooks.callback(model.train, mode)
        model.eval()
        model(images)
    return tuple(DeadUnits(name, int(dead.sum()), len(dead)) for name, dead in found)


def first_weights(model: nn.Module) -> WeightImages | None:
    """Return the first layer's weights; None where they form no square images."""
    layers = [each for each in leaves(model) if isinstance(each[1], nn.Linear | nn.Conv2d)]
    if not layers:
        return None
    name, module = layers[0]
    weight = module.get_parameter("weight").detach()
    if weight.dim() == 2:
        side = math.isqrt(weight.shape[1])
        if side * side != weight.shape[1]:
            return None
        weight = weight.view(-1, side, side)
    else:
        weight = weight.flatten(0, 1)
    shown = weight[:MOST_IMAGES].float().cpu()
    largest = float(shown.abs().max())
    # NaN is drawn as 0: that the run diverged is reported elsewhere.
    scaled = (shown / (largest or 1.0)).nan_to_num(0.0).mul(127).round().add(128).to(torch.uint8)
    count, height, width = weight.shape
    images = tuple(each.numpy().tobytes() for each in scaled.contiguous())
    return WeightImages(name, images, count, width, height, largest)
