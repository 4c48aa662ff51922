"""The confusion matrix: precision and recall of each class, and the most frequent errors.

A confusion matrix has classes × classes counts: rows are true classes, columns predicted classes.
"""

from dataclasses import dataclass

Confusion = tuple[tuple[int, ...], ...]

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class ClassScore:
    """Shares from 0 to 1; `precision` is None for a class that was never predicted, `recall` for a
    class without samples."""

    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ConfusedPair:
    actual: int
    predicted: int
    count: int


def class_scores(confusion: Confusion) -> tuple[ClassScore, ...]:
    predicted = [sum(column) for column in zip(*confusion, strict=True)]
    return tuple(
        ClassScore(_share(row[number], predicted[number]), _share(row[number], sum(row)))
        for number, row in enumerate(confusion)
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def count_samples(confusion: Confusion) -> int:
    return sum(map(sum, confusion))


def count_errors(confusion: Confusion) -> int:
    return count_samples(confusion) - sum(row[number] for number, row in enumerate(confusion))


def confused_pairs(confusion: Confusion) -> list[ConfusedPair]:
    """Return all pairs of a true and a wrongly predicted class, the most frequent first."""
    pairs = [
        ConfusedPair(actual, predicted, count)
        for actual, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if count and actual != predicted
    ]
    return sorted(pairs, key=lambda pair: -pair.count)


def error_share(confusion: Confusion, actual: int, predicted: int) -> float:
    """Return the share of a class's errors that are in one cell, 0 to 1; 0 on the diagonal."""
    errors = sum(confusion[actual]) - confusion[actual][actual]
    return confusion[actual][predicted] / errors if errors and actual != predicted else 0.0


def plural(number: int) -> str:
    """Return the name of a class's samples: "fours"."""
    return NAMES[number] + ("es" if NAMES[number] == "six" else "s")


def describe_cell(confusion: Confusion, actual: int, predicted: int) -> str:
    count = confusion[actual][predicted]
    if actual == predicted:
        return f"{count:,} of {sum(confusion[actual]):,} {plural(actual)} correct"
    name = NAMES[actual] if count == 1 else plural(actual)
    return f"{count or 'no'} {name} predicted as {predicted}"


def describe_pair(pair: ConfusedPair) -> str:
    return f"{pair.actual} predicted as {pair.predicted}: {pair.count:,}×"
