"""Which digits are shown."""

import numpy
from hypothesis import given
from hypothesis import strategies as st

from core.events import Digit, Scored
from core.models.softmax import softmax
from tui.analysis.digit_selection import (
    KINDS,
    Pick,
    as_evaluated,
    chosen,
    missing,
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
def test_each_digit_comes_once(evaluation, kind):
    labels, logits = evaluation
    found = chosen(Pick(kind), len(labels), labels, scored(logits))
    assert sorted(found) == list(range(len(labels)))


@given(evaluations())
def test_mistakes_are_all_mistakes_and_the_surest_come_first(evaluation):
    labels, logits = evaluation
    found = list(chosen(Pick("mistakes"), len(labels), labels, scored(logits)))
    guesses = logits.argmax(1)
    assert sorted(found) == [i for i, label in enumerate(labels) if guesses[i] != label]
    sureness = softmax(logits).max(1)[found]
    assert (numpy.diff(sureness) <= 1e-6).all()


@given(evaluations(), st.integers(0, 9), st.integers(0, 9))
def test_a_cell_holds_as_many_as_the_matrix_says(evaluation, actual, predicted):
    labels, logits = evaluation
    found = chosen(Pick("mistakes", actual, predicted), len(labels), labels, scored(logits))
    guesses = logits.argmax(1)
    assert len(found) == sum(
        a == actual and g == predicted for a, g in zip(labels, guesses, strict=True)
    )


@given(evaluations())
def test_the_least_certain_come_first(evaluation):
    labels, logits = evaluation
    found = list(chosen(Pick("uncertain"), len(labels), labels, scored(logits)))
    first_two = numpy.sort(logits, 1)[found, -2:]
    assert (numpy.diff(first_two[:, 1] - first_two[:, 0]) >= 0).all()


def test_a_class_and_what_is_not_known_yet():
    labels = bytes([3, 1, 3, 2])
    assert chosen(Pick("class", 3), 4, labels, None) == (0, 2)
    for kind in KINDS:
        known = kind in ("index", "random")
        assert (missing(Pick(kind), b"", None) is None) == known
        assert bool(chosen(Pick(kind), 4, b"", None)) == known


def test_other_random_digits_for_another_seed():
    assert chosen(Pick("random", seed=1), 50, b"", None) != chosen(Pick("random"), 50, b"", None)


def test_digits_as_they_were_at_an_evaluation():
    logits = numpy.eye(10, dtype=numpy.float32)
    digits = (Digit(4, bytes(784), 4, (0.0,) * 10), Digit(7, bytes(784), 1, (0.0,) * 10))
    then = as_evaluated(digits, scored(logits))
    assert [digit.predicted for digit in then] == [4, 7]
    assert [digit.index for digit in then] == [4, 7]
