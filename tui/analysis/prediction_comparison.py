"""Which test digits several networks predict differently, from the logits of their evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.class_names import describe_difference
from core.digit import Digit
from core.errors import printable
from core.models.softmax import softmax
from core.responses.scores import CheckpointScored
from tui.analysis.digit_selection import as_logits

if TYPE_CHECKING:
    from numpy import ndarray


def have_same_digits(evaluations: Sequence[CheckpointScored]) -> bool:
    """Return whether the checkpoints were evaluated on the same test digits and classes."""
    first = evaluations[0]
    return all(
        each is first
        or (
            each.class_names == first.class_names
            and each.labels == first.labels
            and each.images == first.images
        )
        for each in evaluations
    )


def explain_classes(names: Sequence[tuple[str, ...]]) -> str:
    """Return why checkpoints cannot be compared by class, "" where their classes are the same."""
    others = [each for each in names if each != names[0]]
    if not others:
        return ""
    one, other = describe_difference(names[0], others[0])
    return f"The checkpoints have different classes: {printable(one)}; {printable(other)}."


def find_disagreements(logits: Sequence[bytes], samples: int) -> tuple[int, ...]:
    """Return the indices of the digits that the networks predict differently, the strongest
    disagreement first. `logits` are each network's, float32 (samples, classes), of the same digits.

    A disagreement is as strong as the Jensen-Shannon divergence of the predicted distributions:
    strongest where each network is sure of another class. https://doi.org/10.1109/18.61115
    """
    import numpy

    stacked = numpy.stack([_finite(as_logits(each, samples)) for each in logits])
    predicted = stacked.argmax(axis=2)
    differ = numpy.flatnonzero((predicted != predicted[0]).any(axis=0))
    probabilities = softmax(stacked[:, differ])
    divergence = _entropy(probabilities.mean(axis=0)) - _entropy(probabilities).mean(axis=0)
    return tuple(differ[numpy.argsort(-divergence, kind="stable")].tolist())


def _finite(logits: ndarray) -> ndarray:
    """Return (N, classes) with zeros for NaN and infinity: a diverged network predicts nothing."""
    import numpy

    return numpy.where(numpy.isfinite(logits).all(axis=1, keepdims=True), logits, 0.0)


def _entropy(probabilities: ndarray) -> ndarray:
    import numpy

    return -(probabilities * numpy.log(numpy.maximum(probabilities, 1e-12))).sum(axis=-1)


def predictions_of(evaluation: CheckpointScored, indices: Sequence[int]) -> tuple[Digit, ...]:
    """Return those test digits with the predictions of that evaluation."""
    classes = evaluation.classes
    logits = as_logits(evaluation.logits, len(classes))
    return tuple(
        Digit(
            index,
            evaluation.images[index * 784 : (index + 1) * 784],
            classes[index],
            tuple(logits[index].tolist()),
            bool(evaluation.unlike[index]) if evaluation.unlike else None,
            evaluation.class_names,
        )
        for index in indices
    )
