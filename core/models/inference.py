"""A network's predictions."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from core.data.batches import SIDE
from core.responses import Digit


def normalize(images: Tensor) -> Tensor:
    """Convert uint8 (N, 28, 28) to float32 (N, 1, 28, 28) in [-1, 1]: Normalize(0.5, 0.5)."""
    return images.unsqueeze(1).float().div_(255).sub_(0.5).div_(0.5)


def predict(model: nn.Module, images: Tensor, batch: int = 1000) -> Tensor:
    """Return the logits (N, classes), on the CPU, of uint8 images (N, 28, 28).

    The network may be on any device; it stays in evaluation mode.
    """
    model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode():
        parts = [model(normalize(part).to(device)).float().cpu() for part in images.split(batch)]
    return torch.cat(parts)


def predict_digits(
    model: nn.Module, images: Tensor, labels: Tensor, indices: tuple[int, ...]
) -> tuple[Digit, ...]:
    """Predict the images (N, 28, 28) at those indices; indices out of range are skipped."""
    chosen = [index for index in indices if 0 <= index < len(images)]
    if not chosen:
        return ()
    digits = _predict(model, images[chosen])
    return tuple(
        replace(digit, index=index, label=int(labels[index]))
        for index, digit in zip(chosen, digits, strict=True)
    )


def predict_images(model: nn.Module, images: tuple[bytes, ...]) -> tuple[Digit, ...]:
    """Predict images of 784 bytes each; others are skipped. A digit's index is its image's."""
    places = [place for place, image in enumerate(images) if len(image) == SIDE * SIDE]
    if not places:
        return ()
    values = bytearray(b"".join(images[place] for place in places))
    digits = _predict(model, torch.frombuffer(values, dtype=torch.uint8).view(-1, SIDE, SIDE))
    return tuple(replace(digit, index=place) for place, digit in zip(places, digits, strict=True))


def _predict(model: nn.Module, images: Tensor) -> list[Digit]:
    """Predict uint8 images (N, 28, 28), without index and label."""
    rows = predict(model, images).tolist()
    return [
        Digit(0, bytes(image.flatten().tolist()), None, tuple(row))
        for image, row in zip(images, rows, strict=True)
    ]
