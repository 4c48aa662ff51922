"""The pictures of what a person does to a network: draws for it, and asks it why."""

import sys
from pathlib import Path
from typing import Protocol

from textual.events import MouseDown, MouseMove, MouseUp
from textual.pilot import Pilot

from tui.state.run_state import RunState

NAMES = (
    *("draw", "drawings", "why", "why-two", "why-layers", "why-change", "why-ideal", "why-map"),
)
SEARCHED = 15.0  # seconds in which the test set is searched during a pause


class Shooting(Protocol):
    pilot: Pilot[None]

    async def shoot(self, name: str) -> None: ...
    async def press(self, *keys: str, seconds: float = ...) -> None: ...
    async def show(self, view: str) -> None: ...
    @property
    def state(self) -> RunState: ...


async def draw(camera: Shooting, digit: int, slant: float = 0.1) -> None:
    """Draw a digit with the mouse."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.support.strokes import digit_strokes
    from tui.widgets.drawing.pad import DrawingPad

    pad = camera.pilot.app.screen.query_one(DrawingPad)
    is_large = pad.pad_layout.is_large
    for stroke in digit_strokes(digit, slant=slant):
        places = [(x * 2, y) if is_large else (x, y / 2) for x, y in stroke]
        kinds = [MouseDown] + [MouseMove] * (len(places) - 1)
        for kind, place in [*zip(kinds, places, strict=True), (MouseUp, places[-1])]:
            corner = pad.content_region.offset
            x, y = corner.x + place[0], corner.y + place[1]
            button = (0, 0, 1, False, False, False)
            event = kind(None, x, y, *button, screen_x=x, screen_y=y)
            camera.pilot.app.post_message(event)
            await camera.pilot.pause(0.05)


async def take_pictures_of_drawings(camera: Shooting) -> None:
    """Keep some drawings, and leave one on the pad."""
    await camera.show("draw")
    for digit in (2, 7, 4, 0, 9, 4):
        await draw(camera, digit, slant=0.02 * digit)
        await camera.press("K", str(digit), seconds=0.5)
    await camera.press("backspace")
    await draw(camera, 3)
    await camera.pilot.pause(2)
    await camera.shoot("draw")
    await camera.press("L", seconds=2)
    await camera.shoot("drawings")
    await camera.press("escape")


async def take_pictures_of_reasons(camera: Shooting) -> None:
    """Show all parts of a mistake, while the run is paused."""
    await camera.press("space")
    await camera.show("mistakes")
    await camera.press("E")
    for name, keys, seconds in (
        ("why", (), 3.0),
        ("why-two", ("down",), 3.0),
        ("why-layers", ("f",), SEARCHED),
        ("why-change", ("f",), 6.0),
        ("why-ideal", ("f",), 6.0),
        ("why-map", ("f",), 6.0),
    ):
        await camera.press(*keys, seconds=seconds)
        await camera.shoot(name)
    await camera.press("escape")
    await camera.press("space")
