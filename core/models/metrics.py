"""Figures of merit. To add one: a function (logits (N, 10), labels (N,)) -> float, and its line."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def loss(logits: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy, in nats."""
    return functional.cross_entropy(logits.float(), labels).item()


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The fraction that is right, 0 to 1."""
    return (logits.argmax(1) == labels).double().mean().item()


METRICS: dict[str, Callable[[Tensor, Tensor], float]] = {"loss": loss, "accuracy": accuracy}


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """Counts (10, 10): rows are what a digit was, columns what it was taken for."""
    classes = logits.shape[1]
    cells = labels * classes + logits.argmax(1)
    return torch.bincount(cells, minlength=classes * classes).view(classes, classes)
