"""Selections of test digits."""

import numpy
from hypothesis import given
from hypothesis import strategies as st

from core.digit import Digit
from core.events import Scored
from core.models.softmax import softmax
from tui.analysis.digit_selection import (
    KINDS,
    DigitSelection,
    select_digits,
    why_unavailable,
    with_predictions,
)


def scored(logits) -> Scored:
    return Scored(epoch=1, step=10, logits=numpy.asarray(logits, numpy.float32).tobytes())


@st.composite
def evaluations(draw):
    count = draw(st.integers(1, 40))
    seed = draw(st.integers(0, 999))
    generator = numpy.random.default_rng(seed)
    logits = generator.normal(size=(count, 10)).astype(numpy.float32)
    return bytes(generator.integers(0, 10, count).tolist()), logits


@given(evaluations(), st.sampled_from(["index", "random", "uncertain"]))
def test_each_digit_is_selected_once(evaluation, kind):
    labels, logits = evaluation
    found = select_digits(DigitSelection(kind), len(labels), labels, scored(logits))
    assert sorted(found) == list(range(len(labels)))


@given(evaluations())
def test_mistakes_begin_with_the_surest(evaluation):
    labels, logits = evaluation
    found = list(select_digits(DigitSelection("mistakes"), len(labels), labels, scored(logits)))
    predicted_classes = logits.argmax(1)
    assert sorted(found) == [i for i, label in enumerate(labels) if predicted_classes[i] != label]
    highest = softmax(logits).max(1)[found]
    assert (numpy.diff(highest) <= 1e-6).all()


@given(evaluations(), st.integers(0, 9), st.integers(0, 9))
def test_matrix_cell_selects_its_count(evaluation, actual, predicted):
    labels, logits = evaluation
    found = select_digits(
        DigitSelection("mistakes", actual, predicted), len(labels), labels, scored(logits)
    )
    predicted_classes = logits.argmax(1)
    assert len(found) == sum(
        a == actual and g == predicted for a, g in zip(labels, predicted_classes, strict=True)
    )


@given(evaluations())
def test_uncertain_begins_with_the_smallest_margin(evaluation):
    labels, logits = evaluation
    found = list(select_digits(DigitSelection("uncertain"), len(labels), labels, scored(logits)))
    first_two = numpy.sort(logits, 1)[found, -2:]
    assert (numpy.diff(first_two[:, 1] - first_two[:, 0]) >= 0).all()


def test_selections_by_prediction_need_an_evaluation():
    labels = bytes([3, 1, 3, 2])
    assert select_digits(DigitSelection("class", 3), 4, labels, None) == (0, 2)
    for kind in KINDS:
        known = kind in ("index", "random")
        assert (why_unavailable(DigitSelection(kind), b"", None) is None) == known
        assert bool(select_digits(DigitSelection(kind), 4, b"", None)) == known


def test_seed_changes_the_random_digits():
    assert select_digits(DigitSelection("random", seed=1), 50, b"", None) != select_digits(
        DigitSelection("random"), 50, b"", None
    )


def test_digits_take_predictions_of_an_evaluation():
    logits = numpy.eye(10, dtype=numpy.float32)
    digits = (Digit(4, bytes(784), 4, (0.0,) * 10), Digit(7, bytes(784), 1, (0.0,) * 10))
    then = with_predictions(digits, scored(logits))
    assert [digit.predicted for digit in then] == [4, 7]
    assert [digit.index for digit in then] == [4, 7]


def test_digits_of_other_numbers_of_classes_are_selected():
    logits = numpy.array([[0, 0, 3], [2, 0, 0], [0, 1, 0], [0, 0, 1]], numpy.float32)
    labels = bytes([2, 1, 1, 0])
    assert select_digits(DigitSelection("mistakes"), 4, labels, scored(logits)) == (1, 3)
    then = with_predictions((Digit(3, bytes(784), 0, (0.0,) * 3),), scored(logits))
    assert [digit.predicted for digit in then] == [2]
    assert select_digits(DigitSelection("mistakes"), 0, b"", scored(logits)) == ()
    assert with_predictions((), scored(logits)) == ()
