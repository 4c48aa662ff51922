"""Which images a quiz has."""

import numpy
from hypothesis import given
from hypothesis import strategies as st

from core.events import Scored
from tui.analysis.quiz.images import MOST_UNCERTAIN, choose_images
from tui.state.quiz import QUESTIONS


def scored(logits) -> Scored:
    return Scored(epoch=1, step=10, logits=numpy.asarray(logits, numpy.float32).tobytes())


@st.composite
def evaluations(draw):
    """Labels of up to 300 images, and logits that are right for a share of them."""
    count, seed = draw(st.integers(1, 300)), draw(st.integers(0, 999))
    generator = numpy.random.default_rng(seed)
    labels = generator.integers(0, 10, count)
    logits = generator.normal(size=(count, 10))
    logits[range(count), labels] += draw(st.sampled_from([0.0, 2.0, 9.0]))
    if draw(st.booleans()):
        logits[0] = numpy.nan  # of a network that has diverged
    return bytes(labels.tolist()), logits


@given(evaluations(), st.sampled_from(["hard", "random"]), st.integers(0, 99_999))
def test_images_are_different_and_the_same_for_a_seed(evaluation, kind, seed):
    labels, logits = evaluation
    found = choose_images(kind, seed, labels, scored(logits))
    assert len(found) == len({*found}) == min(QUESTIONS, len(labels))
    assert all(0 <= index < len(labels) for index in found)
    assert found == choose_images(kind, seed, labels, scored(logits))


def test_hard_images_are_half_mistakes_and_half_uncertain():
    generator = numpy.random.default_rng(3)
    labels = bytes(generator.integers(0, 10, 1000).tolist())
    logits = numpy.zeros((1000, 10))
    logits[range(1000), list(labels)] = numpy.arange(1, 1001) / 100  # surer and surer
    wrong = set(range(500, 560))
    for index in wrong:
        logits[index] = numpy.roll(logits[index], 1)
    chosen = [choose_images("hard", seed, labels, scored(logits)) for seed in range(20)]
    for found in chosen:
        others = set(found) - wrong
        assert len(others) == QUESTIONS // 2
        assert max(others) < MOST_UNCERTAIN
        places = [place for place, index in enumerate(found) if index in wrong]
        assert places != [*range(10)], "they are mixed"
    assert len({*chosen}) == 20


def test_few_mistakes_are_all_there_and_the_rest_is_uncertain():
    labels = bytes(index % 10 for index in range(300))
    logits = numpy.zeros((300, 10))
    logits[range(300), list(labels)] = 5.0
    logits[[7, 70], [0, 1]] = 9.0
    found = choose_images("hard", 1, labels, scored(logits))
    assert {7, 70} <= {*found}
    nothing_right = numpy.roll(logits, 3, axis=1)
    assert len(choose_images("hard", 1, labels, scored(nothing_right))) == QUESTIONS
