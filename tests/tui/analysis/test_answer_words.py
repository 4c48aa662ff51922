"""The answer about a drawing in words."""

import math

import pytest

from core.digit import Digit
from tests.support.fakes import ODD_NAMES
from tui.analysis.answer_words import describe_answer, describe_difference
from tui.text.formats import cell_width


def digit(shares: dict[int, float], names=tuple("0123456789"), **more) -> Digit:
    """A digit with these probabilities; the other classes share what is left."""
    left = (1 - sum(shares.values())) / (len(names) - len(shares))
    logits = tuple(math.log(shares.get(number, left) or 1e-9) for number in range(len(names)))
    return Digit(0, bytes(784), None, logits, class_names=names, **more)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({7: 0.995}, "7, very sure (99.5%)"),
        ({7: 0.95}, "7, quite sure (95%)"),
        ({7: 0.7}, "probably 7 (70%)"),
        ({9: 0.5, 4: 0.45}, "between 4 and 9"),
        ({4: 0.6, 9: 0.3}, "between 4 and 9"),
        ({7: 0.4}, "perhaps 7 (40%)"),
        ({7: 0.2}, "no idea"),
        ({}, "no idea"),
    ],
)
def test_answer_in_words(shares, words):
    assert describe_answer(digit(shares)) == words


def test_answer_that_means_nothing():
    """Of a digit unlike any, and of a network that has diverged."""
    assert describe_answer(digit({7: 0.999}, is_unlike=True)) == "predicts 7"
    broken = Digit(0, bytes(784), None, (math.nan,) * 10)
    assert "diverged" in describe_answer(broken)


@pytest.mark.parametrize("number", range(len(ODD_NAMES[:12])))
def test_any_class_name_fits_and_controls_no_terminal(number):
    for shares in ({number: 0.95}, {number: 0.5, 20: 0.45}, {number: 0.7}, {number: 0.4}):
        words = describe_answer(digit(shares, ODD_NAMES), 40)
        assert words.isprintable()
        assert cell_width(words) <= 40


def test_two_classes():
    assert describe_answer(digit({0: 0.55}, ("cat", "dog"))) == "between cat and dog"


def test_difference_is_explained():
    seven, one = digit({7: 0.9}), digit({1: 0.9})
    assert describe_difference(seven, seven, is_drawn=False, width=40) == ""
    shown = describe_difference(seven, one, is_drawn=False, width=40)
    assert shown.startswith("As drawn, it predicts 1: ")
    shown = describe_difference(seven, one, is_drawn=True, width=40)
    assert shown.startswith("Scaled and centred, it predicts 7: ")
