"""In which order an epoch takes its digits, by how many at a time, and how it moves them.

All of it is a function of the seed and the epoch alone, so that a run can be taken up at any step
without replaying what came before.
"""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

# Digits gathered at a time: one gather for many batches, small enough to stay in the cache.
GATHERED = 4096
SIDE = 28


def epoch_order(seed: int, epoch: int, count: int) -> Tensor:
    """The order (count,) in which an epoch takes its digits."""
    return torch.randperm(count, generator=_generator(f"{seed} {epoch}"))


def epoch_shifts(seed: int, epoch: int, count: int, most: int) -> Tensor:
    """How far (count, 2) an epoch moves the digits it takes, down and right: -most to most."""
    generator = _generator(f"{seed} {epoch} shift")
    return torch.randint(-most, most + 1, (count, 2), generator=generator)


def _generator(key: str) -> torch.Generator:
    mixed = hashlib.sha256(key.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(mixed[:8]) >> 1)


def batches(
    images: Tensor, labels: Tensor, order: Tensor, size: int, shifts: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (size, 1, 28, 28) and labels (size,) in that order; the last batch may be smaller.

    With shifts (count, 2), one for each place of the order, the images are moved so far; they are
    then given with a margin, as `with_margin` makes it.
    """
    block = max(1, GATHERED // size) * size
    moves = order.split(block) if shifts is None else shifts.split(block)
    for chosen, moved in zip(order.split(block), moves, strict=True):
        taken = images[chosen] if shifts is None else shifted(images, chosen, moved)
        yield from zip(taken.split(size), labels[chosen].split(size), strict=True)


def with_margin(images: Tensor, width: int) -> Tensor:
    """The images (N, 1, 28, 28) in a margin of paper, for `shifted`."""
    return functional.pad(images, (width,) * 4, value=-1.0)


def shifted(images: Tensor, chosen: Tensor, moved: Tensor) -> Tensor:
    """The chosen of those images, each (1, 28, 28) moved by its pair of (N, 2) down and right."""
    width = (images.shape[-1] - SIDE) // 2
    windows = images.unfold(2, SIDE, 1).unfold(3, SIDE, 1)  # (N, 1, down, right, 28, 28), a view
    down, right = (width - moved).unbind(1)
    return windows[chosen, 0, down, right].unsqueeze(1)
