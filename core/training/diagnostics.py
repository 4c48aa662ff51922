"""Diagnostics of a network: norms of weights, gradients and updates, dead units, and one layer's
weights and output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import Tensor, nn

from core.class_names import DIGITS
from core.commands import Inspect
from core.compute.torch_private import norm_of_each
from core.data.batches import SIDE
from core.data.datasets import Tensors
from core.digit import Digit
from core.models.inference import prepare_input
from core.models.inspection import (
    dead_units,
    first_weighted,
    layer_output,
    pass_image,
    weight_images,
)
from core.responses.layers import INPUT_LAYER, WHOLE, LayerNorms, NetworkInspected
from core.training.learner import Learner

# Enough test images to tell a dead ReLU from one that rarely fires.
TRIED = 128


@dataclass(frozen=True)
class WeightsBefore:
    """A copy of the weights before a step, how long training waited for it, and the request."""

    weights: dict[str, Tensor]
    seconds: float
    wanted: Inspect


def copy_weights(learner: Learner, wanted: Inspect) -> WeightsBefore:
    since = perf_counter()
    weights = {name: each.detach().clone() for name, each in learner.parameters.items()}
    return WeightsBefore(weights, perf_counter() - since, wanted)


def inspect(
    learner: Learner,
    step: int,
    tensors: Tensors,
    wanted: Inspect,
    before: WeightsBefore | None = None,
    *,
    names: tuple[str, ...] = DIGITS,
) -> NetworkInspected:
    """Inspect the network after a step, and what the step changed if `before` is given.

    `names` are those of the classes. The run's results do not change by it.
    """
    since = perf_counter()
    layers = layer_norms(learner.parameters, learner.gradients(), before)
    inspected = inspect_model(learner.model, tensors, wanted, layers, names=names)
    seconds = perf_counter() - since + (before.seconds if before else 0.0)
    return replace(inspected, step=step, seconds=seconds)


def inspect_norms(learner: Learner, step: int) -> NetworkInspected:
    """Return what no checkpoint has: the gradients of the newest step."""
    layers = layer_norms(learner.parameters, learner.gradients())
    return NetworkInspected(step=step, layers=layers, relus=(), tried=0, weights=None, seconds=0.0)


def dead_share(learner: Learner, tensors: Tensors) -> float | None:
    """Return the share of dead units of all ReLUs, 0 to 1; None for a network without ReLU, and
    where it cannot be measured."""
    try:
        images = prepare_input(learner.model, tensors.test_images[:TRIED])
        relus = dead_units(learner.model, images)
    except Exception:  # no memory, or code of the user's: a run that is saved has not failed by it
        return None
    units = sum(each.units for each in relus)
    return sum(each.dead for each in relus) / units if units else None


@torch.no_grad()
def layer_norms(
    parameters: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    before: WeightsBefore | None = None,
) -> tuple[LayerNorms, ...]:
    old = before.weights if before else {}
    weights, slopes = _norms_by_layer(parameters), _norms_by_layer(gradients)
    updates = _norms_by_layer({name: parameters[name] - old[name] for name in old})
    return tuple(
        LayerNorms(name, weight, slopes.get(name), updates.get(name))
        for name, weight in weights.items()
    )


def inspect_model(
    model: nn.Module,
    tensors: Tensors | None,
    wanted: Inspect,
    layers: tuple[LayerNorms, ...] | None = None,
    *,
    names: tuple[str, ...] = DIGITS,
) -> NetworkInspected:
    """Inspect a network, at step 0 and in no time; without tensors, its weights alone.

    `layers` are its norms where they are known, with gradients; `names` those of the classes.
    """
    layer = wanted.layer or first_weighted(model)
    samples = len(tensors.test_labels) if tensors else 0
    index = min(max(0, wanted.index), max(0, samples - 1))
    pixels = tensors.test_images[index : index + 1] if tensors else torch.zeros(1, SIDE, SIDE)
    image = prepare_input(model, pixels)
    passes, logits = pass_image(model, image)
    found = next((each for each in passes if each.name == layer), None)
    inspected = NetworkInspected(
        step=0,
        layers=layer_norms(dict(model.named_parameters()), {}) if layers is None else layers,
        relus=(),
        tried=0,
        weights=weight_images(found, wanted.unit) if found else None,
        seconds=0.0,
        samples=samples,
        layer=layer,
    )
    if tensors is None:
        return inspected
    values = image[0] if layer == INPUT_LAYER else found.output if found else None
    tried = tensors.test_images[:TRIED]
    label = int(tensors.test_labels[index])
    return replace(
        inspected,
        relus=dead_units(model, prepare_input(model, tried)),
        tried=len(tried),
        output=None if values is None else layer_output(layer, values, wanted.unit),
        digit=Digit(index, pixels.numpy().tobytes(), label, logits, class_names=names),
    )


def _norms_by_layer(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """Return Euclidean norms by layer, the part of the names before the last dot."""
    if not tensors:
        return {}
    # One transfer from the device for all of them.
    norms = torch.stack(list(norm_of_each(list(tensors.values())))).tolist()
    squares: dict[str, float] = {}
    for name, norm in zip(tensors, norms, strict=True):
        layer = name.rpartition(".")[0] or WHOLE
        squares[layer] = squares.get(layer, 0.0) + norm * norm
    return {layer: math.sqrt(square) for layer, square in squares.items()}
