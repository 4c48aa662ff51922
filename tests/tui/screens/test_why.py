"""The Why screen: one question after another about an image, asked of the fake trainer."""

from tests.support.app import app_in, text_of, until
from tests.support.fakes import key_of
from tui.screens.why.registry import PARTS
from tui.screens.why.screen import WhyScreen


async def open_why(pilot) -> WhyScreen:
    """Train, and open the first digit of the Digits view."""
    await pilot.press("space", key_of("digits"))
    await until(pilot, lambda: "% sure" in text_of(pilot))
    await pilot.press("E")
    await until(pilot, lambda: isinstance(pilot.app.screen, WhyScreen))
    return pilot.app.screen


async def test_f_goes_through_all_parts(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        screen = await open_why(pilot)
        for entry in PARTS:
            await pilot.pause()
            text = text_of(pilot)
            assert entry.name in text
            assert entry.seen[:40] in text
            await pilot.press("f")
        assert screen.part is screen._parts[0]
