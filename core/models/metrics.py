"""Metrics. To add one: a function (logits (N, classes), labels (N,)) -> float, and its line."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def loss(logits: Tensor, labels: Tensor) -> float:
    """Return the mean cross-entropy, in nats."""
    return functional.cross_entropy(logits.float(), labels).item()


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of correct predictions, 0 to 1."""
    return (logits.argmax(1) == labels).double().mean().item()


METRICS: dict[str, Callable[[Tensor, Tensor], float]] = {
    "loss": loss,
    "accuracy": accuracy,
}


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """Count predictions (classes, classes): rows are the actual class, columns the predicted."""
    classes = logits.shape[1]
    cells = labels * classes + logits.argmax(1)
    return torch.bincount(cells, minlength=classes * classes).view(classes, classes)
