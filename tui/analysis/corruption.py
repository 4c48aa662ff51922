"""How fast a network's accuracy falls with a corruption of the images, and which class loses most.

The scores of a table are those of CorruptionsScored: the one without a corruption comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.responses.scores import CorruptionScore


@dataclass(frozen=True)
class ClassLoss:
    """The accuracy of a class on the images as they are and with corruptions, 0 to 1."""

    actual: int
    before: float
    after: float

    @property
    def lost(self) -> float:
        return self.before - self.after


def scores_by_kind(scores: Sequence[CorruptionScore]) -> dict[str, tuple[CorruptionScore, ...]]:
    """Return the scores of each kind of corruption, in the order of its strengths."""
    found: dict[str, tuple[CorruptionScore, ...]] = {}
    for each in scores:
        if each.corruption:
            found[each.corruption.kind] = (*found.get(each.corruption.kind, ()), each)
    return found


def mean_of(shares: Sequence[float | None]) -> float | None:
    """Return the mean of the shares that are known."""
    known = [each for each in shares if each is not None]
    return sum(known) / len(known) if known else None


def class_losses(
    before: Sequence[float | None], after: Sequence[Sequence[float | None]]
) -> list[ClassLoss]:
    """Return what each class loses, the class that loses most first.

    `before` is the accuracy of each class on the images as they are, `after` that with several
    corruptions, whose mean counts. Classes without images are left out.
    """
    found = []
    for actual, was in enumerate(before):
        mean = mean_of([each[actual] for each in after if actual < len(each)])
        if was is not None and mean is not None:
            found.append(ClassLoss(actual, was, mean))
    return sorted(found, key=lambda each: -each.lost)
