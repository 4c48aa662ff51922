"""The confusion matrix: precision and recall of each class, and the most frequent errors.

A confusion matrix has classes × classes counts: rows are true classes, columns predicted classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tui.analysis.digit_selection import DigitSelection

Confusion = tuple[tuple[int, ...], ...]

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class ClassScore:
    """Shares from 0 to 1; `precision` is None for a class that was never predicted, `recall` for a
    class without samples."""

    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ClassErrors:
    """How many samples of a class are predicted wrongly, and as which class most often; `most_as`
    is None for a class without errors."""

    actual: int
    samples: int
    errors: int
    most_as: int | None


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


def class_errors(confusion: Confusion) -> tuple[ClassErrors, ...]:
    """Return the errors of each class, in the order of the classes."""
    found = []
    for actual, row in enumerate(confusion):
        wrong = [0 if predicted == actual else count for predicted, count in enumerate(row)]
        most_as = wrong.index(max(wrong)) if any(wrong) else None
        found.append(ClassErrors(actual, sum(row), sum(wrong), most_as))
    return tuple(found)


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


def most_errors(confusion: Confusion) -> int:
    """Return the largest count that is not on the diagonal."""
    return max((pair.count for pair in confused_pairs(confusion)), default=0)


def plural(number: int) -> str:
    """Return the name of a class's samples: "fours"."""
    if number >= len(NAMES):
        return f"{number}s"
    return NAMES[number] + ("es" if NAMES[number] == "six" else "s")


def singular(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else str(number)


def describe_cell(confusion: Confusion, actual: int, predicted: int) -> str:
    count = confusion[actual][predicted]
    if actual == predicted:
        return f"{count:,} of {sum(confusion[actual]):,} {plural(actual)} correct"
    name = singular(actual) if count == 1 else plural(actual)
    return f"{f'{count:,}' if count else 'no'} {name} predicted as {predicted}"


def align_errors(errors: Sequence[ClassErrors], *, short: bool = False) -> list[str]:
    """Return a line for each class, the numbers one below another: "4: 31 of 982 wrong, most as 9",
    or if `short` "4: 31 of 982, as 9"."""
    if not errors:
        return []
    actual, wrong, samples = (
        max(len(f"{getattr(each, name):,}") for each in errors)
        for name in ("actual", "errors", "samples")
    )
    return [
        f"{each.actual:>{actual}}: {each.errors:>{wrong},} of {each.samples:>{samples},}"
        + ("" if short else " wrong")
        + ("" if each.most_as is None else f", {'' if short else 'most '}as {each.most_as}")
        for each in errors
    ]


def describe_pair(pair: ConfusedPair) -> str:
    return f"{pair.actual} predicted as {pair.predicted}: {pair.count:,}×"


def describe_empty_cell(confusion: Confusion) -> str:
    """Return what stands in the place of the digits of an empty cell: which cell has the most."""
    pairs = confused_pairs(confusion)
    return f"No such digits. Most often: {describe_pair(pairs[0])}" if pairs else "No errors"


def count_selected(selection: DigitSelection, confusion: Confusion) -> int:
    """Return how many digits a selection of mistakes or of a cell has."""
    actual, predicted = selection.actual, selection.predicted
    if actual is not None and predicted is not None:
        return confusion[actual][predicted]
    rows = range(len(confusion)) if actual is None else (actual,)
    return sum(sum(confusion[row]) - confusion[row][row] for row in rows)


def describe_selection(selection: DigitSelection, confusion: Confusion) -> str:
    count = f"{count_selected(selection, confusion):,}"
    if selection.actual is None:
        return f"All {count} mistakes"
    if selection.predicted is None:
        return f"{count} {plural(selection.actual)} predicted wrongly"
    return describe_cell(confusion, selection.actual, selection.predicted)
