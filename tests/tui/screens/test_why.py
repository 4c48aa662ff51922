"""The Why screen: one question after another about an image, asked of the fake trainer."""

from dataclasses import replace

from rich.cells import cell_len

from core.questions import CancelExplanation, ExplainChange, ExplainOcclusion, Question
from core.responses.explanations import ExplanationRefused, OcclusionExplained
from tests.support.app import app_in, text_of, until
from tests.support.fakes import ODD_NAMES, key_of, make_fake_train
from tui.screens.why.change import amplify, format_factor
from tui.screens.why.occlusion import _describe
from tui.screens.why.pictures import ClassBars, TintedPicture
from tui.screens.why.registry import PARTS
from tui.screens.why.screen import WhyScreen
from tui.state.app_state import fold_app
from tui.widgets.digit_cards import DigitCards


def app_that_trains(folder, **more):
    return app_in(folder, epochs=200, **more)


async def show_digits(pilot) -> DigitCards:
    """Train, and show the Digits view."""
    await pilot.press("space", key_of("digits"))
    cards = pilot.app.screen.query_one(DigitCards)
    await until(pilot, lambda: len(cards.digits) == cards.capacity)
    return cards


async def open_why(pilot) -> WhyScreen:
    """Explain the first digit, and wait for the whole answer."""
    await show_digits(pilot)
    await pilot.press("E")
    await until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
    await answered(pilot)
    return pilot.app.screen


async def answered(pilot) -> None:
    """Wait for the whole answer to the question of the part in front."""
    screen = pilot.app.screen

    def is_whole() -> bool:
        asked = screen._asked.get(screen._here)
        return asked is not None and asked.done == 1

    await until(pilot, is_whole)
    await pilot.pause()


def record(pilot, monkeypatch) -> list:
    """Return a list that the commands which the app sends from now on are added to."""
    sent, send = [], pilot.app.send
    monkeypatch.setattr(pilot.app, "send", lambda command: (sent.append(command), send(command)))
    return sent


async def test_all_parts_are_about_one_copy_until_f5(tmp_path, monkeypatch):
    async with app_that_trains(tmp_path).run_test(size=(80, 24)) as pilot:
        await show_digits(pilot)
        sent = record(pilot, monkeypatch)
        await pilot.press("E")
        for entry in PARTS:
            await pilot.pause()
            if pilot.app.screen.part.question():
                await answered(pilot)
            assert entry.name in text_of(pilot)
            assert entry.seen[:40] in text_of(pilot)
            await pilot.press("f")
        await pilot.press("f5")
        await answered(pilot)
        asked = [each.keeps for each in sent if isinstance(each, Question)]
        assert asked[: len(PARTS)] == [False, *([True] * (len(PARTS) - 1))]
        assert not asked[-1]  # nor those of the map at an evaluation meanwhile
        await until(pilot, lambda: "steps old" in text_of(pilot))
        await pilot.press("question_mark")
        await until(pilot, lambda: "F change the part, or a click" in text_of(pilot))


async def test_choosing_another_class_asks_why_not_that_one(tmp_path, monkeypatch):
    async with app_that_trains(tmp_path).run_test(size=(80, 24)) as pilot:
        await open_why(pilot)
        assert "Why 3?" in text_of(pilot)
        sent = record(pilot, monkeypatch)
        await pilot.press("down")
        await answered(pilot)
        assert "Why 3 and not 0?" in text_of(pilot)
        legend = str(pilot.app.screen.part.query_one("#legend").content).replace("\n ", "")
        assert "lowers the log-odds of 3 against 0 by up to 1.5 (odds ÷ 4.5)" in legend
        await pilot.press("S")
        assert "Why 0 and not 3?" in text_of(pilot)
        bars = pilot.app.screen.query_one(ClassBars)
        await pilot.click(bars, offset=(6, 5))
        asked = [(each.target, each.other) for each in sent if isinstance(each, ExplainOcclusion)]
        assert asked == [(None, 0), (0, 3), (0, 5)]


async def test_places_have_signs_in_ascii(tmp_path):
    async with app_that_trains(tmp_path).run_test(size=(80, 24)) as pilot:
        screen = await open_why(pilot)
        pilot.app.change_preferences(ascii=True)
        costs = bytes([255] * 392 + [1] * 392)  # the upper half helps, the lower one hurts
        digit = screen.part.digit
        known = {"digit": digit, "target": 3, "other": None, "score": 2.5, "largest": 3.2}
        answer = OcclusionExplained(costs=costs, step=1, done=1, **known)
        screen.part.receive(answer)
        await pilot.pause()
        picture = screen.query_one(TintedPicture).region
        lines = [line[picture.x : picture.right] for line in text_of(pilot).splitlines()]
        upper, lower = (
            "".join(lines[picture.y + start : picture.y + start + 6]) for start in (2, 9)
        )
        assert upper.count("+") > 60
        assert lower.count("-") > 60
        assert "@" in upper
        assert "-" not in upper
        assert "+" not in lower


async def test_change_names_its_factor_size_and_predictions(tmp_path, monkeypatch):
    async with app_that_trains(tmp_path).run_test(size=(120, 40)) as pilot:
        await open_why(pilot)
        sent = record(pilot, monkeypatch)
        await pilot.press("f", "f")
        await answered(pilot)
        (asked,) = (each for each in sent if isinstance(each, ExplainChange))
        assert asked.target == 0, "the second likeliest class"
        text = text_of(pilot)
        assert "before: 3 85.8%" in text
        assert "amplified ×6.4" in text
        assert "after: 0 85.8%" in text
        assert "Size 1.25" in text
        assert "smallest" not in text
        screen, digit = pilot.app.screen, pilot.app.screen.part.digit
        screen._set_digit(replace(digit, logits=(*digit.logits[:-1], 3.0)))
        await pilot.press("f5")  # newer weights find another class likelier, and the same is asked
        await answered(pilot)
        assert [each.target for each in sent if isinstance(each, ExplainChange)] == [0, 0]
        await pilot.press("up")  # the predicted class
        await answered(pilot)
        assert "predicts 3 already" in text_of(pilot)


async def test_esc_cancels_first_and_then_closes(tmp_path, monkeypatch):
    async with app_that_trains(tmp_path).run_test(size=(80, 24)) as pilot:
        cards = await show_digits(pilot)
        sent: list = []
        monkeypatch.setattr(pilot.app, "send", sent.append)  # so there is no answer
        await pilot.press("E")
        await until(pilot, lambda: "asking the network" in text_of(pilot))
        await pilot.press("escape")
        assert isinstance(sent[-1], CancelExplanation)
        await pilot.pause()
        assert "cancelled at 0%" in text_of(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, WhyScreen))
        assert cards.is_on_screen


def test_factors_and_odds_have_plain_numbers():
    assert [format_factor(each) for each in (1.0, 4.86, 12.4, 255.0)] == ["1", "4.9", "12", "255"]
    assert "odds × 1.05" in _describe("−", "raises", "it", 0.05, "×")
    assert "odds ÷ 68" in _describe("+", "lowers", "it", 4.22, "÷")
    before, after = bytes(784), bytes([200, *[20] * 40, *[0] * 743])
    values, factor = amplify(before, after)
    assert (values[0], values[1], factor) == (255, 255, 255 / 20), "one pixel leaves none faint"


async def test_question_to_a_lost_process_is_asked_again(tmp_path, monkeypatch):
    async with app_that_trains(tmp_path).run_test(size=(80, 24)) as pilot:
        await show_digits(pilot)
        sent: list = []
        monkeypatch.setattr(pilot.app, "send", sent.append)  # so there is no answer
        await pilot.press("E")
        await until(pilot, lambda: "asking the network" in text_of(pilot))
        pilot.app.run_state = replace(pilot.app.run_state, is_attached=True)
        await until(pilot, lambda: sum(isinstance(each, Question) for each in sent) == 2)


async def test_refusal_is_shown_to_its_end(tmp_path):
    async with app_that_trains(tmp_path).run_test(size=(80, 24)) as pilot:
        screen = await open_why(pilot)
        number = screen._asked[0].number
        message = f"no such [bold]file\x1b[2J {'long/' * 16} at all"
        refused = ExplanationRefused(message=message, question=number)
        pilot.app.app_state = fold_app(pilot.app.app_state, refused)
        await until(pilot, lambda: "no such" in text_of(pilot))
        line = next(line for line in text_of(pilot).splitlines() if "no such" in line)
        assert line.startswith(" ✗ no such [bold]file\\x1b[2J")
        await until(pilot, lambda: "at all  f5 asks again" in text_of(pilot))


async def test_keys_and_clicks_frame_a_card_and_explain_it(tmp_path):
    async with app_that_trains(tmp_path).run_test(size=(120, 40)) as pilot:
        cards = await show_digits(pilot)
        count = len(cards.digits)
        await pilot.press("enter", "right", "E")
        await until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
        assert pilot.app.screen._place == 1
        await pilot.press("right")
        assert f"3 of {count}" in text_of(pilot)
        await answered(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, WhyScreen))
        assert cards.selected == 1
        await pilot.press(*["right"] * (count - 1))  # past the edge
        await until(pilot, lambda: cards.digits[0].index == count)
        assert cards.selected == 0
        await pilot.press("escape")
        assert cards.selected is None
        await pilot.press("left")
        await until(pilot, lambda: cards.digits[0].index == 0)
        await pilot.click(cards, offset=(cards.card_layout.width + 5, 5))
        await until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
        assert pilot.app.screen._place == 1


async def test_odd_names_of_47_classes_are_shown(tmp_path):
    train = make_fake_train(names=ODD_NAMES)
    async with app_that_trains(tmp_path, train=train).run_test(size=(80, 24)) as pilot:
        screen = await open_why(pilot)
        for keys in (("up",), ("down",), ("f", "f"), ("down",), ("f",), ("G",), ("g",)):
            await pilot.press(*keys)
            await answered(pilot)
            assert not screen.failed
            assert "\x1b" not in text_of(pilot)
            assert {cell_len(line) for line in text_of(pilot).split("\n")} == {80}


async def test_drawing_is_explained_as_the_network_gets_it(tmp_path):
    async with app_that_trains(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("space", key_of("draw"), "E")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, WhyScreen), "there is no drawing"
        await pilot.press("enter", *["down"] * 6, "enter")
        await until(pilot, lambda: pilot.app.app_state.drawing.answer)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
        screen = pilot.app.screen
        assert screen.part.digit.pixels == pilot.app.app_state.drawing.answer.prepared.pixels
        assert screen.opened_path is None
        await answered(pilot)
        assert "predicted 3" in text_of(pilot)


async def test_card_of_a_confusion_is_explained(tmp_path):
    async with app_that_trains(tmp_path).run_test(size=(120, 40)) as pilot:
        await pilot.press("space", key_of("mistakes"))
        cards = pilot.app.screen.query_one(DigitCards)
        await until(pilot, lambda: len(cards.digits) > 1)
        assert "E why" in text_of(pilot)
        pilot.app.screen.set_focus(cards)
        await pilot.press("right", "E")
        await until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
        assert pilot.app.screen.part.digit.index == cards.digits[1].index
        assert pilot.app.screen.MODE == "mistakes"
