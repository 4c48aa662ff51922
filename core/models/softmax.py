"""Softmax over many rows of logits with numpy, for code that must not load torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import ndarray


def softmax(logits: ndarray) -> ndarray:
    """Return the probabilities (…, classes) of finite logits (…, classes)."""
    import numpy

    # Subtract the largest logit, so that exp cannot overflow.
    exponentials = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
