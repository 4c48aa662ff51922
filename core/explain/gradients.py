"""The score of a class, and its gradient with respect to the pixels of an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from core.digit import Digit
from core.errors import UserError
from core.models.inference import full_float32, predict_images
from core.models.input_scaling import get_scaling

NOT_FINITE = "the network's outputs are NaN or infinite: its training has diverged"
NO_GRADIENT = "the network has no gradient with respect to its image"
LARGEST_PIXEL = 255
SMALLEST = 1e-30  # that a norm is divided by, so that no gradient is no step


def predict_finite(model: nn.Module, image: bytes) -> Digit:
    """Predict an image of 784 bytes. Raises UserError where the network has diverged."""
    (digit,) = predict_images(model, (image,))
    if not all(map(math.isfinite, digit.logits)):
        raise UserError(NOT_FINITE)
    return digit


def to_grey_levels(pixels: Tensor) -> bytes:
    """Return pixels (28, 28), from 0 to 1, rounded to whole grey levels: 784 bytes."""
    levels = (pixels * LARGEST_PIXEL).round().clamp(0, LARGEST_PIXEL)
    return bytes(levels.to(torch.uint8).flatten().tolist())


def log_odds(logits: Tensor, target: int) -> Tensor:
    """Return the log-odds (N,) of a class against all others, of logits (N, classes)."""
    others = torch.cat([logits[:, :target], logits[:, target + 1 :]], 1)
    return logits[:, target] - others.logsumexp(1)


def find_gradient(model: nn.Module, pixels: Tensor, target: int) -> tuple[Tensor, Tensor]:
    """Return the logits (classes,) of an image (28, 28) of pixels from 0 to 1, on the network's
    device, and the gradient (28, 28) of the log-odds of a class with respect to the pixels.

    The gradient is that of the cross-entropy but for its length, which does not vanish where the
    network is sure. Those of the parameters are not computed. Raises UserError.
    """
    with torch.inference_mode(False), torch.enable_grad(), full_float32():
        image = pixels.clone().requires_grad_()
        logits = model(get_scaling(model).scale(image[None, None]))
        if not logits.requires_grad:
            raise UserError(NO_GRADIENT)
        (gradient,) = torch.autograd.grad(log_odds(logits.float(), target), image)
    if not logits.isfinite().all():
        raise UserError(NOT_FINITE)
    return logits.detach()[0], gradient.nan_to_num(0.0, 0.0, 0.0)
