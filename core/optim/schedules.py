"""How the learning rate goes over a run. To add a schedule: a function, and its line.

A schedule is a function (step, steps) -> factor of the learning rate, for steps counted from 0: of
nothing else, so that a run can be taken up at any step.
"""

import math
from collections.abc import Callable

WARM_UP = 0.3  # one-cycle's share of steps until its peak
FIRST, LAST = 1 / 25, 1 / 250_000  # its factors at both ends


def constant(step: int, steps: int) -> float:
    return 1.0


def onecycle(step: int, steps: int) -> float:
    """Up from 1/25 and down to nearly nothing, both along a cosine: Smith and Topin,
    "Super-Convergence" (2018), with the shares of torch.optim.lr_scheduler.OneCycleLR.
    """
    peak = WARM_UP * steps - 1
    if step <= peak:
        return _between(FIRST, 1.0, step / peak)
    return _between(1.0, LAST, min(1.0, (step - max(peak, 0)) / max(steps - 1 - max(peak, 0), 1)))


def cosine(step: int, steps: int) -> float:
    """Down to nothing along half a cosine: Loshchilov and Hutter, "SGDR" (2017), one cycle."""
    return _between(1.0, 0.0, step / steps)


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": constant,
    "onecycle": onecycle,
    "cosine": cosine,
}
# These are planned for a number of steps; another number would be another run.
PLANNED = ("onecycle", "cosine")
