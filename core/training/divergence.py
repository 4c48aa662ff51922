"""Decides when training has diverged, and what to try instead. No torch here.

A loss or a weight is NaN or infinite, or a loss is over LIMIT times that of guessing. Training
losses jump, so their mean over a block of steps is compared. Blocks are counted from the run's
first step, and a checkpoint has the sum of the block in progress: so a run diverges at the same
step, however often it was reported on, paused or resumed on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite, log
from typing import TYPE_CHECKING

from core.config import TrainConfig
from core.errors import Diverged

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_STEPS = 50
LIMIT = 1_000
# Learning rates at which the networks here learn, by optimizer.
SAFE_RATES = {"adam": 0.001, "adamw": 0.001, "sgd": 0.01}


class LossCheck:
    """Checks the losses of one run. `total` is the sum of the training losses of the block in
    progress; None where the first of them are unknown, then that block is not judged."""

    def __init__(self, classes: int) -> None:
        """`classes` is the number of classes of the network."""
        self.guessing = log(classes)  # the loss of equal probabilities for all
        self.total: float | None = 0.0

    def resume(self, step: int, total: float | None) -> None:
        """Continue at a checkpoint's step, with its total; earlier versions saved none."""
        self.total = total if step % BLOCK_STEPS else 0.0

    def add(self, losses: Sequence[float], step: int, config: TrainConfig) -> None:
        """Check the training losses of the steps up to `step`, in order. Raises Diverged."""
        for place, loss in enumerate(losses, step - len(losses) + 1):
            if not isfinite(loss):
                raise _diverged(place, NOT_FINITE, config)
            if self.total is not None:
                self.total += loss
            if place % BLOCK_STEPS:
                continue
            mean, self.total = (self.total or 0.0) / BLOCK_STEPS, 0.0
            if mean > LIMIT * self.guessing:
                steps = f"steps {place - BLOCK_STEPS + 1:,} to {place:,}"
                raise _diverged(place, self._too_large(f"training loss of {steps}", mean), config)

    def check_test_loss(self, loss: float, step: int, config: TrainConfig) -> None:
        """Raises Diverged."""
        if not isfinite(loss):
            raise _diverged(step, NOT_FINITE, config)
        if loss > LIMIT * self.guessing:
            raise _diverged(step, self._too_large("test loss", loss), config)

    def _too_large(self, what: str, loss: float) -> str:
        return f"the mean {what} is {loss:.2g}, over {LIMIT:,} times that of guessing"


NOT_FINITE = "the loss became NaN or infinite"


def check_weights(weights: Iterable[Tensor], step: int, config: TrainConfig) -> None:
    """Raise Diverged where a weight is not finite."""
    if not all(bool(each.isfinite().all()) for each in weights):
        raise _diverged(step, NOT_FINITE, config)


def suggest_rate(rate: float, optimizer: str) -> float:
    """Return a learning rate to try after training with `rate` diverged."""
    return min(rate / 10, SAFE_RATES.get(optimizer, rate / 10))


def _diverged(step: int, what: str, config: TrainConfig) -> Diverged:
    rate = config.learning_rate
    lower = suggest_rate(rate, config.optimizer)
    return Diverged(
        f"training diverged by step {step:,}: {what}; "
        f"try a learning rate below {rate:g}, such as {lower:.1g}"
    )
