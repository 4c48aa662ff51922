"""The cards of digits in the app: what is written to the terminal, and clicks."""

from dataclasses import replace

import pytest
from rich.color import ColorSystem
from textual.app import App

from core.digit import Digit
from tests.support.app import Recorder
from tests.support.fakes import fake_digit
from tui.preferences import Preferences
from tui.terminal.textual_private import intercept_frames
from tui.widgets.digit_cards import DigitCards

SIZE = (120, 19)  # for four cards with images of 28×14 cells


class Cards(App):
    CSS = """
        DigitCards { width: 100%; height: 100%; color: #eeeeee; background: #111111; }
        DigitCards > .digits--line { color: #444444; }
        DigitCards > .digits--right { color: #00ff00; }
        DigitCards > .digits--wrong { color: #ff0000; }
        DigitCards > .digits--focus { color: #0000ff; }
    """

    def __init__(self):
        super().__init__()
        intercept_frames(self, lambda screen, write: write())

    def compose(self):
        yield DigitCards("")


def sure(digit: Digit, number: int, sureness: float) -> Digit:
    logits = tuple(sureness if each == number else 0.0 for each in range(10))
    return replace(digit, logits=logits)


async def test_images_are_sent_once():
    """Neither other probabilities nor a border in another colour send the greys again."""
    app = Cards()
    app.driver_class = Recorder
    async with app.run_test(headless=False, size=SIZE) as pilot:
        app.console._color_system = ColorSystem.TRUECOLOR
        cards = app.screen.query_one(DigitCards)
        await pilot.pause()
        app._driver.take()
        # Ink over half of the image in neighbouring greys, as hardly any digit has.
        pixels = bytes(16 * (row + column % 16) % 256 for row in range(14) for column in range(28))
        digits = [Digit(i, bytes(392) + pixels, 3, fake_digit(3, 1).logits) for i in range(4)]
        cards.digits = tuple(sure(digit, 3, 2.0) for digit in digits)
        await pilot.pause()
        first = app._driver.take()
        assert len(cards.digits) == cards.capacity
        assert first.count("▀") > 4 * 28
        cards.digits = tuple(sure(digit, 3, 3.0) for digit in digits)
        await pilot.pause()
        update = app._driver.take()
        assert "▀" not in update
        assert 0 < len(update.encode()) < 1500
        cards.digits = tuple(sure(digit, 5, 3.0) for digit in digits)
        await pilot.pause()
        mistaken = app._driver.take()
        assert "✗ 5, is 3" in mistaken
        assert "▀" not in mistaken
        cards.selected = 1
        await pilot.pause()
        assert "▀" not in app._driver.take()


@pytest.mark.parametrize(
    ("colours", "preferences", "style"),
    [
        (ColorSystem.TRUECOLOR, Preferences(), "grey"),
        (ColorSystem.EIGHT_BIT, Preferences(), "grey"),
        (ColorSystem.STANDARD, Preferences(), "ramp"),
        (None, Preferences(), "ramp"),
        (ColorSystem.TRUECOLOR, Preferences(slow=True), "ramp"),
        (ColorSystem.TRUECOLOR, Preferences(ascii=True, digit_style="braille"), "ramp"),
        (ColorSystem.STANDARD, Preferences(digit_style="braille"), "braille"),
    ],
)
async def test_greys_need_colours_and_a_quick_link(colours, preferences, style):
    app = Cards()
    app.driver_class = Recorder
    async with app.run_test(headless=False, size=SIZE) as pilot:
        app.console._color_system = colours
        cards = app.screen.query_one(DigitCards)
        cards.preferences = preferences
        striped = (bytes([255] * 28) + bytes(28)) * 14
        app._driver.take()
        cards.digits = (replace(fake_digit(3, 1.0), pixels=striped),)
        await pilot.pause()
        written = app._driver.take()
        signs = {"grey": "▀", "ramp": "@", "braille": "⠭"}
        assert [name for name, sign in signs.items() if sign in written] == [style]


async def test_a_click_selects_a_card():
    found = []

    def note(message):
        if isinstance(message, DigitCards.Selected):
            found.append((message.position, message.digit.index))

    async with Cards().run_test(size=SIZE, message_hook=note) as pilot:
        cards = pilot.app.screen.query_one(DigitCards)
        cards.digits = tuple(fake_digit(index, 2.0) for index in range(3))
        await pilot.click(DigitCards, offset=(65, 5))
        await pilot.pause()
        assert set(found) == {(2, 2)}
        found.clear()
        await pilot.click(DigitCards, offset=(100, 5))  # where no card is
        await pilot.pause()
        assert not found
