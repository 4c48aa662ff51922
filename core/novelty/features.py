"""Describe an image by the directions of its strokes in each part of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

BOX = 20  # the longer side of the ink, in pixels, as in MNIST
INK = 50  # the least value of a pixel that counts towards the size of the ink
DIRECTIONS, CELLS = 8, 6
BATCH = 250  # whose intermediate values stay in the cache
WIDTH = DIRECTIONS * CELLS * CELLS  # features of an image


def compute_features(images: Tensor) -> Tensor:
    """Return the features (N, WIDTH), of length 1, of uint8 images (N, 28, 28).

    They are a histogram of oriented gradients (Dalal and Triggs, 2005) in 6×6 overlapping cells.
    The place and the size of the ink do not matter.
    """
    with torch.inference_mode():
        return torch.cat([_describe(_center(part)) for part in images.split(BATCH)])


def _center(images: Tensor) -> Tensor:
    """Return images (N, 1, 28, 28), 0 to 1, with the ink scaled and centred as in MNIST."""
    values = images.float() / 255
    side = values.shape[-1]
    has_ink = images >= INK
    places = torch.arange(side, dtype=torch.float32)
    mass = values.sum((1, 2)).clamp(min=1e-3)
    sides = torch.maximum(_measure(has_ink.any(1)), _measure(has_ink.any(2)))
    steps = (places - (side - 1) / 2) * (sides.clamp(min=4) / BOX)[:, None]  # (N, 28)
    across, down = (
        # Linear interpolation between the pixels of an axis, as a matrix product.
        functional.relu(1 - (center[:, None, None] + steps[:, :, None] - places).abs())
        for center in ((values.sum(axis) * places).sum(1) / mass for axis in (1, 2))
    )
    return (down @ values @ across.transpose(1, 2)).unsqueeze(1)


def _measure(has_ink: Tensor) -> Tensor:
    """Return how many places (N,) lie between the first and the last with ink of (N, 28)."""
    length = has_ink.shape[1]
    first, last = has_ink.float().argmax(1), length - has_ink.flip(1).float().argmax(1)
    return (last - first).float()


def _describe(values: Tensor) -> Tensor:
    """Return the features (N, WIDTH) of centred images (N, 1, 28, 28)."""
    edges = functional.relu(functional.conv2d(values, _direction_kernels()))  # (N, 8, 24, 24)
    strength = edges.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)
    # Squared, so that an edge counts for its own direction and its neighbours only.
    edges = edges.square() / strength
    cells = functional.avg_pool2d(functional.pad(edges, (1,) * 4), 6, 4)  # (N, 8, 6, 6)
    return functional.normalize(cells.flatten(1).sqrt())


def _direction_kernels() -> Tensor:
    """Return 5×5 kernels (DIRECTIONS, 1, 5, 5): central differences of an image blurred 3×3."""
    blur = torch.ones(1, 1, 3, 3) / 9
    difference = torch.zeros(2, 1, 3, 3)
    difference[0, 0, 1] = difference[1, 0, :, 1] = torch.tensor([-1.0, 0.0, 1.0])
    both = functional.conv2d(functional.pad(blur, (2,) * 4), difference).squeeze(0)  # (2, 5, 5)
    angles = torch.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS
    turned = angles.cos()[:, None, None] * both[0] + angles.sin()[:, None, None] * both[1]
    return turned.unsqueeze(1)
