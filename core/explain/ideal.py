"""An image that a network is very sure of, formed from grey.

Sources: Simonyan et al., "Deep Inside Convolutional Networks" (2013): gradient ascent of a class's
score; Mordvintsev et al., "Inceptionism" (2015): a prior that neighbouring pixels are alike. Here
that prior is a Gaussian blur of the gradient, wide at first, and a narrow one of the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import torch
from torch import Tensor, nn

from core.data.batches import SIDE
from core.explain.gradients import SMALLEST, find_gradient, predict_finite, to_grey_levels
from core.explain.slices import SLICE_SECONDS
from core.responses.explanations import IdealExplained

# Chosen by what the images of linear, mlp, cnn and quick look like: less blur gives stripes, more
# gives spots, and longer steps give black and white.
STEPS = 96
SHOWN_STEPS = 3  # from one image that is shown to the next
LENGTH = 0.5  # of the first step, the Euclidean norm of pixels from 0 to 1; the last is nearly 0
WIDEST, NARROWEST = 2.5, 0.8  # standard deviations of the gradient's blur in pixels: first, last
IMAGE_BLUR = 0.5  # of the image, at the first one that is shown; it fades, so that the end is sure
GREY = 0.5


def explain_ideal(model: nn.Module, target: int) -> Iterator[IdealExplained]:
    """Yield the image of a class while it forms, from grey in a fixed number of steps.

    They ascend the log-odds of the class against all others. Raises UserError.
    """
    pixels = torch.full((SIDE, SIDE), GREY, device=next(model.parameters()).device)
    since = perf_counter()
    for step in range(STEPS):
        share = step / STEPS
        pixels = _ascend(model, pixels, target, share)
        is_shown = (step + 1) % SHOWN_STEPS == 0
        if is_shown:
            pixels = _blur(pixels, IMAGE_BLUR * (1 - share))
        # Where steps are slow, after each: the next one takes no longer than those before it.
        if is_shown or perf_counter() - since > SLICE_SECONDS / 2:
            ideal = predict_finite(model, to_grey_levels(pixels))
            yield IdealExplained(ideal=ideal, target=target, step=0, done=(step + 1) / STEPS)
            since = perf_counter()


def _ascend(model: nn.Module, pixels: Tensor, target: int, share: float) -> Tensor:
    """Return the pixels (28, 28) after a step; `share` of all steps come before it."""
    _, gradient = find_gradient(model, pixels, target)
    direction = _blur(gradient, WIDEST * (NARROWEST / WIDEST) ** share)
    length = LENGTH * (1 - share) / max(float(direction.norm()), SMALLEST)
    return (pixels + length * direction).clamp(0, 1)


def _blur(values: Tensor, deviation: float) -> Tensor:
    """Return values (28, 28) as weighted means of their neighbours, which a Gaussian weighs."""
    places = torch.arange(SIDE, device=values.device, dtype=values.dtype)
    distances = (places[:, None] - places) / deviation
    weights = torch.exp(-(distances**2) / 2)
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ values @ weights.t()
