"""Measures the routes of a network on this machine, on training steps of copies of it.

The default is left only for a route that is faster beyond doubt: times vary by a quarter from one
minute to the next, so all routes are timed in turns, and compared by their ratios to the default
within the same turn.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from time import perf_counter

import torch
from torch import Tensor

from core.compute.candidates import Choices
from core.compute.cores import cpu_cores
from core.compute.cpu_kernels import activate
from core.compute.process_state import take_state
from core.compute.routes import Route
from core.compute.usage import OtherLoad
from core.config import TrainConfig
from core.data.datasets import Tensors
from core.errors import first_line
from core.training.learner import Learner

# A route must be this much faster than the default, beyond the spread of what was measured.
WORTH = 0.02
# Measuring takes at most the larger of these seconds and this share of the planned run, but not
# longer than a person waits, ...
BUDGET_SECONDS, BUDGET_SHARE, MOST_SECONDS = 2.0, 0.02, 20.0
# ... and a run shorter than this, or of fewer steps, does not repay it.
SHORTEST_RUN, FEWEST_STEPS = 8.0, 300
# Steps are timed in groups of at least this long and this many.
GROUP_SECONDS, GROUP_STEPS = 0.03, 2
LEAST_ROUNDS, MOST_ROUNDS = 4, 16
# After one group, a value that alone makes a step so much slower is not combined with others, and
# a route that much slower than the fastest is not timed again.
SLOW_VALUE, SLOW_ROUTE = 1.5, 1.25
MOST_RACING = 6  # learners in memory at a time
# Batches that the steps repeat: many on a GPU, whose steps are shorter than drawing their order.
BATCHES = {"cpu": 8}
MANY_BATCHES = 64
RATE = 1e-4  # so small that the weights stay near those of a fresh network


@dataclass
class Measured:
    """The route to take, its speed over the default's, and why it was chosen.

    `doubt` says why the default is kept although another route seemed faster. `failed` has the
    routes that raised an error. `ratios` are seconds a step over the default's, of all routes
    that were timed, and `step_seconds` the default's, 0 where the run is too short to measure.
    """

    route: Route
    default: Route
    speedup: float = 1.0
    is_complete: bool = False  # all candidates were timed
    doubt: str | None = None
    seconds: float = 0.0
    step_seconds: float = 0.0
    ratios: dict[Route, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    against_ratio: float | None = None  # the seconds of another route, over those of this one


def budget_seconds(planned: float) -> float:
    """Return how long measuring may take in a run of that many seconds; 0 for too short a run."""
    longest = min(MOST_SECONDS, max(BUDGET_SECONDS, BUDGET_SHARE * planned))
    return 0.0 if planned < SHORTEST_RUN else longest


def measure(
    choices: Choices,
    config: TrainConfig,
    tensors: Tensors,
    device: torch.device,
    steps: int,
    seconds: float | None = None,
    against: Route | None = None,
) -> Generator[None, None, Measured]:
    """Time the routes on steps of `config`, yielding after each few, and return the fastest.

    The run has `steps` steps; `seconds` is a budget other than theirs. `against` is a route that
    is only compared with. At the end the random numbers and all else that training changes of this
    process are as before.
    """
    before = take_state(device)
    race = Race(choices, config, few_batches(tensors, config.batch_size, device), device)
    try:
        yield from race.run(steps, seconds, against)
    finally:
        before.restore(device)
    return race.result()


def few_batches(tensors: Tensors, batch_size: int, device: torch.device) -> Tensors:
    """Return the first images, a few whole batches, and no test images."""
    most = BATCHES.get(device.type, MANY_BATCHES)
    size = batch_size * max(1, min(most, len(tensors.train_labels) // batch_size))
    images, labels = tensors.train_images, tensors.train_labels
    return Tensors(images[:size], labels[:size], images[:0], labels[:0])


class Timer:
    """A learner of its own for one route, and the seconds of its steps."""

    def __init__(
        self, route: Route, config: TrainConfig, few: Tensors, device: torch.device
    ) -> None:
        """Raises RuntimeError where the route cannot be computed here."""
        self.route, self.device = route, device
        self.learner = Learner(config, route, few, device)
        if why := self.learner.capture():
            raise RuntimeError(why)
        self._batches = self._endless()
        self.rate = min(RATE, config.learning_rate)
        self.ratios: list[float] = []
        self.first_step = self.seconds_per_step(1)  # with all that is prepared only once

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        return chain.from_iterable(self.learner.batches(epoch, 0) for epoch in count())

    def seconds_per_step(self, steps: int) -> float:
        activate(self.route, self.device)
        self._wait()
        start = perf_counter()
        for _ in range(steps):
            self.learner.step(*next(self._batches), self.rate)
        self._wait()
        return (perf_counter() - start) / steps

    def _wait(self) -> None:
        if self.device.type != "cpu":
            getattr(torch, self.device.type).synchronize()

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        """How far the median may be off: about two standard errors, from the median deviation."""
        middle = self.median
        deviation = statistics.median(abs(each - middle) for each in self.ratios)
        return 2 * 1.48 * deviation / math.sqrt(len(self.ratios)) + 0.003


class Race:
    """Times the routes in turns, and leaves out those that cannot be the fastest any more."""

    def __init__(
        self, choices: Choices, config: TrainConfig, few: Tensors, device: torch.device
    ) -> None:
        self.choices, self.config, self.few, self.device = choices, config, few, device
        self.begin = perf_counter()
        self.until = math.inf
        self.rounds = 0
        self.timers: dict[Route, Timer] = {}  # those still in the race, without the default's
        self.against: Timer | None = None
        self.found = Measured(choices.default, choices.default)

    def run(self, steps: int, seconds: float | None, against: Route | None) -> Iterator[None]:
        if seconds is None and steps < FEWEST_STEPS:
            return
        self.others = OtherLoad()
        default = self._build(self.choices.default)
        if not default or not self._fits(default.first_step, steps, seconds):
            return
        step = min(default.seconds_per_step(GROUP_STEPS) for _ in range(2))
        if not self._fits(step, steps, seconds):
            return
        self.group = max(GROUP_STEPS, math.ceil(GROUP_SECONDS / step))
        self.found.step_seconds = step
        yield
        yield from self._time_all()
        self.against = self._build(against) if against else None
        while self._is_undecided() and self.rounds < MOST_ROUNDS and not self.is_over:
            yield from self._time_round(default)
            if self.rounds >= LEAST_ROUNDS:
                self._drop_slow()

    def _fits(self, step: float, steps: int, seconds: float | None) -> bool:
        """Set the budget of a run of these steps; return whether a few groups fit into it."""
        budget = budget_seconds(step * steps) if seconds is None else seconds
        self.until = self.begin + budget
        return step * (1 + GROUP_STEPS) < budget / 4

    @property
    def is_over(self) -> bool:
        return perf_counter() >= self.until

    def _is_undecided(self) -> bool:
        return bool(self.timers) or (self.against is not None and self.rounds < LEAST_ROUNDS)

    def _time_all(self) -> Iterator[None]:
        """Time each change of the default alone, then the combinations of those not much slower."""
        values: dict[str, list[str | int]] = {
            part: [each[0]] for part, each in self.choices.values.items()
        }
        for part, value, route in self.choices.single_changes():
            if self.is_over:
                return
            # A part that only other number formats have a choice in: see the combinations.
            ratio = 1.0 if route == self.choices.default else self._enter(route)
            yield
            if ratio < SLOW_VALUE:
                values[part].append(value)
        for route in self.choices.combinations(values):
            if self.is_over:
                return
            if route not in self.found.ratios and route != self.choices.default:
                self._enter(route)
                yield
        self.found.is_complete = True

    def _enter(self, route: Route) -> float:
        """Time a route for the first time; return its ratio, infinite where it fails."""
        timer = self._build(route)
        if not timer:
            return math.inf
        # The less of two, since a route that is interrupted once would look slow.
        half = max(GROUP_STEPS, self.group // 2)
        seconds = min(timer.seconds_per_step(half) for _ in range(2))
        ratios = self.found.ratios
        ratios[route] = seconds / self.found.step_seconds
        self.timers[route] = timer
        limit = SLOW_ROUTE * min(1.0, *(ratios[each] for each in self.timers))
        racing = sorted(self.timers, key=ratios.__getitem__)[:MOST_RACING]
        self.timers = {each: self.timers[each] for each in racing if ratios[each] <= limit}
        return ratios[route]

    def _build(self, route: Route) -> Timer | None:
        try:
            return Timer(route, self.config, self.few, self.device)
        # No such kernel, or no memory for one more learner. PyTorch raises both.
        except (RuntimeError, NotImplementedError) as error:
            self.found.failed[str(route)] = first_line(error)
            return None

    def _time_round(self, default: Timer) -> Iterator[None]:
        self.rounds += 1
        usual = default.seconds_per_step(self.group)
        for timer in filter(None, (self.against, *self.timers.values())):
            if self.is_over:
                return
            timer.ratios.append(timer.seconds_per_step(self.group) / usual)
            self.found.ratios[timer.route] = timer.median
            yield

    def _drop_slow(self) -> None:
        """Leave out what can neither replace the default nor be the fastest."""
        if not self.timers:
            return
        best = min(self.timers.values(), key=lambda each: each.median)
        limit = min(1 - WORTH, best.median + best.spread)
        self.timers = {
            route: each
            for route, each in self.timers.items()
            if each is best or each.median - each.spread < limit
        }
        if len(self.timers) == 1 and (is_certain(best) or best.median - best.spread > 1 - WORTH):
            self.rounds = MOST_ROUNDS

    def result(self) -> Measured:
        found = self.found
        found.seconds = perf_counter() - self.begin
        timed = [each for each in self.timers.values() if each.ratios]
        if found.step_seconds and self.others.takes_from(cpu_cores()):
            found.doubt = f"other programs used {self.others.cores():.1f} cores of this machine"
        elif timed:
            best = min(timed, key=lambda each: each.median)
            if is_certain(best) and len(best.ratios) >= LEAST_ROUNDS:
                found.route, found.speedup = best.route, 1 / best.median
            elif best.median < 1 - WORTH:
                found.doubt = (
                    f"{best.route} seemed {1 / best.median - 1:.0%} faster, but the times of its "
                    "steps vary too much to be sure"
                )
        elif self.timers:
            found.is_complete = False
        if self.against and self.against.ratios:
            found.against_ratio = self.against.median * found.speedup
        return found


def is_certain(timer: Timer) -> bool:
    """Return whether a route is faster than the default by WORTH, beyond the spread."""
    return timer.median + timer.spread < 1 - WORTH
