"""Learning rate schedules. To add one: a function, and its line.

A schedule is a function (step, steps) -> factor of the learning rate, for steps counted from 0. It
depends on nothing else, so that a run can be resumed at any step.
"""

import math
from collections.abc import Callable

WARM_UP = 0.3  # onecycle's share of steps until its peak
FIRST, LAST = 1 / 25, 1 / 250_000  # onecycle's factors at both ends


def constant(step: int, steps: int) -> float:
    return 1.0


def onecycle(step: int, steps: int) -> float:
    """Rise from 1/25 and fall to nearly 0, both along a cosine: Smith and Topin,
    "Super-Convergence" (2018), with the shares of torch.optim.lr_scheduler.OneCycleLR.
    """
    peak = WARM_UP * steps - 1
    if step <= peak:
        return _between(FIRST, 1.0, step / peak)
    return _between(1.0, LAST, min(1.0, (step - max(peak, 0)) / max(steps - 1 - max(peak, 0), 1)))


def cosine(step: int, steps: int) -> float:
    """Fall to 0 along half a cosine: Loshchilov and Hutter, "SGDR" (2017), one cycle."""
    return _between(1.0, 0.0, step / steps)


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": constant,
    "onecycle": onecycle,
    "cosine": cosine,
}
# These depend on the total of steps, so such a run cannot be resumed with more epochs.
PLANNED = ("onecycle", "cosine")
