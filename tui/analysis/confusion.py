"""What a confusion matrix says: how well each class is known, and what is taken for what.

A confusion is 10×10 counts: rows are what a digit was, columns what it was taken for.
"""

from dataclasses import dataclass

Confusion = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ClassScore:
    """Shares, 0 to 1. `precision` is None where nothing was taken for the class, `recall` where no
    digit is of it."""

    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Confused:
    actual: int
    predicted: int
    count: int


def class_scores(confusion: Confusion) -> tuple[ClassScore, ...]:
    """One a class."""
    taken = [sum(column) for column in zip(*confusion, strict=True)]
    return tuple(
        ClassScore(_share(row[number], taken[number]), _share(row[number], sum(row)))
        for number, row in enumerate(confusion)
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def total(confusion: Confusion) -> int:
    return sum(map(sum, confusion))


def mistakes(confusion: Confusion) -> int:
    """How many digits were taken for something that they are not."""
    return total(confusion) - sum(row[number] for number, row in enumerate(confusion))


def most_confused(confusion: Confusion) -> list[Confused]:
    """Every kind of mistake that was made, the one made most often first."""
    made = [
        Confused(actual, predicted, count)
        for actual, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if count and actual != predicted
    ]
    return sorted(made, key=lambda each: -each.count)


def share_of_mistakes(confusion: Confusion, actual: int, predicted: int) -> float:
    """Of the mistakes that were made with that class, 0 to 1."""
    made = sum(confusion[actual]) - confusion[actual][actual]
    return confusion[actual][predicted] / made if made and actual != predicted else 0.0


def cell_in_words(confusion: Confusion, actual: int, predicted: int) -> str:
    count = confusion[actual][predicted]
    if actual == predicted:
        was = "was" if count == 1 else "were"
        return f"{count:,} of {sum(confusion[actual]):,} that are {actual} {was} got right"
    match count:
        case 0:
            return f"no digit that is {actual} was taken for {predicted}"
        case 1:
            return f"1 digit that is {actual} was taken for {predicted}"
        case _:
            return f"{count:,} digits that are {actual} were taken for {predicted}"


def pair_in_words(pair: Confused) -> str:
    times = "once" if pair.count == 1 else f"{pair.count:,} times"
    return f"{pair.actual} taken for {pair.predicted}: {times}"
