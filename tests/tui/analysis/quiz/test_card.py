"""The card of a quiz."""

from dataclasses import replace

import pytest

from core.class_names import DIGITS
from tests.support.fakes import ODD_NAMES, fake_digit
from tui.analysis.quiz.card import WIDTH, make_card
from tui.state.quiz import Quiz, QuizNetwork, answer, proceed
from tui.text.formats import cell_width


def played(names, offset) -> Quiz:
    """Return a quiz whose person is right where the remainder of `offset` is 0."""
    images = tuple(fake_digit(index, 2.0, names) for index in range(20))
    network = QuizNetwork("cnn", "cnn-1", "mnist", 3, 5625, 0.9912, 10_000, 42, names)
    quiz = Quiz(network, "hard", 4711, images)
    for digit in images:
        number = digit.label + bool(digit.index % offset)
        quiz = proceed(answer(quiz, number % len(names), 1.5))
    return quiz


def test_card_says_all_of_the_result():
    card = make_card(played(DIGITS, 2), 1e9)
    for part in (
        *("cnn, epoch 3, step 5,625", "run cnn-1, seed 42", "99.12% of 10,000 test images"),
        *("20, hard for the network, drawn with seed 4711", "The network wins, 16 to 10."),
        *("You      10 of 20  +-+-+", "median 1.50 s", "Network  16 of 20  +++-+"),
        *("Both wrong: 2", "#3 is 3", "#13 is 3", "you 4", "network 4"),
    ):
        assert part in card
    assert card.count("@") >= 2, "the images are drawn"
    assert card.isascii()


@pytest.mark.parametrize("names", [DIGITS, ODD_NAMES])
@pytest.mark.parametrize("offset", [1, 2, 100])
def test_card_is_narrow_and_plain(names, offset):
    quiz = played(names, offset)
    odd = replace(quiz.network, run="a\x1b[31m" * 20, dataset="folder:/" + "x" * 200)
    for shown in (quiz, replace(quiz, network=odd)):
        lines = make_card(shown, 1e9).splitlines()
        assert all(line.isprintable() for line in lines)
        assert max(map(cell_width, lines)) <= WIDTH
        assert [line for line in lines if line != line.rstrip()] == []
