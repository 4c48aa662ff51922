"""A network's predictions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from core.data.batches import SIDE
from core.digit import Digit
from core.models.build_network import widest_output
from core.models.input_scaling import get_scaling

MOST_VALUES = 5 * 10**7  # of the output of a layer at a time, of a network from any file


def prepare_input(model: nn.Module, images: Tensor) -> Tensor:
    """Convert uint8 (N, 28, 28) to the network's input: float32 (N, 1, 28, 28) on its device,
    scaled as the images that it was trained on."""
    return get_scaling(model).apply(images).to(next(model.parameters()).device)


def predict(model: nn.Module, images: Tensor, batch: int = 1000) -> Tensor:
    """Return the logits (N, classes), on the CPU, of uint8 images (N, 28, 28).

    The network may be on any device; it stays in evaluation mode. Of one with wide layers fewer
    images than `batch` are in memory at a time.
    """
    model.eval()
    batch = max(1, min(batch, MOST_VALUES // widest_output(model)))
    with torch.inference_mode(), full_float32():
        parts = [model(prepare_input(model, part)).float().cpu() for part in images.split(batch)]
    return torch.cat(parts)


@contextmanager
def full_float32() -> Iterator[None]:
    """Let a GPU multiply and convolve in float32 and not in TF32, which a route may have set, so
    that a network scores the same during training and afterwards."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def predict_digits(
    model: nn.Module, images: Tensor, labels: Tensor, indices: tuple[int, ...]
) -> tuple[Digit, ...]:
    """Predict the images (N, 28, 28) at those indices; indices out of range are skipped."""
    chosen = [index for index in indices if 0 <= index < len(images)]
    return _predict(model, images[chosen], chosen, labels[chosen].tolist())


def predict_images(model: nn.Module, images: tuple[bytes, ...]) -> tuple[Digit, ...]:
    """Predict images of 784 bytes each; others are skipped. A digit's index is its image's."""
    places = [place for place, image in enumerate(images) if len(image) == SIDE * SIDE]
    values = torch.tensor([list(images[place]) for place in places], dtype=torch.uint8)
    return _predict(model, values.view(len(places), SIDE, SIDE), places, [None] * len(places))


def _predict(
    model: nn.Module, images: Tensor, indices: list[int], labels: Sequence[int | None]
) -> tuple[Digit, ...]:
    """Predict uint8 images (N, 28, 28); the result has those indices and labels."""
    rows = predict(model, images).tolist() if indices else []
    pixels = [bytes(image.flatten().tolist()) for image in images]
    digits = zip(indices, pixels, labels, map(tuple, rows), strict=True)
    return tuple(Digit(*each) for each in digits)
