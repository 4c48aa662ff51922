"""The Mistakes view: the matrix, its cells, and the digits behind them."""

import re
from dataclasses import replace

import numpy
import pytest

from core.events import Evaluated, Scored
from tests.support.app import SIZES, app_in, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.analysis.digit_selection import DigitSelection
from tui.help import MISTAKES_HELP
from tui.screens import mistakes
from tui.widgets.canvas import Canvas
from tui.widgets.charts.confusion_matrix import HEAD, HEADS, ConfusionMatrix
from tui.widgets.digit_cards import DigitCards

LABELS = bytes(index % 10 for index in range(100))


def evaluation(epoch: int) -> tuple[numpy.ndarray, tuple[tuple[int, ...], ...]]:
    """Return logits (100, 10) and a confusion matrix.

    3 is predicted as 5, and 8 as 0 half as often, each once less with every epoch. The later a
    digit, the more confident the network.
    """
    predictions = list(LABELS)
    for number, (actual, predicted) in enumerate(((3, 5), (8, 0))):
        for index in range(actual, 100 // (number + 1) - 10 * (epoch - 1), 10):
            predictions[index] = predicted
    logits = numpy.zeros((100, 10), numpy.float32)
    logits[range(100), predictions] = 1 + numpy.arange(100) / 100
    counts = numpy.zeros((10, 10), int)
    numpy.add.at(counts, (list(LABELS), predictions), 1)
    return logits, tuple(map(tuple, counts.tolist()))


def scoring(evaluations: int, steps: int = 4):
    """Return a fake trainer that evaluates after its first epochs alone, and trains on."""

    def train(config, inbox):
        for event in make_fake_train(steps=steps)(config, inbox):
            if not isinstance(event, Evaluated | Scored):
                yield event
            elif isinstance(event, Evaluated) and event.epoch <= evaluations:
                logits, counts = evaluation(event.epoch)
                yield replace(event, confusion=counts)
                yield Scored(epoch=event.epoch, step=event.step, logits=logits.tobytes())

    return train


@pytest.fixture
def opened(monkeypatch):
    """The arguments of the selections that are opened: selection, title and mode."""
    selections, real = [], mistakes.SelectionView

    def make(*arguments):
        selections.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(mistakes, "SelectionView", make)
    return selections


@pytest.mark.parametrize("size", SIZES)
async def test_matrix_and_its_sentences_are_shown(tmp_path, size):
    app = app_in(tmp_path, scoring(2), epochs=1000)
    async with app.run_test(size=size) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        await until(pilot, lambda: pilot.app.run_state.started)
        await until(pilot, lambda: len(pilot.app.run_state.evaluations) == 2)
        await pilot.pause()
        shown = text_of(pilot)
        assert "epoch 2 of 1000 · accuracy 87.0%, 13 errors in 100 · latest" in shown
        assert "▶ 9 threes predicted as 5 · press enter to see them" in shown
        assert "3 predicted as 5: 9×" in shown
        assert "8 predicted as 0: 4×" in shown
        # Every line is as wide as the others: nothing is cut off at the right.
        rows = [line for line in shown.splitlines() if re.match(r" {4}\d ", line)]
        assert [row[4] for row in rows] == list("0123456789")
        assert ["".join(row.split()[1:12]) for row in rows][:1] == ["10·········0"]
        assert "10.0%" in rows[3], "recall"
        assert "71.4%" in rows[0], "precision"
        page = pilot.app.screen.query_one("#page")
        assert page.max_scroll_y == 0
        for part in page.query(Canvas):
            assert not part.display or page.region.contains_region(part.region), part


async def test_opening_a_cell_shows_its_digits(tmp_path, opened):
    app = app_in(tmp_path, scoring(2), epochs=1000)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("mistakes"))
        assert "Press space to train" in text_of(pilot)
        await pilot.press("enter", "e", "left_square_bracket")  # there is no evaluation yet
        assert not opened
        await pilot.press("space")
        await until(pilot, lambda: len(pilot.app.run_state.evaluations) == 2)
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.phase == "paused")
        matrix = pilot.app.screen.query_one(ConfusionMatrix)
        await pilot.press("down", "right")
        assert matrix.cursor == (4, 6)
        assert "no fours predicted as 6" in text_of(pilot)
        await pilot.press("enter")
        assert not opened, "an empty cell has no digits"
        await pilot.click(ConfusionMatrix, offset=(HEAD + 2, HEADS + 8))
        await pilot.pause()
        assert "4 eights predicted as 0" in text_of(pilot)
        await pilot.click(ConfusionMatrix, offset=(HEAD + 2, HEADS + 8))
        await until(pilot, lambda: opened)
        assert opened.pop() == (DigitSelection("mistakes", 8, 0), "eights predicted as 0")
        await pilot.press("escape", "e")
        assert opened.pop()[0] == DigitSelection("mistakes")
        await pilot.press("escape")
        await pilot.click(ConfusionMatrix, offset=(HEAD + 2, HEADS))
        await pilot.press("enter")
        assert opened.pop() == (DigitSelection("mistakes", 0, 0), "zeros correct")


async def test_stepping_back_and_following_again(tmp_path):
    app = app_in(tmp_path, scoring(4, steps=4), epochs=1000)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        await until(pilot, lambda: len(pilot.app.run_state.evaluations) >= 2)
        await pilot.press("space", *["left_square_bracket"] * 3)
        await until(pilot, lambda: "15 errors in 100 · evaluation 1 of" in text_of(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "15 errors in 100 · evaluation 1 of 4" in text_of(pilot))
        await pilot.press(*["right_square_bracket"] * 3)
        await until(pilot, lambda: "9 errors in 100 · latest" in text_of(pilot))
        await pilot.press("s")
        await until(pilot, lambda: pilot.app.run_state.phase == "stopped")
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "11 errors in 100 · evaluation 3 of 4" in text_of(pilot))


async def test_confident_mistakes_show_the_evaluation_s_predictions(tmp_path):
    app = app_in(tmp_path, scoring(1), epochs=1000)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        shown = pilot.app.screen.query_one(DigitCards)
        assert pilot.app.screen.wanted_digits() == ()
        await until(pilot, lambda: shown.digits)
        await pilot.pause()
        confident = [93, 83, 73, 63, 53, 48, 43]
        assert [digit.index for digit in shown.digits] == confident[: shown.capacity]
        predicted = [5, 5, 5, 5, 5, 0, 5]
        assert [digit.predicted for digit in shown.digits] == predicted[: shown.capacity]
        assert "Most confident mistakes after epoch 1" in text_of(pilot)
        assert pilot.app.screen.wanted_digits() == (), "digits at hand are not requested again"
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert pilot.app.screen.wanted_digits() == ()


def test_every_term_has_help():
    for word in ("confusion matrix", "precision", "recall", "most confident mistakes"):
        assert MISTAKES_HELP[word].endswith(".")
