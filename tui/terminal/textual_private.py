"""The private parts of Textual that the app uses, each with what is done where it is missing.

Checked against Textual 8.0.0 and 8.2.8. No other file of the program names a private part of
Textual or Rich; `PARTS` lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.strip import Strip

# App._display(screen, renderable): writes a frame to the terminal.
DISPLAY = "_display"
# App._batch_count: above 0 while App.batch_update() holds frames back.
BATCH_COUNT = "_batch_count"
# Screen._compositor.render_strips(): the whole screen, a strip for each line.
COMPOSITOR = "_compositor"
PARTS = DISPLAY, BATCH_COUNT, COMPOSITOR

# Called with the screen that has changed, and with what writes the change Textual's own way.
FrameHandler = Callable[["Screen[Any]", Callable[[], None]], None]


def _part(owner: object, name: str) -> Any:
    """Return a private part, None where this version of Textual has none of that name."""
    return getattr(owner, name, None)


def intercept_frames(app: App[Any], handle: FrameHandler) -> None:
    """Call `handle(screen, write)` for each frame, in place of writing it to the terminal.

    Where that is not possible, Textual writes every frame as it always does.
    """
    display = _part(app, DISPLAY)

    def intercepted(screen: Screen[Any], renderable: Any) -> None:
        idle = renderable is None or app.is_headless or not app.is_running
        if idle or _part(app, BATCH_COUNT):
            display(screen, renderable)
        else:
            handle(screen, lambda: display(screen, renderable))

    if display is not None:
        setattr(app, DISPLAY, intercepted)


def screen_strips(screen: Screen[Any]) -> list[Strip] | None:
    """Return all lines of a screen as they are to be shown, None where they cannot be had."""
    render = _part(_part(screen, COMPOSITOR), "render_strips")
    return None if render is None else render()
