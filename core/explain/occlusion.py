"""What each place of an image contributes to a class: a patch of paper covers it.

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section
4.2, with smaller patches.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.data.batches import SIDE
from core.errors import UsageError
from core.explain.gradients import log_odds, predict_finite
from core.explain.slices import as_pixels, images_per_batch, in_slices
from core.models.inference import predict, prepare_input
from core.models.inspection import pass_image, to_bytes
from core.responses.explanations import OcclusionExplained

PATCH = 4
PLACES = SIDE + PATCH - 1  # of the patch in a row: it reaches over the border, see _cover


def explain_occlusion(
    model: nn.Module, image: bytes, target: int | None, other: int | None
) -> Iterator[OcclusionExplained]:
    """Yield what each pixel of an image of 784 bytes contributes to a class, as far as known.

    A patch slides over the image, a pixel at a time. A pixel's cost is the mean of what the score
    falls by for the patches that cover it, 16 for each pixel. `target` None is the predicted class;
    the score is its log-odds, with `other` its logit less that of the other class. Raises
    UserError.
    """
    last = yield from in_slices(_slide(model, image, target, other))
    yield last


def _slide(
    model: nn.Module, image: bytes, target: int | None, other: int | None
) -> Generator[OcclusionExplained, None, OcclusionExplained]:
    """Yield the answer so far after each batch of places, and return the last."""
    digit = predict_finite(model, image)
    target = digit.predicted if target is None else target
    if target == other:
        raise UsageError("choose two different classes to compare")
    score = float(_score(torch.tensor([digit.logits]), target, other))
    falls = torch.zeros(PLACES * PLACES, dtype=torch.float64)
    known = 0

    def answer(done: float) -> OcclusionExplained:
        costs = functional.avg_pool2d(falls.view(1, PLACES, PLACES), PATCH, stride=1)
        values, largest = to_bytes(costs, float(costs.abs().amax()))
        return OcclusionExplained(
            digit=digit,
            target=target,
            other=other,
            score=score,
            costs=values,
            largest=largest,
            step=0,
            done=done,
        )

    pixels = as_pixels((image,))
    covered, changed = _cover(pixels[0])
    passes, _ = pass_image(model, prepare_input(model, pixels))
    yield answer(0.0)
    for places in changed.split(images_per_batch(passes)):
        scores = _score(predict(model, covered[places], len(places)), target, other)
        falls[places] = (score - scores).nan_to_num(0.0, 0.0, 0.0)
        known += len(places)
        yield answer(known / (len(changed) + 1))
    return answer(1.0)


def _cover(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the image with the patch in each place, uint8 (places, 28, 28), and the indices of
    those that differ from the image.

    The patch reaches over the border by up to 3 pixels, so that all pixels are covered equally
    often. Where it covers nothing but paper nothing changes.
    """
    offsets = torch.arange(SIDE)[None] - torch.arange(1 - PATCH, SIDE)[:, None]
    inside = (offsets >= 0) & (offsets < PATCH)  # (places in a row, 28)
    patches = (inside[:, None, :, None] & inside[None, :, None, :]).view(-1, SIDE, SIDE)
    changes = (patches & (pixels > 0)).flatten(1).any(1)
    return pixels.masked_fill(patches, 0), changes.nonzero()[:, 0]


def _score(logits: Tensor, target: int, other: int | None) -> Tensor:
    """Return the score (N,) of a class, of logits (N, classes)."""
    exact = logits.double()
    return log_odds(exact, target) if other is None else exact[:, target] - exact[:, other]
