"""How large a difference between two lanes is by chance alone. Pure: no torch, no runs.

Over several seeds: Student's t interval of the paired differences ("The probable error of a mean",
Biometrika 6, 1908). A pair are two lanes with the same seed, so with the same order of images,
which takes that part of the chance out of the comparison (Bouthillier et al., "Accounting for
variance in machine learning benchmarks", MLSys 2021). What it cannot cover is another test set.

With one seed: only that the test set is a sample of images. The interval is that of two
independent proportions by Agresti and Caffo (The American Statistician 54, 2000). Both lanes
predict the same images and mostly err on the same ones, so it is wider than that of McNemar's test,
which needs the predictions of each image. What it cannot cover is another seed.

Where a lane is compared with several, each interval has the confidence that makes all of them hold
together (Bonferroni; Dunn, JASA 56, 1961). The first of k lanes is chosen by the same results:
where all are equal, one is above all others with a probability of at most 5% · k / 2(k - 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

CONFIDENCE = 0.95  # that all intervals of a comparison hold


@dataclass(frozen=True)
class Spread:
    """A mean and the sample standard deviation, None of one value, over so many seeds."""

    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True)
class Difference:
    """A difference and its interval. `seeds` are those that it is over: 1 where the interval is of
    the test set alone."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def is_noise(self) -> bool:
        """Whether chance alone may have made the difference."""
        return self.low <= 0 <= self.high


def spread_of(values: Sequence[float]) -> Spread | None:
    """Return the spread of values, None where there are none."""
    if not values:
        return None
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, len(values))


def compare_pairs(
    pairs: Sequence[tuple[float, float]], others: int = 1, grain: float = 0.0
) -> Difference:
    """Return the mean difference of two or more pairs, one for each seed, with its t interval.

    `others` is how many lanes the first one is compared with; `grain` is the step between two
    values that can be measured, such as one image of the test set: rounding to it is a least
    deviation, without which two equal differences would leave no doubt.
    """
    differences = [one - other for one, other in pairs]
    mean, count = fmean(differences), len(differences)
    # Each value is rounded within its step, evenly: a variance of grain²/12; a difference has two.
    deviation = max(stdev(differences), grain / math.sqrt(6))
    margin = t_quantile(_tail(others), count - 1) * deviation / math.sqrt(count)
    return Difference(mean, mean - margin, mean + margin, count)


def compare_shares(
    one: float, other: float, counts: tuple[int, int], others: int = 1
) -> Difference:
    """Return the difference of two accuracies (0 to 1) on test sets of `counts` images, with its
    interval by Agresti and Caffo."""
    adjusted = [
        (share * count + 1) / (count + 2) for share, count in zip((one, other), counts, strict=True)
    ]
    variance = sum(
        share * (1 - share) / (count + 2) for share, count in zip(adjusted, counts, strict=True)
    )
    middle = adjusted[0] - adjusted[1]
    margin = NormalDist().inv_cdf(_tail(others)) * math.sqrt(variance)
    return Difference(one - other, middle - margin, middle + margin, 1)


def _tail(others: int) -> float:
    """Return the upper limit of an interval as a share of the distribution."""
    return 1 - (1 - CONFIDENCE) / (2 * max(1, others))


def t_quantile(share: float, freedom: int) -> float:
    """Return the value below which that share, 0.5 to below 1, of Student's t distribution lies."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if (1 + _central_share(middle, freedom)) / 2 < share:
            low = middle
        else:
            high = middle
    return math.tan(low) * math.sqrt(freedom)


def _central_share(angle: float, freedom: int) -> float:
    """Return the share of the distribution between -t and t, where tan(angle) is t / √freedom.

    Source: Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 and 26.7.4.
    """
    is_odd = freedom % 2
    sine, cosine = math.sin(angle), math.cos(angle)
    term = cosine if is_odd else 1.0
    total = 0.0
    for k in range(2 + is_odd, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (k - 1) / k
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total
