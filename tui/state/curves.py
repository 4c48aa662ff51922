"""Curves of bounded length: what a run has told, as the charts need it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

# More points than any terminal has columns of dots.
MOST_POINTS = 2048

Points = tuple[tuple[float, float], ...]  # (step, value), steps never falling


@dataclass(frozen=True)
class Curve:
    """When it grows too long, each two points become one, and from then on each point stands for
    twice as many values. An hour costs what a minute does.
    """

    points: Points = ()
    values_per_point: int = 1
    waiting: tuple[float, ...] = ()  # values that do not fill a point yet

    def extend(self, values: Iterable[tuple[float, float]]) -> Curve:
        """The curve with more (step, value) at its end."""
        # Not by replace, which takes three times as long: a run of an hour is read back by this.
        if self.values_per_point == 1:
            return Curve((*self.points, *values), 1, self.waiting)._bounded()
        points, waiting = self.points, list(self.waiting)
        for step, value in values:
            waiting.append(value)
            if len(waiting) == self.values_per_point:
                points = (*points, (step, sum(waiting) / len(waiting)))
                waiting.clear()
        return Curve(points, self.values_per_point, tuple(waiting))._bounded()

    def until(self, step: float) -> Curve:
        """Its part up to that step."""
        end = bisect_right(self.points, step, key=lambda point: point[0])
        cut = replace(self, points=self.points[:end], waiting=())
        return self if end == len(self.points) else cut

    def value_at(self, step: float) -> float | None:
        """The value of the last point that is not after the step."""
        place = bisect_right(self.points, step, key=lambda point: point[0])
        return self.points[place - 1][1] if place else None

    def _bounded(self) -> Curve:
        if len(self.points) <= MOST_POINTS:
            return self
        pairs = zip(self.points[::2], self.points[1::2], strict=False)
        merged = tuple((later, (a + b) / 2) for (_, a), (later, b) in pairs)
        # An odd one out, and what was waiting, are the newest values: they wait.
        odd = self.points[-1:] if len(self.points) % 2 else ()
        waiting = tuple(value for _, value in odd for _ in range(self.values_per_point))
        return Curve(merged, self.values_per_point * 2, waiting + self.waiting)._bounded()


@dataclass(frozen=True)
class Curves:
    """All that is told of a run by its steps."""

    losses: Curve = field(default_factory=Curve)  # training loss, means over short stretches
    test_losses: Curve = field(default_factory=Curve)  # one an epoch, as the next
    accuracies: Curve = field(default_factory=Curve)  # 0 to 1
    rates: Curve = field(default_factory=Curve)  # learning rate
    gradients: Curve = field(default_factory=Curve)  # norm over all parameters
    speeds: Curve = field(default_factory=Curve)  # samples per second
    clock: Curve = field(default_factory=Curve)  # seconds since the start, pauses left out

    def until(self, step: float) -> Curves:
        return Curves(*(getattr(self, each.name).until(step) for each in fields(self)))

    def extend(self, **values: Iterable[tuple[float, float]]) -> Curves:
        """With more (step, value) at the ends of those that are named."""
        extended = dict(vars(self))
        for name, more in values.items():
            extended[name] = extended[name].extend(more)
        return Curves(**extended)
