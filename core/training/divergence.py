"""Decides when training has diverged: a loss or a weight is NaN or infinite."""

from collections.abc import Iterable, Sequence
from math import isfinite

from torch import Tensor

from core.errors import Diverged


def check_losses(losses: Sequence[float], step: int, learning_rate: float) -> None:
    """Raise Diverged for the first loss that is not finite; the last one is that of `step`."""
    for place, loss in enumerate(losses, step - len(losses) + 1):
        if not isfinite(loss):
            raise _diverged(place, learning_rate)


def check_weights(weights: Iterable[Tensor], step: int, learning_rate: float) -> None:
    """Raise Diverged where a weight is not finite."""
    if not all(bool(each.isfinite().all()) for each in weights):
        raise _diverged(step, learning_rate)


def _diverged(step: int, learning_rate: float) -> Diverged:
    return Diverged(
        f"training diverged by step {step:,}: the loss became NaN or infinite; "
        f"try a learning rate below {learning_rate:g}"
    )
