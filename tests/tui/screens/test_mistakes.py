"""What a confusion matrix says, and the view of it."""

from dataclasses import replace

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import Evaluated, Scored
from tests.support.app import SIZES, app_in, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.analysis.confusion import (
    ClassScore,
    cell_in_words,
    class_scores,
    mistakes,
    most_confused,
    pair_in_words,
    share_of_mistakes,
    total,
)
from tui.analysis.digit_selection import DigitSelection
from tui.screens import digits
from tui.screens.mistakes import MISTAKES_HELP
from tui.widgets.canvas import Canvas
from tui.widgets.charts.confusion_matrix import HEAD, HEADS, ConfusionMatrix, shade
from tui.widgets.digit_cards import DigitCards

LABELS = bytes(index % 10 for index in range(100))
# 8 are right, 2 of class 0 are taken for 2, nothing is taken for 1 and nothing is of class 2.
WORKED_OUT = ((5, 0, 2), (1, 0, 0), (0, 0, 0))
confusions = st.lists(
    st.lists(st.integers(0, 2000), min_size=10, max_size=10), min_size=10, max_size=10
)


def test_precision_and_recall_as_worked_out_by_hand():
    assert class_scores(WORKED_OUT) == (
        ClassScore(precision=5 / 6, recall=5 / 7),
        ClassScore(precision=None, recall=0.0),
        ClassScore(precision=0.0, recall=None),
    )
    assert (total(WORKED_OUT), mistakes(WORKED_OUT)) == (8, 3)
    assert share_of_mistakes(WORKED_OUT, 0, 2) == 1.0
    assert share_of_mistakes(WORKED_OUT, 0, 0) == 0.0


def test_cells_and_pairs_in_words():
    assert [pair_in_words(pair) for pair in most_confused(WORKED_OUT)] == [
        "0 taken for 2: 2 times",
        "1 taken for 0: once",
    ]
    assert cell_in_words(WORKED_OUT, 0, 2) == "2 digits that are 0 were taken for 2"
    assert cell_in_words(WORKED_OUT, 1, 0) == "1 digit that is 1 was taken for 0"
    assert cell_in_words(WORKED_OUT, 2, 1) == "no digit that is 2 was taken for 1"
    assert cell_in_words(WORKED_OUT, 0, 0) == "5 of 7 that are 0 were got right"


@given(confusions)
def test_the_sums_hold(rows):
    confusion = tuple(map(tuple, rows))
    pairs = most_confused(confusion)
    assert sum(pair.count for pair in pairs) == mistakes(confusion)
    assert [pair.count for pair in pairs] == sorted((p.count for p in pairs), reverse=True)
    right = total(confusion) - mistakes(confusion)
    scores = class_scores(confusion)
    found = sum((each.recall or 0) * sum(row) for each, row in zip(scores, rows, strict=True))
    taken = [sum(column) for column in zip(*rows, strict=True)]
    said = sum((each.precision or 0) * count for each, count in zip(scores, taken, strict=True))
    assert found == pytest.approx(right)
    assert said == pytest.approx(right)
    for actual, row in enumerate(rows):
        shares = [share_of_mistakes(confusion, actual, other) for other in range(10)]
        assert sum(shares) == pytest.approx(1 if sum(row) > row[actual] else 0)
        assert shade(max(shares)) == max(map(shade, shares))


def evaluation(epoch: int) -> tuple[numpy.ndarray, tuple[tuple[int, ...], ...]]:
    """Logits (100, 10) and counts: 3 is taken for 5, and 8 for 0 half as often; with each epoch one
    of each less. The later a digit, the surer the network is."""
    guesses = list(LABELS)
    for number, (actual, predicted) in enumerate(((3, 5), (8, 0))):
        for index in range(actual, 100 // (number + 1) - 10 * (epoch - 1), 10):
            guesses[index] = predicted
    logits = numpy.zeros((100, 10), numpy.float32)
    logits[range(100), guesses] = 1 + numpy.arange(100) / 100
    counts = numpy.zeros((10, 10), int)
    numpy.add.at(counts, (list(LABELS), guesses), 1)
    return logits, tuple(map(tuple, counts.tolist()))


def scoring(evaluations: int, steps: int = 4):
    """A fake trainer that evaluates so often, at the ends of its first epochs, and goes on."""

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
    """What picks were opened, with their titles and modes."""
    picks, real = [], digits.SelectionView

    def make(*asked):
        picks.append(asked)
        return real(*asked)

    monkeypatch.setattr(digits, "SelectionView", make)
    return picks


@pytest.mark.parametrize("size", SIZES)
async def test_the_matrix_and_what_it_says(tmp_path, size):
    app = app_in(tmp_path, scoring(2), epochs=1000)
    async with app.run_test(size=size) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        await until(pilot, lambda: pilot.app.run_state.started)
        await until(pilot, lambda: len(pilot.app.run_state.evaluations) == 2)
        await pilot.pause()
        shown = text_of(pilot)
        assert "epoch 2 of 1000 · 87.00% right, 13 mistakes in 100 · the newest" in shown
        assert "▶ 9 digits that are 3 were taken for 5 · enter shows them" in shown
        assert "3 taken for 5: 9 times" in shown
        assert "8 taken for 0: 4 times" in shown
        # Every line is as wide as the others: nothing is cut off at the right.
        rows = [line for line in shown.splitlines() if line.startswith(" is ")]
        assert [row[4:6].strip() for row in rows] == list("0123456789")
        assert ["".join(row.split()[2:13]) for row in rows][:1] == ["10·········0"]
        assert "10.0%" in rows[3], "recall"
        assert "71.4%" in rows[0], "precision"
        page = pilot.app.screen.query_one("#page")
        assert page.max_scroll_y == 0
        for part in page.query(Canvas):
            assert not part.display or page.region.contains_region(part.region), part


async def test_cells_and_the_digits_behind_them(tmp_path, opened):
    app = app_in(tmp_path, scoring(2), epochs=1000)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("mistakes"))
        assert "press space to train" in text_of(pilot)
        await pilot.press("enter", "e", "left_square_bracket")  # nothing is there yet
        assert not opened
        await pilot.press("space")
        await until(pilot, lambda: len(pilot.app.run_state.evaluations) == 2)
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.phase == "paused")
        matrix = pilot.app.screen.query_one(ConfusionMatrix)
        await pilot.press("down", "right")
        assert matrix.cursor == (4, 6)
        assert "no digit that is 4 was taken for 6" in text_of(pilot)
        await pilot.press("enter")
        assert not opened, "there is nothing behind it"
        await pilot.click(ConfusionMatrix, offset=(HEAD + 2, HEADS + 8))
        await pilot.pause()
        assert "4 digits that are 8 were taken for 0" in text_of(pilot)
        await pilot.click(ConfusionMatrix, offset=(HEAD + 2, HEADS + 8))
        await until(pilot, lambda: opened)
        assert opened.pop() == (DigitSelection("mistakes", 8, 0), "8 taken for 0", "mistakes")
        await pilot.press("escape", "e")
        assert opened.pop()[0] == DigitSelection("mistakes")
        await pilot.press("escape")
        await pilot.click(ConfusionMatrix, offset=(HEAD + 2, HEADS))
        await pilot.press("enter")
        assert opened.pop() == (DigitSelection("mistakes", 0, 0), "0, and taken for it", "mistakes")


async def test_earlier_evaluations_are_looked_at_and_the_newest_is_followed(tmp_path):
    app = app_in(tmp_path, scoring(4, steps=4), epochs=1000)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        await until(pilot, lambda: len(pilot.app.run_state.evaluations) >= 2)
        await pilot.press("space", *["left_square_bracket"] * 3)
        await until(pilot, lambda: "15 mistakes in 100 · evaluation 1 of" in text_of(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "15 mistakes in 100 · evaluation 1 of 4" in text_of(pilot))
        await pilot.press(*["right_square_bracket"] * 3)
        await until(pilot, lambda: "9 mistakes in 100 · the newest" in text_of(pilot))
        await pilot.press("s")
        await until(pilot, lambda: pilot.app.run_state.phase == "stopped")
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "11 mistakes in 100 · evaluation 3 of 4" in text_of(pilot))


async def test_the_surest_mistakes_as_the_evaluation_saw_them(tmp_path):
    app = app_in(tmp_path, scoring(1), epochs=1000)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("mistakes"), "space")
        shown = pilot.app.screen.query_one(DigitCards)
        assert pilot.app.screen.wanted_digits() == ()
        await until(pilot, lambda: shown.digits)
        await pilot.pause()
        assert [digit.index for digit in shown.digits] == [93, 83, 73, 63, 53, 48, 43]
        assert [digit.predicted for digit in shown.digits] == [5, 5, 5, 5, 5, 0, 5]
        assert "the most confident mistakes after epoch 1" in text_of(pilot)
        assert pilot.app.screen.wanted_digits() == (), "what is there is not asked for again"
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert pilot.app.screen.wanted_digits() == ()


def test_every_word_has_its_help():
    for word in ("confusion matrix", "precision", "recall", "most confident mistakes"):
        assert MISTAKES_HELP[word].endswith(".")
