"""Work on images in slices of a few milliseconds, so that training need not wait long."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from time import perf_counter
from typing import TypeVar

import torch
from torch import Tensor, nn

from core.data.batches import SIDE
from core.errors import UserError
from core.models.inference import full_float32, prepare_input
from core.models.inspection import LayerPass, pass_image

Part = TypeVar("Part")
Result = TypeVar("Result")

SLICE_SECONDS = 0.008
# Multiply-adds of a batch: two or three milliseconds on a core of 2024, yet enough to use it well.
BATCH_WORK = 10**8
MOST_IMAGES = 256  # of a batch
VALUE_WORK = 8  # what a value of an output costs besides, in multiply-adds

NO_TEST_IMAGES = "the test images of this network are not on this machine"


def in_slices(parts: Generator[Part, None, Result]) -> Generator[Part, None, Result]:
    """Yield the newest of some parts of work after each slice, and return their result.

    A slice ends where another part as long as the last one would not fit.
    """
    since = before = perf_counter()
    while True:
        try:
            part = next(parts)
        except StopIteration as end:
            result: Result = end.value
            return result
        now = perf_counter()
        if now - since + now - before > SLICE_SECONDS:
            yield part
            since = now = perf_counter()
        before = now


def images_per_batch(passes: Sequence[LayerPass]) -> int:
    """Return how many images to pass through a network at a time, by the size of its layers.

    It does not depend on how fast this machine is at the moment, so that results, which are rounded
    differently with another number, can be repeated.
    """
    work = sum(map(_work, passes))
    images = max(1, min(MOST_IMAGES, BATCH_WORK // max(1, work)))
    return 1 << images.bit_length() - 1


def _work(layer: LayerPass) -> int:
    """Return the multiply-adds of a layer: each weight is used at each place of the output."""
    weights = sum(each.numel() for each in layer.module.parameters(recurse=False))
    places = layer.output.numel() // max(1, len(layer.output))
    return weights * places + VALUE_WORK * layer.output.numel()


def pass_pixels(model: nn.Module, pixels: Tensor) -> tuple[list[LayerPass], tuple[float, ...]]:
    """Pass an image (1, 28, 28), uint8, through the network; return its layers, and the logits.

    Raises UserError where no layer has an output.
    """
    with full_float32():
        passes, logits = pass_image(model, prepare_input(model, pixels))
    if not passes:
        raise UserError("this network has no layers whose outputs can be shown")
    return passes, logits


def blank_pixels() -> Tensor:
    return torch.zeros(1, SIDE, SIDE, dtype=torch.uint8)


def as_pixels(images: Sequence[bytes]) -> Tensor:
    """Return images of 784 bytes as uint8 (N, 28, 28)."""
    values = torch.tensor(list(b"".join(images)), dtype=torch.uint8)
    return values.view(len(images), SIDE, SIDE)
