"""Numbers of a race in words, for its verdict."""

from __future__ import annotations

from collections.abc import Sequence

from core.commands import RacePlan
from core.race.chance import CONFIDENCE, Difference, Spread


def join_words(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: "a, b and c"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def format_share(share: float) -> str:
    """Return an accuracy as 96.8%, from 99% on as 99.12%."""
    if share == 1:
        return "100%"
    return f"{min(share, 0.9999):.2%}" if round(share, 3) >= 0.99 else f"{share:.1%}"


def format_accuracy(spread: Spread) -> str:
    """Return an accuracy, over several seeds with its standard deviation: 96.8 ± 0.2%."""
    if spread.deviation is None:
        return format_share(spread.mean)
    decimals = 2 if round(spread.mean, 3) >= 0.99 else 1
    return f"{100 * spread.mean:.{decimals}f} ± {100 * spread.deviation:.2f}%"


def format_points(difference: float, *, signed: bool = False) -> str:
    """Return a difference of accuracies in percentage points, without the unit."""
    plus = "+" * (signed and round(100 * difference, 2) > 0)
    return f"{plus}{100 * difference:.2f}".replace("-0.00", "0.00").replace("-", "−")


def format_cost(plan: RacePlan, cost: float) -> str:
    """Return a number of images, or seconds of training in a race by time."""
    if plan.by != "time":
        return f"{cost:,.0f} images"
    return f"{cost:,.1f} s" if abs(cost) >= 1 else f"{round(cost, 3):g} s"


def format_costs(plan: RacePlan, spread: Spread) -> str:
    text = format_cost(plan, spread.mean)
    if not spread.deviation:
        return text
    number, unit = text.split()
    return f"{number} ± {format_cost(plan, spread.deviation).split()[0]} {unit}"


def say_interval(low: str, high: str, unit: str) -> str:
    return f"{CONFIDENCE:.0%} interval {low} to {high} {unit}"


def say_points(difference: Difference) -> str:
    """Return the interval of a difference of accuracies."""
    return say_interval(format_points(difference.low), format_points(difference.high), "points")
