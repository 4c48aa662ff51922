"""Curves of bounded length: the metrics of a run, as the charts need them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

# More than the dots across any terminal.
MAX_POINTS = 2048

Points = tuple[tuple[float, float], ...]  # (step, value), by step


@dataclass(frozen=True)
class Curve:
    """A curve that keeps at most MAX_POINTS: when it grows longer, each two points become their
    mean, and from then on each point is the mean of twice as many values. The first point stays
    as it is: the loss of the first step is the one of the untrained network.
    """

    points: Points = ()
    values_per_point: int = 1
    waiting: tuple[float, ...] = ()  # values that do not make a point yet

    def extend(self, values: Iterable[tuple[float, float]]) -> Curve:
        """Return the curve with more (step, value) at its end."""
        # Not with replace, which takes three times as long: long records are read by this.
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
        """Return the part up to that step."""
        end = bisect_right(self.points, step, key=lambda point: point[0])
        cut = replace(self, points=self.points[:end], waiting=())
        return self if end == len(self.points) else cut

    def value_at(self, step: float) -> float | None:
        """Return the value of the last point up to that step."""
        place = bisect_right(self.points, step, key=lambda point: point[0])
        return self.points[place - 1][1] if place else None

    def _bounded(self) -> Curve:
        if len(self.points) <= MAX_POINTS:
            return self
        first, rest = self.points[:1], self.points[1:]
        pairs = zip(rest[::2], rest[1::2], strict=False)
        merged = tuple((later, (a + b) / 2) for (_, a), (later, b) in pairs)
        # The last of an odd number of points waits for a second one.
        odd = rest[-1:] if len(rest) % 2 else ()
        waiting = tuple(value for _, value in odd for _ in range(self.values_per_point))
        return Curve(first + merged, self.values_per_point * 2, waiting + self.waiting)._bounded()


@dataclass(frozen=True)
class Curves:
    """All metrics of a run by step."""

    losses: Curve = field(default_factory=Curve)  # training loss, means over a few steps
    test_losses: Curve = field(default_factory=Curve)  # one an epoch, as the accuracies
    accuracies: Curve = field(default_factory=Curve)  # 0 to 1
    rates: Curve = field(default_factory=Curve)  # learning rate
    gradients: Curve = field(default_factory=Curve)  # norm over all parameters
    speeds: Curve = field(default_factory=Curve)  # samples per second
    clock: Curve = field(default_factory=Curve)  # seconds of training, without pauses

    def until(self, step: float) -> Curves:
        return Curves(*(getattr(self, each.name).until(step) for each in fields(self)))

    def extend(self, **values: Iterable[tuple[float, float]]) -> Curves:
        """Return the curves with more (step, value) at the ends of the named ones."""
        extended = dict(vars(self))
        for name, more in values.items():
            extended[name] = extended[name].extend(more)
        return Curves(**extended)
