"""Which test digits to show: by index, by class, at random, or by how the network predicts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from core.digit import Digit
from core.events import Scored
from core.models.softmax import softmax
from core.responses.scores import CheckpointScored

if TYPE_CHECKING:
    from numpy import ndarray

SelectionKind = Literal["index", "class", "random", "uncertain", "mistakes"]
KINDS: tuple[SelectionKind, ...] = ("index", "class", "random", "uncertain", "mistakes")
# Predictions of all test images, of a run or of a checkpoint.
Evaluation = Scored | CheckpointScored
# These need an evaluation.
BY_PREDICTION = ("uncertain", "mistakes")


@dataclass(frozen=True)
class DigitSelection:
    """`actual` and `predicted` are classes, None for all of them. They narrow a selection by
    prediction; both together select one cell of the confusion matrix."""

    kind: SelectionKind = "index"
    actual: int | None = None
    predicted: int | None = None
    seed: int = 0


def as_logits(logits: bytes, samples: int) -> ndarray:
    """Return the logits of an evaluation of so many images, at least one, as float32
    (N, classes)."""
    import numpy

    return numpy.frombuffer(logits, dtype=numpy.float32).reshape(samples, -1)


def as_array(labels: Sequence[int]) -> ndarray:
    """Return labels from `unpack_labels` as an array (N,), without copying them."""
    import numpy

    return numpy.asarray(memoryview(labels))  # type: ignore[arg-type]


def why_unavailable(
    selection: DigitSelection, labels: Sequence[int], evaluation: Evaluation | None
) -> str | None:
    """Return why the digits cannot be selected yet; None where they can."""
    if selection.kind in BY_PREDICTION and evaluation is None:
        return "shown after the first evaluation, at the end of an epoch"
    if selection.kind == "class" and not labels:
        return "shown when a run has started"
    return None


def select_digits(
    selection: DigitSelection,
    samples: int,
    labels: Sequence[int],
    evaluation: Evaluation | None,
) -> tuple[int, ...]:
    """Return the indices of all selected digits, empty where they cannot be selected yet.

    Mistakes are ordered by the predicted probability, the highest first; uncertain digits by the
    margin between the two highest logits, the smallest first. `labels` are those of all digits.
    """
    import numpy

    if why_unavailable(selection, labels, evaluation):
        return ()
    if selection.kind == "index":
        return tuple(range(samples))
    if selection.kind == "random":
        return tuple(numpy.random.default_rng(selection.seed).permutation(samples).tolist())
    if not labels:
        return ()
    actual = as_array(labels)
    if selection.kind == "class" or evaluation is None:
        return tuple(numpy.flatnonzero(actual == (selection.actual or 0)).tolist())
    logits = as_logits(evaluation.logits, len(labels))
    predicted = logits.argmax(axis=1)
    first_two = numpy.sort(logits, axis=1)[:, -2:]
    if selection.kind == "uncertain":
        wanted, order = numpy.ones(len(actual), bool), first_two[:, 1] - first_two[:, 0]
    else:
        is_cell = selection.actual is not None and selection.predicted is not None
        wanted = numpy.ones(len(actual), bool) if is_cell else predicted != actual
        order = -softmax(logits).max(axis=1)
    if selection.actual is not None:
        wanted = wanted & (actual == selection.actual)
    if selection.predicted is not None:
        wanted = wanted & (predicted == selection.predicted)
    found = numpy.flatnonzero(wanted)
    return tuple(found[numpy.argsort(order[found], kind="stable")].tolist())


def with_predictions(digits: tuple[Digit, ...], evaluation: Evaluation) -> tuple[Digit, ...]:
    """Return the same digits with the predictions of that evaluation."""
    if not digits:
        return ()
    row = 4 * len(digits[0].logits)  # bytes
    logits = as_logits(evaluation.logits, len(evaluation.logits) // row)
    return tuple(
        replace(digit, logits=tuple(logits[digit.index].tolist()))
        for digit in digits
        if digit.index < len(logits)
    )


def predictions_before(
    digits: tuple[Digit, ...], evaluations: tuple[Scored, ...], at: Scored | None
) -> dict[int, int]:
    """Return the prediction of each digit, by its index, at the last of the evaluations; at the
    last one before `at` if that is given."""
    past = [each for each in evaluations if not at or each.step < at.step]
    if not past:
        return {}
    return {digit.index: digit.predicted for digit in with_predictions(digits, past[-1])}
