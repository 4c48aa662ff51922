"""Find a learning rate: train a copy of the fresh network for a moment while its rate grows, and
suggest the rate at which the loss fell fastest.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017, arXiv 1506.01186), section 3.3,
with a rate that grows exponentially. torch is imported where steps are trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING

from core.config import TrainConfig
from core.errors import DeviceError, UserError, first_line
from core.events import Notice, Preparing
from core.responses.rates import HIGHEST, LOWEST, STEPS, RatesTried, TriedRate
from core.runs.data_folder import load_run_data
from core.training.setup import Setup, resolve_setup

if TYPE_CHECKING:
    import torch

    from core.data.datasets import Tensors

RULE = "where the smoothed loss falls fastest over the logarithm of the rate"
# The search ends where the newest losses, smoothed, are over so many times their least.
DIVERGED = 4.0
# The standard deviation of the bell curve that smooths the losses, in steps of 3% of the rate each,
# and where it is cut off.
SPREAD, CUT = 5.0, 15
WEIGHTS = [math.exp(-0.5 * (steps / SPREAD) ** 2) for steps in range(CUT + 1)]
# The loss must fall by this share of what it was at first.
LEAST_FALL = 0.1
# A loss counts as at most so many times what it was at first, where all of them are smoothed: one
# that explodes would reach back over the steps before it.
MOST_COUNTED = 2.0

# Over five seeds the suggestions for mlp with Adam differ by a factor of 1.4 with batches of 32
# images, of 3.5 with 8 and of 13 with 4.
SMALL_BATCH = 16


def rate_of_step(step: int) -> float:
    """Return the learning rate of a step, counted from 0 to STEPS - 1."""
    return float(LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1)))


class RateSearch:
    """A search for a learning rate, for a run with this config.

    The first weights, the batches, the optimizer, the device and the route are those of such a run;
    its own rate and its schedule are not used, and no route is measured. Where the images are fewer
    than STEPS batches, those of further epochs follow. Nothing is written, but files of the dataset
    are downloaded as for a run.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._doing: Preparing | None = None
        self._losses: list[float] = []
        self._notes: list[str] = []
        self._stopped = ""
        self._is_over = False

    def parts(self) -> Iterator[None]:
        """Do the work, and yield after each step. In between, PyTorch's random numbers and threads
        are as they were. Raises UserError."""
        setup = resolve_setup(self._config, find_dataset=False, writes=False)
        loading = load_run_data(self._config.dataset, {}, self._config.data)
        while True:
            try:
                event = next(loading)
            except StopIteration as done:
                dataset, tensors = done.value
                break
            if isinstance(event, Preparing):
                self._doing = event
            elif isinstance(event, Notice):
                self._notes.append(event.message)
            yield
        self._doing = None
        setup = setup.with_dataset(dataset, len(tensors.train_labels))
        self._note(setup)
        ends: list[float] = []  # each loss smoothed with those before it alone
        for loss in _apart(_train(setup, tensors), setup.device):
            rate = rate_of_step(len(self._losses))
            if not math.isfinite(loss):
                self._stopped = f"the loss became NaN or infinite at rate {rate:.2g}"
                break
            self._losses.append(loss)
            ends.append(_smooth_at(self._losses, len(self._losses) - 1))
            if ends[-1] > DIVERGED * min(ends):
                self._stopped = (
                    f"the loss rose to {DIVERGED:g} times its lowest value at rate {rate:.2g}"
                )
                break
            yield
        self._is_over = True
        yield

    def report(self, request: int = 0) -> RatesTried:
        """Return what is known so far; at the end with the suggestion, or why there is none."""
        losses = self._losses
        suggestion, rule = suggest(losses) if self._is_over else (None, "")
        smoothed = smooth(losses)
        return RatesTried(
            points=tuple(
                TriedRate(rate_of_step(step), loss, smoothed[step])
                for step, loss in enumerate(losses)
            ),
            steps=STEPS,
            suggestion=suggestion,
            rule=rule,
            stopped=self._stopped,
            doing=self._doing,
            notes=tuple(self._notes),
            is_last=self._is_over,
            request=request,
        )

    def _note(self, setup: Setup) -> None:
        """Note what a person may not expect."""
        if self._config.schedule != "constant":
            self._notes.append(
                f"the schedule {self._config.schedule} is ignored here; the rate is its peak"
            )
        if self._config.batch_size < SMALL_BATCH:
            self._notes.append(
                f"batches of fewer than {SMALL_BATCH} images have noisy losses, so the suggestion "
                "is uncertain: compare those of several seeds"
            )
        if setup.steps_per_epoch < STEPS:
            steps, epochs = setup.steps_per_epoch, math.ceil(STEPS / setup.steps_per_epoch)
            self._notes.append(
                f"an epoch has {steps} steps, so the search sees each image up to {epochs} times"
            )


def suggest(losses: Sequence[float]) -> tuple[float | None, str]:
    """Return the rate to suggest, or None, and the rule in words. `losses` are those of the steps
    from the first on.

    It is the rate of the step at which the smoothed loss falls fastest over the logarithm of the
    rate, up to its minimum; two digits of it. The slope is that between the step before and the
    step after. The first and the last step have no slope. A factor on all losses changes nothing.
    """
    smoothed = smooth(losses)
    least = min(range(len(smoothed)), key=smoothed.__getitem__, default=0)
    places = range(1, min(least, len(smoothed) - 2) + 1)
    if not places or smoothed[least] > (1 - LEAST_FALL) * at_first(losses):
        return None, f"the smoothed loss did not fall by {LEAST_FALL:.0%}"
    steepest = min(places, key=lambda place: smoothed[place + 1] - smoothed[place - 1])
    rate = float(f"{rate_of_step(steepest):.1e}")
    return rate, RULE


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the mean of each loss and those around it, weighted by a bell curve (WEIGHTS). At both
    ends the mean is over the steps that there are."""
    highest = MOST_COUNTED * at_first(losses)
    counted = [min(loss, highest) for loss in losses]
    return [_smooth_at(counted, place) for place in range(len(counted))]


def at_first(losses: Sequence[float]) -> float:
    """Return the mean of the first losses, of rates at which nothing is learned yet."""
    first = losses[: 2 * CUT + 1]
    return sum(first) / len(first) if first else 0.0


def _smooth_at(losses: Sequence[float], place: int) -> float:
    near = range(max(0, place - CUT), min(len(losses), place + CUT + 1))
    weights = [WEIGHTS[abs(step - place)] for step in near]
    total = sum(weight * losses[step] for weight, step in zip(weights, near, strict=True))
    return total / sum(weights)


def _train(setup: Setup, tensors: Tensors) -> Iterator[float]:
    """Yield the loss of each step, before its update."""
    from core.training.learner import Learner

    none = {"test_images": tensors.test_images[:0], "test_labels": tensors.test_labels[:0]}
    needed = tensors._replace(**none)
    learner = Learner(setup.config, setup.route, needed, setup.device, network=setup.network)
    learner.capture()  # where that fails, the steps are the same and slower
    batches = chain.from_iterable(learner.batches(epoch, 0) for epoch in count())
    for step, (images, labels) in zip(range(STEPS), batches, strict=False):
        yield learner.step(images, labels, rate_of_step(step)).item()


def _apart(losses: Iterator[float], device: torch.device) -> Iterator[float]:
    """Yield from an iterator that has random numbers and threads of its own: those of the process
    are as before whenever another part of the program has its turn. Raises UserError."""
    from core.compute.process_state import kept_state, take_state

    own = None
    while True:
        with kept_state(device):
            if own:
                own.restore(device)
            try:
                loss = next(losses, None)
            except UserError:
                raise
            # Memory may run out, a driver fail, and code of the user's raise anything.
            except (Exception, SystemExit) as error:
                raise DeviceError(f"{device} failed: {first_line(error)}") from None
            own = take_state(device)
        if loss is None:
            return
        yield loss
