"""A network that is not training: what it makes of digits."""

import torch
from torch import Tensor, nn

from core.events import Digit


def normalize(images: Tensor) -> Tensor:
    """uint8 (N, 28, 28) as float32 (N, 1, 28, 28) in [-1, 1], the article's Normalize(0.5, 0.5)."""
    return images.unsqueeze(1).float().div_(255).sub_(0.5).div_(0.5)


def predict(model: nn.Module, images: Tensor, batch: int = 1000) -> Tensor:
    """Logits (N, 10), on the CPU, of uint8 images (N, 28, 28), with the network on any device."""
    model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode():
        parts = [model(normalize(part).to(device)).float().cpu() for part in images.split(batch)]
    return torch.cat(parts)


def describe_digits(
    model: nn.Module, images: Tensor, labels: Tensor, indices: tuple[int, ...]
) -> tuple[Digit, ...]:
    """What the network makes of the images (N, 28, 28) at those indices; others are passed over."""
    chosen = [index for index in indices if 0 <= index < len(images)]
    if not chosen:
        return ()
    pixels = images[chosen]
    logits = predict(model, pixels).tolist()
    return tuple(
        Digit(index, bytes(image.flatten().tolist()), int(labels[index]), tuple(row))
        for index, image, row in zip(chosen, pixels, logits, strict=True)
    )
