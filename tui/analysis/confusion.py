"""The confusion matrix: precision and recall of each class, and the most frequent errors.

A confusion matrix has classes × classes counts: rows are true classes, columns predicted classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.class_names import DIGITS, name_of
from tui.analysis.digit_selection import DigitSelection, Evaluation
from tui.text.formats import cell_width, class_label, class_labels, fit_cells, widest_label

Confusion = tuple[tuple[int, ...], ...]

LONGEST_LABEL = 16  # columns of a class's name in a list without a width

# Of the classes that are digits.
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


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


@dataclass(frozen=True)
class ShownEvaluation:
    """What a view of an evaluation shows: the counts, and the predictions if they are known.
    `labels` are the true classes of the test images."""

    confusion: Confusion
    predictions: Evaluation | None
    labels: Sequence[int]
    class_names: tuple[str, ...] = DIGITS

    def describe(self, selection: DigitSelection) -> str:
        return describe_selection(selection, self.confusion, self.class_names)

    def describe_empty_cell(self) -> str:
        """Return what stands in the place of the images of an empty cell: which one has most."""
        pairs = confused_pairs(self.confusion)
        if not pairs:
            return "No errors"
        return f"No such images. Most often: {describe_pair(pairs[0], self.class_names)}"


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


def count_of_class(count: int, name: str) -> str:
    """Return a number of samples of a class: "no fours", "1 four", "12 images of Shirt"."""
    shown = f"{count:,}" if count else "no"
    return f"{shown} {_samples_of(name, is_one=count == 1)}"


def _samples_of(name: str, *, is_one: bool = False) -> str:
    if name not in DIGITS:
        return f"image{'' if is_one else 's'} of {class_label(name)}"
    word = WORDS[DIGITS.index(name)]
    return word if is_one else word + ("es" if word == "six" else "s")


def describe_cell(
    confusion: Confusion, actual: int, predicted: int, names: Sequence[str] = DIGITS
) -> str:
    count, name = confusion[actual][predicted], name_of(names, actual)
    if actual == predicted:
        return f"{count:,} of {sum(confusion[actual]):,} {_samples_of(name)} correct"
    other = class_label(name_of(names, predicted))
    return f"{count_of_class(count, name)} predicted as {other}"


def align_errors(
    errors: Sequence[ClassErrors],
    names: Sequence[str] = DIGITS,
    *,
    short: bool = False,
    width: int = 0,
) -> list[str]:
    """Return a line for each class, the numbers one below another: "4: 31 of 982 wrong, most as 9",
    or if `short` "4: 31 of 982, as 9". If `width` is given, names are shortened to as many
    columns."""
    if not errors:
        return []
    wrong, samples = (
        max(len(f"{getattr(each, name):,}") for each in errors) for name in ("errors", "samples")
    )
    known = [name_of(names, each.actual) for each in errors]
    longest = widest_label(known, LONGEST_LABEL)
    before, after = ("", ", as ") if short else (" wrong", ", most as ")
    free = width - wrong - samples - len(f":  of {before}{after}") if width else 2 * longest
    head = min(longest, max(1, free // 2))
    lines = []
    for each, name in zip(errors, known, strict=True):
        counts = f"{each.errors:>{wrong},} of {each.samples:>{samples},}{before}"
        line = f"{fit_cells(class_label(name, head), head)}: {counts}"
        if each.most_as is not None:
            line += after + class_label(name_of(names, each.most_as), max(1, free - head))
        lines.append(line)
    return lines


def describe_pair(pair: ConfusedPair, names: Sequence[str] = DIGITS, width: int = 0) -> str:
    """Return "4 predicted as 9: 12×"; if that has more than `width` columns, which 0 is not, then
    "Dress as Coat: 12×", with shortened names if necessary."""
    both = name_of(names, pair.actual), name_of(names, pair.predicted)
    between, count = " predicted as ", f": {pair.count:,}×"
    text = between.join(class_labels(both)) + count
    if not width or cell_width(text) <= width:
        return text
    between = " as "
    return between.join(class_labels(both, max(2, width - len(between) - len(count)))) + count


def count_selected(selection: DigitSelection, confusion: Confusion) -> int:
    """Return how many digits a selection of mistakes or of a cell has."""
    actual, predicted = selection.actual, selection.predicted
    if actual is not None and predicted is not None:
        return confusion[actual][predicted]
    rows = range(len(confusion)) if actual is None else (actual,)
    return sum(sum(confusion[row]) - confusion[row][row] for row in rows)


def describe_selection(
    selection: DigitSelection, confusion: Confusion, names: Sequence[str] = DIGITS
) -> str:
    count = count_selected(selection, confusion)
    if selection.actual is None:
        return f"All {count:,} mistakes"
    if selection.predicted is None:
        return f"{count_of_class(count, name_of(names, selection.actual))} predicted wrongly"
    return describe_cell(confusion, selection.actual, selection.predicted, names)
