"""In which order an epoch takes its digits, and by how many at a time."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

# Digits gathered at a time: one gather for many batches, small enough to stay in the cache.
GATHERED = 4096


def epoch_order(seed: int, epoch: int, count: int) -> Tensor:
    """The order (count,) in which an epoch takes its digits: a function of these three alone, so
    that a run can be taken up anywhere without replaying what came before.
    """
    mixed = hashlib.sha256(f"{seed} {epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(mixed[:8]) >> 1)
    return torch.randperm(count, generator=generator)


def batches(
    images: Tensor, labels: Tensor, order: Tensor, size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (size, 1, 28, 28) and labels (size,) in that order; the last batch may be smaller."""
    for block in order.split(max(1, GATHERED // size) * size):
        yield from zip(images[block].split(size), labels[block].split(size), strict=True)
