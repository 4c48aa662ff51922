"""Open a part of the Why screen."""

from tests.support.app import until
from tests.support.fakes import fake_digit
from tui.screens.why.part import Part
from tui.screens.why.registry import PARTS
from tui.screens.why.screen import WhyScreen


async def open_part(pilot, name: str, is_ready=lambda part: part.answer) -> Part:
    """Train, and explain an image by the part of that name, until that is ready."""
    await pilot.press("space")
    await until(pilot, lambda: pilot.app.run_state.step)
    screen = WhyScreen(fake_digit(7, 2.0))
    pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.is_current and screen.is_mounted)
    screen.action_show_part([entry.name for entry in PARTS].index(name))
    await until(pilot, lambda: is_ready(screen.part))
    await pilot.pause()
    return screen.part
