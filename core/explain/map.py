"""The map: test images by the last hidden layer's activations, in two dimensions."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.data.dataset import Tensors
from core.errors import UsageError, UserError
from core.explain.pca import Components, find_components
from core.explain.slices import (
    NO_TEST_IMAGES,
    as_pixels,
    blank_pixels,
    images_per_batch,
    in_slices,
    pass_pixels,
)
from core.models.inference import predict
from core.models.inspection import LayerPass, drawn_weight
from core.models.summary import leaves
from core.responses.explanations import MapExplained

MAPPED = 1000  # test images
MEMORY = "map"  # the key of a Basis
MOST_ACTIVATION = 1e30  # of which float32 can add up many
PREDICTED = 0.9  # the share of the work that predictions are
MOST_WIDTH = 8192  # of a layer; the limit of memory and of a slice's time


@dataclass(frozen=True)
class Basis:
    """What a map is aligned with: the coordinates (N, 2) of the test images of another one."""

    indices: tuple[int, ...]
    width: int  # of the hidden layer
    coordinates: Tensor


@dataclass(frozen=True)
class _Projected:
    """The coordinates (N, 2) of images, their predicted classes, and the shares of the variance."""

    width: int
    coordinates: Tensor
    predicted: tuple[int, ...]
    shares: tuple[float, ...]


def explain_map(
    model: nn.Module,
    images: tuple[bytes, ...],
    test: Tensors | None,
    class_names: tuple[str, ...],
    memory: dict[str, Any],
) -> Iterator[MapExplained]:
    """Project test images, always the same, and other images of 784 bytes by PCA of the test
    images' activations; yield the answer after each slice.

    `memory` keeps the map for the next call, which turns and mirrors its own so that the images
    move as little as possible. The activations are the input of the last layer with weights; of
    more than MOST_WIDTH values, means of neighbours.

    Raises UsageError for a network without a hidden layer, UserError without test images and where
    an activation is NaN or infinite.
    """
    passes, _ = pass_pixels(model, blank_pixels())
    hidden, last = _find_hidden(passes)
    if test is None:
        raise UserError(f"{NO_TEST_IMAGES}, so it has no map")
    indices = choose_images(test.test_labels)
    pixels = torch.cat([test.test_images[indices].cpu(), as_pixels(images)])
    batches = pixels.split(images_per_batch(passes))
    answer = MapExplained(
        layer=hidden,
        indices=(), xs=(), ys=(), labels=(), predicted=(),
        own_xs=(), own_ys=(), own_predicted=(),
        shares=(), step=0, done=0.0, class_names=class_names,
    )  # fmt: skip
    found = yield from in_slices(_project(model, last, batches, len(indices), answer))
    chosen = tuple(indices.tolist())
    new = Basis(chosen, found.width, found.coordinates[: len(chosen)])
    memory[MEMORY], turn = align(new, memory.get(MEMORY))
    (xs, ys), (own_xs, own_ys) = (
        map(tuple, (part @ turn).T.tolist())
        for part in found.coordinates.tensor_split([len(chosen)])
    )
    yield replace(
        answer,
        indices=chosen,
        xs=xs,
        ys=ys,
        labels=tuple(test.test_labels[indices].tolist()),
        predicted=found.predicted[: len(chosen)],
        own_xs=own_xs,
        own_ys=own_ys,
        own_predicted=found.predicted[len(chosen) :],
        shares=tuple((torch.tensor(found.shares) @ turn.abs()).tolist()),
        done=1.0,
    )


def choose_images(labels: Tensor) -> Tensor:
    """Return the indices of at most MAPPED images, of each class its share of them."""
    order = labels.cpu().argsort(stable=True)
    count = min(MAPPED, len(order))
    return order[torch.arange(count) * len(order) // max(1, count)].sort().values


def _find_hidden(passes: list[LayerPass]) -> tuple[str, str]:
    """Return the names of the last hidden layer and of the layer after it, the last with weights.
    Raises UsageError."""
    names = [each.name for each in passes if _has_weights(each.module)]
    if len(names) < 2:
        raise UsageError("this network has no hidden layer, so it has no map")
    return names[-2], names[-1]


def _has_weights(module: nn.Module) -> bool:
    # Those of a layer with a parametrization, such as weight_norm, are not its own parameters.
    return isinstance(module, nn.Linear | nn.Conv2d) or drawn_weight(module) is not None


def _project(
    model: nn.Module, last: str, batches: Sequence[Tensor], count: int, answer: MapExplained
) -> Generator[MapExplained, None, _Projected]:
    """Project images by the principal components of the first `count` of them. Raises UserError."""
    activations, predicted = [], []
    for done, batch in enumerate(batches):
        yield replace(answer, done=PREDICTED * done / len(batches))
        values, logits = _activate(model, last, batch)
        activations.append(values)
        predicted += logits.argmax(1).tolist()
    answer = replace(answer, done=PREDICTED)
    points = torch.cat(activations)
    yield answer
    if not float(points.abs().amax()) < MOST_ACTIVATION:  # neither is NaN
        raise UserError("this network has no map: its activations are NaN or infinite")
    found: Components | None = None
    for each in find_components(points[:count].clone()):
        yield answer
        found = each
    assert found
    return _Projected(points.shape[1], found.project(points), tuple(predicted), found.shares)


def _activate(model: nn.Module, last: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the input (N, width) of a layer for images, and the logits."""
    taken: list[Tensor] = []

    def take(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        taken.append(inputs[0])

    hook = dict(leaves(model))[last].register_forward_pre_hook(take)
    try:
        logits = predict(model, images, len(images))
    finally:
        hook.remove()
    values = taken[-1].float().flatten(1)
    if (size := -(-values.shape[1] // MOST_WIDTH)) > 1:
        values = functional.avg_pool1d(values.unsqueeze(1), size, ceil_mode=True).squeeze(1)
    return values.cpu(), logits


def align(new: Basis, before: Basis | None) -> tuple[Basis, Tensor]:
    """Return a basis with its axes in the order and with the signs that move its points least from
    those of another one, and the matrix (2, 2) that does so.

    It is the identity without another one, and for another network or other images.
    """
    turn = torch.eye(2)
    if before and (before.indices, before.width) == (new.indices, new.width):
        # The sum of squared distances is least where this sum of products is largest.
        products = new.coordinates.T @ before.coordinates
        sizes = products.abs()
        if sizes[0, 1] + sizes[1, 0] > sizes[0, 0] + sizes[1, 1]:
            turn = turn.flip(1)
        turn = turn * torch.where(products < 0, -1.0, 1.0)
    return replace(new, coordinates=new.coordinates @ turn), turn
