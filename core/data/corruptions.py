"""Corruptions of images, to evaluate a network on images that it was not trained on.

To add one: a function (uint8 images (N, 28, 28), strength, generator) -> the same shape, and its
entry in CORRUPTIONS. Five levels each, as in ImageNet-C (Hendrycks & Dietterich 2019,
https://arxiv.org/abs/1903.12261) and for digits in MNIST-C (Mu & Gilmer 2019,
https://arxiv.org/abs/1906.02337); the strengths are our own, chosen on the last 10,000 training
images of MNIST: level 1 hardly hurts a `mlp`, level 5 breaks it. No torch is imported here: the
help and the screen list the kinds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import UsageError
from core.responses.scores import Corruption

if TYPE_CHECKING:
    from torch import Generator, Tensor

# Random numbers are drawn for this many images at a time, whatever the caller's batches are.
BLOCK = 200
HIDDEN = 128  # the grey of a covered square, as in Zeiler & Fergus, https://arxiv.org/abs/1311.2901


def add_noise(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Add normally distributed noise to each pixel; `strength` is its standard deviation."""
    import torch

    return _to_bytes(images + strength * torch.randn(images.shape, generator=generator))


def blur(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Blur with a Gaussian kernel whose standard deviation is `strength` pixels."""
    from torch.nn import functional

    if not strength:
        return images
    reach = math.ceil(3 * strength)
    weights = [math.exp(-((place / strength) ** 2) / 2) for place in range(-reach, reach + 1)]
    blurred = images.float()
    side = images.shape[-1]
    # Sums of shifted images and no convolution: the same bits with any number of threads.
    for dimension, padding in ((1, (0, 0, reach, reach)), (2, (reach, reach, 0, 0))):
        padded = functional.pad(blurred, padding)
        parts = (
            weight / sum(weights) * padded.narrow(dimension, start, side)
            for start, weight in enumerate(weights)
        )
        blurred = next(parts)
        for part in parts:
            blurred = blurred + part
    return _to_bytes(blurred)


def shift(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Shift each image by `strength` pixels, up, down, left or right at random."""
    import torch
    from torch.nn import functional

    by, side = int(strength), images.shape[-1]
    padded = functional.pad(images, (by, by, by, by))
    corners = ((0, by), (2 * by, by), (by, 0), (by, 2 * by))
    shifted = torch.stack([padded[:, y : y + side, x : x + side] for y, x in corners])
    chosen = torch.randint(4, (len(images),), generator=generator)
    return shifted[chosen, torch.arange(len(images))]


def rotate(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Rotate each image by `strength` degrees, to the left or to the right at random."""
    import torch

    sign = 2 * torch.randint(2, (len(images),), generator=generator) - 1
    angle = torch.deg2rad(sign * strength)
    return _resample(images, angle.cos(), angle.sin())


def scale(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Scale each image by the factor `strength` around its centre; below 1 it gets smaller."""
    import torch

    inverse = torch.full((len(images),), 1 / strength)
    return _resample(images, inverse, torch.zeros(len(images)))


def invert(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Mix each image with its negative, which has the share `strength`: at 0.5 it is flat grey."""
    return _to_bytes(images * (1 - strength) + (255 - images.float()) * strength)


def occlude(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Cover a grey square of `strength` pixels a side, at a random place in each image."""
    import torch

    side, size = int(strength), images.shape[-1]
    corner = torch.randint(size - side + 1, (2, len(images), 1), generator=generator)
    places = torch.arange(size)
    rows, columns = (places >= corner) & (places < corner + side)
    return images.masked_fill(rows[:, :, None] & columns[:, None, :], HIDDEN)


def _to_bytes(images: Tensor) -> Tensor:
    import torch

    return images.round().clamp(0, 255).to(torch.uint8)


def _resample(images: Tensor, along: Tensor, across: Tensor) -> Tensor:
    """Return the images under ((along, -across), (across, along)), which maps places in the result
    to places in the image; bilinear, with paper around it."""
    import torch
    from torch.nn import functional

    zero = torch.zeros_like(along)
    maps = torch.stack([along, -across, zero, across, along, zero], 1).view(-1, 2, 3)
    shape = [len(images), 1, *images.shape[1:]]
    grid = functional.affine_grid(maps, shape, align_corners=False)
    found = functional.grid_sample(images[:, None].float(), grid, align_corners=False)
    return _to_bytes(found[:, 0])


@dataclass(frozen=True)
class CorruptionKind:
    """`levels` are the strengths 1 to 5 in `unit`, any strength in `least` to `most` is allowed;
    `identity` is the strength that leaves an image as it is."""

    apply: Callable[[Tensor, float, Generator], Tensor]
    unit: str
    levels: tuple[float, float, float, float, float]
    most: float
    least: float = 0.0
    identity: float = 0.0
    is_whole: bool = False  # whether a strength is a whole number


CORRUPTIONS = {
    "noise": CorruptionKind(add_noise, "grey levels (std)", (60, 120, 200, 300, 500), 1000),
    "blur": CorruptionKind(blur, "pixels (sigma)", (1, 1.5, 2, 2.5, 3.5), 14),
    "shift": CorruptionKind(shift, "pixels", (1, 2, 3, 4, 6), 27, is_whole=True),
    "rotate": CorruptionKind(rotate, "degrees", (10, 20, 30, 45, 60), 180),
    "scale": CorruptionKind(scale, "factor", (0.9, 0.8, 0.7, 0.6, 0.4), 4, least=0.1, identity=1),
    "invert": CorruptionKind(invert, "share of negative", (0.3, 0.4, 0.45, 0.48, 1), 1),
    "occlude": CorruptionKind(occlude, "pixels a side", (4, 8, 12, 16, 20), 28, is_whole=True),
}
LEVELS = 5  # of each kind
ALL = "all"  # every kind, for a table


def describe_corruption(corruption: Corruption) -> str:
    """Return "noise 80 grey levels (std)"."""
    unit = CORRUPTIONS[corruption.kind].unit
    return f"{corruption.kind} {corruption.strength:g} {unit}"


def list_levels(kind: str, seed: int = 0) -> tuple[Corruption, ...]:
    """Return a kind at each of its levels; with ALL, those of all kinds."""
    kinds = CORRUPTIONS if kind == ALL else (kind,)
    return tuple(
        Corruption(name, each, seed) for name in kinds for each in CORRUPTIONS[name].levels
    )


def parse_corruption(text: str, seed: int = 0) -> tuple[Corruption, ...]:
    """Return what KIND, KIND:STRENGTH or `all` names. Raises UsageError."""
    name, colon, number = text.partition(":")
    if name not in CORRUPTIONS and (name != ALL or colon):
        raise UsageError(
            f"--corrupt must be {ALL} or KIND[:STRENGTH] with one of the kinds "
            f"{', '.join(CORRUPTIONS)}, not {text!r}"
        )
    if not colon:
        return list_levels(name, seed)
    kind = CORRUPTIONS[name]
    try:
        strength = float(number)
    except ValueError:
        strength = math.nan
    is_allowed = kind.least <= strength <= kind.most
    if not is_allowed or (kind.is_whole and strength != int(strength)):
        whole = "whole " if kind.is_whole else ""
        raise UsageError(
            f"--corrupt {name}: the strength, in {kind.unit}, must be a {whole}number, "
            f"{kind.least:g} to {kind.most:g}, not {number!r}"
        )
    return (Corruption(name, strength, seed),)


def blocks(samples: int) -> Iterator[slice]:
    """Yield the blocks of `samples` images, of at most BLOCK images each.

    A block is spread evenly over all images: the first few are a sample of them, also where images
    are sorted by class.
    """
    count = -(-samples // BLOCK)
    return (slice(first, None, count) for first in range(count))


def corrupt_block(images: Tensor, number: int, corruption: Corruption) -> Tensor:
    """Return the images of a block, uint8 (N, 28, 28), corrupted.

    The same block, kind, strength and seed give the same bits, on the CPU. The random numbers do
    not depend on the strength, so that a stronger corruption is more of the same.
    """
    import torch

    named = f"{corruption.seed} {corruption.kind} {number}".encode()
    seed = int.from_bytes(hashlib.blake2b(named, digest_size=7).digest(), "big")
    generator = torch.Generator().manual_seed(seed)
    return CORRUPTIONS[corruption.kind].apply(images.cpu(), corruption.strength, generator)


def corrupt(images: Tensor, corruption: Corruption) -> Tensor:
    """Return all images, uint8 (N, 28, 28), corrupted; see corrupt_block."""
    import torch

    result = torch.empty_like(images, device="cpu")
    for number, block in enumerate(blocks(len(images))):
        result[block] = corrupt_block(images[block], number, corruption)
    return result
