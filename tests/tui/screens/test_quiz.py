"""The Quiz view: a quiz to its card by keys and by mouse, and what else can happen meanwhile."""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.class_names import DIGITS
from tests.support.app import app_in, text_of, until
from tests.support.evaluations import fake_evaluation
from tests.support.fakes import ODD_NAMES, key_of, make_fake_train
from tui.analysis.quiz import images
from tui.preferences import Preferences
from tui.screens.captions import SELECTED
from tui.screens.quiz import view as quiz_view
from tui.screens.quiz.chips import arrange_chips
from tui.state import quiz as quiz_state
from tui.state.app_state import fold_app
from tui.state.quiz_scores import read_scores, scores_file
from tui.text.formats import cell_width


@pytest.fixture(autouse=True)
def _as_fast_as_keys(monkeypatch):
    monkeypatch.setattr(quiz_state, "LEAST_SECONDS", 0.0)


@pytest.fixture
def _few(monkeypatch):
    """Quizzes have four questions."""
    monkeypatch.setattr(images, "QUESTIONS", 4)


@pytest.fixture
def stays(monkeypatch):
    """Answers are shown until a key."""
    monkeypatch.setattr(quiz_view, "SHOWN_SECONDS", 60.0)
    monkeypatch.setattr(quiz_view, "WRONG_SECONDS", 60.0)


@asynccontextmanager
async def evaluated(folder, size=(80, 24), names=DIGITS, preferences=None):
    """Open the Quiz view of a paused run that has been evaluated."""
    app = app_in(folder, make_fake_train(steps=3, names=names), epochs=1000)
    app.set_reactive(type(app).preferences, preferences or Preferences())
    async with app.run_test(size=size) as pilot:
        await pilot.press(key_of("quiz"))
        assert "no network to play against yet" in text_of(pilot)
        await pilot.press("enter", "space")
        await until(pilot, lambda: app.run_state.evaluation)
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.phase == "paused")
        yield pilot


@asynccontextmanager
async def asked(folder, size=(80, 24), names=DIGITS, preferences=None):
    """Start a quiz."""
    async with evaluated(folder, size, names, preferences) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: stage(pilot) == "question")
        yield pilot


def stage(pilot) -> str:
    return pilot.app.screen._stage


def quiz(pilot) -> quiz_state.Quiz:
    return pilot.app.screen._quiz


def label(pilot) -> str:
    """Return the class that the image is of."""
    return quiz(pilot).digit.name_of(quiz(pilot).digit.label)


async def click(pilot, text: str) -> None:
    """Click the first place with this text, below the heading."""
    for y, line in enumerate(text_of(pilot).splitlines()):
        if y and text in line:
            assert await pilot.click(offset=(line.index(text), y))
            await pilot.pause()
            return
    raise AssertionError(f"{text} is not shown")


@pytest.mark.usefixtures("stays", "_few")
async def test_quiz_by_keys_to_its_card(tmp_path):
    """All right but one: digits and letters belong to the quiz, and other keys do nothing."""
    async with asked(tmp_path) as pilot:
        before = quiz(pilot)
        await pilot.press("x", "q", "s", "y", "backspace", "enter", "Y")
        assert quiz(pilot) is before
        assert pilot.app.run_state.phase == "paused"
        wrong = (quiz(pilot).digit.label + 1) % 10
        await pilot.press(str(wrong))
        assert stage(pilot) == "answer"
        assert f"✗ {wrong}" in text_of(pilot)
        assert f"It is      {label(pilot)}" in text_of(pilot)
        assert "% sure" in text_of(pilot)
        await pilot.press("0")
        for place in range(1, 4):
            assert stage(pilot) == "question"
            assert f"{place + 1} of 4" in text_of(pilot)
            await pilot.press(label(pilot))
            assert "You      ✓" in text_of(pilot)
            await pilot.press("enter")
        assert stage(pilot) == "card"
        assert "You       3 of 4  -+++" in text_of(pilot)
        assert "You win, 3 to 2." in text_of(pilot)
        await pilot.press("Y")
        [saved] = (scores_file().parent / "quiz").iterdir()
        assert pilot.app.clipboard == saved.read_text()
        assert "saved as" in text_of(pilot)
        await pilot.press("enter")
        assert "Best      3 of 4    2 of 4" in text_of(pilot)
        [score] = read_scores()[0]
        assert (score.right, score.network_right, score.kind, score.step) == (
            *(3, 2, "hard"),
            before.network.step,
        )
        assert not pilot.app.screen.failed


@pytest.mark.usefixtures("stays", "_few")
async def test_quiz_by_mouse_to_its_card(tmp_path):
    async with evaluated(tmp_path, (120, 40)) as pilot:
        await click(pilot, "at random")
        await click(pilot, "another")
        await click(pilot, "enter start")
        await until(pilot, lambda: stage(pilot) == "question")
        assert quiz(pilot).kind == "random"
        for place in range(4):
            await pilot.click("#classes", offset=(4 * int(label(pilot)) + 1, 0))
            assert stage(pilot) == "answer"
            # On the image, or on the word beside it.
            await (pilot.click("QuizDigit") if place % 2 else click(pilot, "enter next"))
        assert "You       4 of 4" in text_of(pilot)
        await click(pilot, "Y copy and save")
        assert "You       4 of 4" in pilot.app.clipboard
        await click(pilot, "enter another quiz")
        assert stage(pilot) == "start"


@pytest.mark.usefixtures("_few")
async def test_answers_pass_by_themselves_while_training_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(quiz_view, "SHOWN_SECONDS", 0.0)
    monkeypatch.setattr(quiz_view, "WRONG_SECONDS", 0.0)
    scores_file().mkdir(parents=True)  # so that the score cannot be kept
    async with asked(tmp_path, (120, 40)) as pilot:
        network = quiz(pilot).network
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.phase == "training")
        predicted = [digit.logits for digit in quiz(pilot).digits]
        evaluation = pilot.app.run_state.evaluation
        await until(pilot, lambda: pilot.app.run_state.evaluation is not evaluation)
        while stage(pilot) != "card":
            done = len(quiz(pilot).answers)
            await pilot.press(label(pilot))
            await until(pilot, lambda done=done: quiz(pilot).place > done)
        assert [digit.logits for digit in quiz(pilot).digits] == predicted
        await until(pilot, lambda: "The score is not kept in" in text_of(pilot))
        assert f"step {network.step}" in text_of(pilot)
        await pilot.press("s")


@pytest.mark.usefixtures("stays")
async def test_leaving_keeps_the_quiz_and_stops_its_clock(tmp_path, monkeypatch):
    async with asked(tmp_path) as pilot:
        now = [100.0]
        monkeypatch.setattr("tui.screens.quiz.board.monotonic", lambda: now[0])
        view = pilot.app.screen
        view._board.start_clock()
        now[0] += 0.5
        await until(pilot, lambda: "0.5 s" in text_of(pilot))
        await pilot.press("escape")
        assert "Paused at question 1 of 20" in text_of(pilot)
        now[0] += 0.9
        await pilot.press(key_of("train"))
        await until(pilot, lambda: pilot.app.screen is not view)
        now[0] += 0.9
        await pilot.press(key_of("quiz"), "enter")
        await until(pilot, lambda: "0.5 s" in text_of(pilot))
        await pilot.press("tab")
        await until(pilot, lambda: pilot.app.screen is not view)
        await until(pilot, lambda: view._board._watch.read_at is None)
        now[0] += 0.9
        await pilot.press(key_of("quiz"))
        assert stage(pilot) == "question"
        await pilot.press("question_mark")
        await until(pilot, lambda: view._board._watch.read_at is None)
        now[0] += 0.9
        await pilot.press("escape")
        now[0] += 30.0  # as after ctrl+z and fg
        await pilot.press(label(pilot))
        assert quiz(pilot).answers[-1].seconds <= 1.6
        await pilot.press("escape")
        assert "Paused at question 2 of 20" in text_of(pilot)
        await pilot.press("escape")
        assert "enter start" in text_of(pilot)
        assert read_scores() == ((), None), "what was not ended has no score"


@pytest.mark.usefixtures("stays")
async def test_other_names_are_typed_or_chosen_with_arrows(tmp_path):
    async with asked(tmp_path, (60, 18), ODD_NAMES) as pilot:
        await pilot.press("S", "H", "Q")
        assert "SH▏" in text_of(pilot)
        assert "T-shirt/top" in text_of(pilot)
        assert "はひふ" not in text_of(pilot)
        await pilot.press("enter")
        assert quiz(pilot).answers[-1].number == ODD_NAMES.index("T-shirt/top")
        await pilot.press("enter", "1", "backspace", "left", "down", "up", "right", "right")
        assert "▏" in text_of(pilot)
        await pilot.press("enter")
        assert quiz(pilot).answers[-1].number == 2
        assert not pilot.app.screen.failed


@given(
    st.integers(1, len(ODD_NAMES)),
    *(st.integers(*limits) for limits in ((0, 46), (6, 80), (1, 12))),
    st.lists(st.sampled_from([(-1, 0), (1, 0), (0, -1), (0, 1)])),
)
def test_marked_class_is_always_shown(count, cursor, width, height, moves):
    cursor = min(cursor, count - 1)
    for move in [(0, 0), *moves]:
        chips = arrange_chips(ODD_NAMES, range(count), cursor, width, height)
        cursor = chips.neighbour(cursor, *move)
        assert 0 <= cursor < count
        shown = arrange_chips(ODD_NAMES, range(count), cursor, width, height).content
        lines = shown.plain.splitlines()
        assert len(lines) <= max(2, height)
        assert max(map(cell_width, lines)) <= width or lines[-1].endswith("classes")
        assert any(SELECTED in str(span.style) for span in shown.spans)


async def test_checkpoint_is_evaluated_first(tmp_path):
    """And one that cannot be read says why; digits are shown in ASCII too."""
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        path = str(tmp_path / "a-1" / "last.safetensors")
        app.run_state = replace(app.run_state, checkpoint=path)
        await pilot.press(key_of("quiz"))
        assert "a-1/last.safetensors" in text_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "does not exist" in text_of(pilot))
        sent = []
        app.send = sent.append
        await pilot.press("enter")
        assert "Evaluating the checkpoint" in text_of(pilot)
        assert [command.path for command in sent if hasattr(command, "path")] == [path]
        app.app_state = fold_app(app.app_state, fake_evaluation(path, {3: 5, 4: 9}))
        await until(pilot, lambda: stage(pilot) == "question")
        assert {digit.index for digit in quiz(pilot).digits} == {*range(20)}
        await pilot.press("escape", "escape", "f", "A", "enter")
        await until(pilot, lambda: stage(pilot) == "question")
        assert text_of(pilot).isascii()
        assert quiz(pilot).kind == "random"
