"""The Mistakes view: the matrix, its lists, and the digits behind them."""

import re
from contextlib import asynccontextmanager
from dataclasses import replace
from queue import SimpleQueue

import numpy
import pytest

from core.commands import Start
from core.events import Evaluated, Scored
from core.runs.branch import branch
from core.training.trainer import train as real_train
from tests.support.app import SIZES, app_in, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.analysis.digit_selection import DigitSelection
from tui.help import MISTAKES_HELP
from tui.screens import mistakes
from tui.screens.checkpoints.evaluation import EvaluatedDigitsView
from tui.state.history import read_run
from tui.widgets.canvas import Canvas
from tui.widgets.charts.confusion_lists import ClassErrors, ConfusedPairs
from tui.widgets.charts.confusion_matrix import CELL, HEADS, ConfusionMatrix
from tui.widgets.digit_cards import DigitCards

LABELS = bytes(index % 10 for index in range(100))
HEAD = 3  # characters of a row's heading


def cell(actual: int, predicted: int) -> tuple[int, int]:
    """Return where to click the matrix, which has a border."""
    return 1 + HEAD + CELL * predicted + 2, 1 + HEADS + actual


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


@asynccontextmanager
async def evaluated(folder, size, evaluations: int = 2):
    """Open the Mistakes view after so many evaluations, with the run paused."""
    app = app_in(folder, scoring(evaluations), epochs=1000)
    async with app.run_test(size=size) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        await until(pilot, lambda: len(pilot.app.run_state.evaluations) == evaluations)
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.phase == "paused")
        await until(pilot, lambda: pilot.app.screen.focused)
        yield pilot


@pytest.fixture
def opened(monkeypatch):
    """The selections that are opened, each with its title."""
    selections, real = [], mistakes.SelectionView

    def make(*arguments):
        selections.append(arguments[:2])
        return real(*arguments)

    monkeypatch.setattr(mistakes, "SelectionView", make)
    return selections


async def test_matrix_and_its_sentences_are_shown(tmp_path):
    async with evaluated(tmp_path, (80, 24)) as pilot:
        for size in (*SIZES, (200, 60), (60, 24), (80, 18)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            check_matrix(pilot, size)


def check_matrix(pilot, size):
    shown = text_of(pilot)
    assert "epoch 2 of 1000" in shown
    assert "9 threes predicted as 5" in shown
    if size[0] >= 80:
        assert "accuracy 87.0%, 13 errors in 100 · latest" in shown
    if size[1] >= 24:
        assert re.search(r"3: 9 of 10( wrong)?, (most )?as 5", shown)
    if size[1] >= 34:
        assert "3 predicted as 5: 9×" in shown
        assert "8 predicted as 0: 4×" in shown
    # Every line is as wide as the others: nothing is cut off at the right.
    rows = [found[1] for found in re.finditer(r"│ +(\d(?:▶? +[\d·]+){10}) *│", shown)]
    assert [row[0] for row in rows] == list("0123456789")
    assert "correct  1–2  3–4  5–6  7–9  errors" in shown, "what the colours mean"
    page = pilot.app.screen.query_one("#page")
    for part in page.query(Canvas):
        assert not part.is_on_screen or page.region.contains_region(part.region), part


async def test_every_list_opens_its_digits(tmp_path, opened):
    """By enter, and by a second click; past an edge the arrows go to the next list."""
    async with evaluated(tmp_path, (120, 40)) as pilot:
        view = pilot.app.screen
        matrix, classes = view.query_one(ConfusionMatrix), view.query_one(ClassErrors)
        assert view.focused is matrix
        await pilot.press("down", "right")
        assert matrix.cursor == (4, 6)
        assert "no fours predicted as 6" in text_of(pilot)
        await pilot.press("enter")
        assert not opened, "an empty cell has no digits"
        for _ in range(2):
            await pilot.click(ConfusionMatrix, offset=cell(8, 0))
            await until(pilot, lambda: "4 eights predicted as 0" in text_of(pilot))
        assert opened.pop() == (DigitSelection("mistakes", 8, 0), "4 eights predicted as 0")
        await pilot.press("escape", *["right"] * 10)
        assert view.focused is classes
        assert classes.target == (8, None)
        await pilot.press("g", "j", "j", "j", "enter")
        assert opened.pop() == (DigitSelection("mistakes", 3), "9 threes predicted wrongly")
        await pilot.press("escape")
        assert matrix.cursor == (3, 5), "the matrix shows what is selected"
        for _ in range(2):
            await pilot.click(ConfusedPairs, offset=(5, 2))
            await pilot.pause()
        assert opened.pop()[0] == DigitSelection("mistakes", 8, 0)
        await pilot.press("escape", "up", "enter")
        assert opened.pop()[0] == DigitSelection("mistakes", 3, 5)
        await pilot.press("escape", "left", "left")
        assert view.focused is matrix


async def test_a_key_shows_all_mistakes(tmp_path, opened):
    async with evaluated(tmp_path, (80, 24)) as pilot:
        await pilot.press("f")
        assert "All 13 mistakes" in text_of(pilot)
        cards = pilot.app.screen.query_one(DigitCards)
        await until(pilot, lambda: cards.digits)
        assert cards.digits[0].index == 83
        await pilot.press("enter")
        assert opened.pop() == (DigitSelection("mistakes"), "All 13 mistakes")
        await pilot.press("escape", "f")
        assert "9 threes predicted as" in text_of(pilot)


async def test_keys_wait_for_an_evaluation(tmp_path, opened):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("mistakes"))
        assert "Press space to train" in text_of(pilot)
        await pilot.press("enter", "f", "left_square_bracket", "down")
        assert not opened
        assert not pilot.app.screen.failed


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


async def test_digits_of_the_cell_have_the_evaluation_s_predictions(tmp_path):
    async with evaluated(tmp_path, (120, 40), evaluations=1) as pilot:
        shown = pilot.app.screen.query_one(DigitCards)
        await until(pilot, lambda: len(shown.digits) > 1)
        first = [digit.index for digit in shown.digits]
        assert first == [93, 83, 73, 63, 53, 43, 33, 23, 13, 3][: len(first)]
        assert {digit.predicted for digit in shown.digits} == {5}
        assert pilot.app.screen.wanted_digits() == (), "digits at hand are not requested again"
        # Past the matrix, the classes and the pairs, the digits of the last pair.
        await pilot.press(*["right"] * 6, "down", "down")
        assert pilot.app.screen.focused is shown
        await until(pilot, lambda: len(shown.digits) > 1 and shown.digits[0].label == 8)
        await pilot.press("right")
        second = shown.digits[1]
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query_one(DigitCards).digits)
        assert pilot.app.screen.query_one(DigitCards).digits[0].index == second.index
        await pilot.press("escape")
        await pilot.click(DigitCards, offset=(2, 2))
        assert isinstance(pilot.app.screen, mistakes.SelectionView)
        await pilot.press("escape")
        await pilot.resize_terminal(60, 24)
        await pilot.pause()
        assert pilot.app.screen.wanted_digits() == ()


async def test_digits_are_there_when_the_first_evaluation_came_in_another_view(tmp_path):
    app = app_in(tmp_path, scoring(1), epochs=1000)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("mistakes"), key_of("train"), "space")
        await until(pilot, lambda: pilot.app.run_state.evaluations)
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.phase == "paused")
        await pilot.press(key_of("mistakes"))
        cards = pilot.app.screen.query_one(DigitCards)
        assert "No such images" not in cards.placeholder
        await until(pilot, lambda: cards.digits)
        assert [(digit.label, digit.predicted) for digit in cards.digits[:1]] == [(3, 5)]


async def test_empty_cell_names_the_one_with_the_most(tmp_path):
    async with evaluated(tmp_path, (120, 40)) as pilot:
        await pilot.press("right")
        await pilot.pause()
        shown = text_of(pilot)
        assert "no threes predicted as 6" in shown
        assert "No such images. Most often: 3 predicted as 5: 9×" in shown


async def test_evaluation_before_a_branch_can_be_opened(tiny, tmp_path):
    """Its predictions are those of the checkpoint that the run branched from."""
    runs = tmp_path / "runs"
    list(real_train(tiny(epochs=2), SimpleQueue()))
    (old,) = runs.iterdir()
    config, point = branch(old / "epoch-001.safetensors", {"epochs": 3}, runs)
    app = app_in(runs, real_train)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("mistakes"))
        app.start_next(Start(config, point, paused=True), read_run(point.folder))
        await until(pilot, lambda: app.run_state.phase == "paused")
        cards, matrix = app.screen.query_one(DigitCards), app.screen.query_one(ConfusionMatrix)
        await until(pilot, lambda: cards.placeholder.startswith("Press enter to evaluate"))
        assert "before the branch" in text_of(pilot)
        assert not app.run_state.evaluations
        actual, predicted = matrix.cursor
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EvaluatedDigitsView))
        await until(pilot, lambda: app.screen.query_one(DigitCards).digits)
        found = app.screen.query_one(DigitCards).digits
        assert {(each.label, each.predicted) for each in found} == {(actual, predicted)}
        await pilot.press("escape")
        assert isinstance(app.screen, mistakes.MistakesView)
        await until(pilot, lambda: cards.digits)
        assert {(each.label, each.predicted) for each in cards.digits} == {(actual, predicted)}


def test_every_term_has_help():
    for word in ("confusion matrix", "precision", "recall", "most confident mistakes"):
        assert MISTAKES_HELP[word].endswith(".")


async def test_an_evaluation_stays_until_its_digits_were_sent(tmp_path, monkeypatch):
    """A small network is evaluated more often than its mistakes can be drawn."""
    monkeypatch.setattr(mistakes, "CELLS_PER_SECOND", 0.001)
    app = app_in(tmp_path, scoring(5, steps=10), epochs=30)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        await until(pilot, lambda: len(app.run_state.scores) == 5)
        await until(pilot, lambda: re.search("epoch [1-4] of 30 ", text_of(pilot)))
        await pilot.press("s")
        await until(pilot, lambda: "epoch 5 of 30 " in text_of(pilot))
