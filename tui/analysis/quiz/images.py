"""Which test images a quiz has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.analysis.digit_selection import (
    DigitSelection,
    Evaluation,
    SelectionKind,
    select_digits,
)
from tui.state.quiz import QUESTIONS, QuizKind

if TYPE_CHECKING:
    from numpy.random import Generator

# The uncertain images of a quiz are drawn from so many.
MOST_UNCERTAIN = 100
SEEDS = 100_000  # seeds are below


def choose_images(
    kind: QuizKind, seed: int, labels: Sequence[int], evaluation: Evaluation
) -> tuple[int, ...]:
    """Return the indices of the images of a quiz in their order, fewer where there are fewer.

    Hard images are mistakes and, as many, the correct predictions with the smallest margins, of
    whichever there are more where there are not enough of the others. `labels` are those of all
    test images; the same arguments give the same images.
    """
    import numpy

    generator = numpy.random.default_rng(seed)
    if kind == "random":
        return tuple(generator.permutation(len(labels))[:QUESTIONS].tolist())

    def select(kind: SelectionKind) -> tuple[int, ...]:
        return select_digits(DigitSelection(kind), len(labels), labels, evaluation)

    mistakes = select("mistakes")
    wrong = set(mistakes)
    unsure = [index for index in select("uncertain") if index not in wrong]
    nearest = unsure[: max(MOST_UNCERTAIN, QUESTIONS - len(mistakes))]
    enough = max(QUESTIONS // 2, QUESTIONS - len(nearest))
    chosen = _draw(generator, mistakes, enough)
    chosen += _draw(generator, nearest, QUESTIONS - len(chosen))
    return tuple(_draw(generator, chosen, QUESTIONS))


def _draw(generator: Generator, indices: Sequence[int], count: int) -> list[int]:
    """Return so many different ones of the indices in random order, or all where there are
    fewer."""
    order = generator.permutation(len(indices))[:count]
    return [indices[place] for place in order.tolist()]
