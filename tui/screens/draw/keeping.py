"""What the keys K and L of the Draw view do: keep the drawing, and look through the kept ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.errors import DataError, UserError, printable
from tui.text.formats import class_label
from tui.text.settings import find_classes

if TYPE_CHECKING:
    from core.data.drawn.store import KeptDrawing
    from tui.screens.draw.view import DrawView

EMPTY = "The drawing is empty: draw something first."


async def keep(view: DrawView) -> None:
    """Ask for the class of the drawing, keep it, and clear it; where that fails it stays."""
    from tui.screens.draw.label_dialog import label_dialog

    pixels = view.pixels
    if not any(pixels):
        view.notify(EMPTY, markup=False)
        return
    network = view.mnist.app_state.drawing.network
    names = network.class_names if network else find_classes(view.mnist.config.dataset)
    label = await view.app.push_screen_wait(label_dialog(names))
    if label is None:
        return
    try:
        place, path = await asyncio.to_thread(_keep, pixels, label)
    except UserError as error:
        view.notify(str(error), severity="error", markup=False, timeout=10)
        return
    if view.pixels == pixels:  # nothing has been drawn meanwhile
        view.pad.change("clear")
    text = f"Kept as {class_label(place.label)} in {path}. u brings the drawing back."
    view.notify(printable(text), markup=False, timeout=4)
    view.mnist.kept.refresh()


def _keep(pixels: bytes, label: str) -> tuple[KeptDrawing, str]:
    """Keep the drawing as the network gets it; return it and the path of its file.

    Raises DataError.
    """
    from core.data.drawn.store import drawings_folder, keep_drawing
    from core.data.preprocessing import prepare_drawing

    prepared = prepare_drawing(pixels)
    if prepared is None:
        raise DataError(EMPTY)
    kept = keep_drawing(prepared, label)
    return kept, str(drawings_folder() / kept.path)


async def look(view: DrawView) -> None:
    """Look through the kept drawings, and load the one that is selected."""
    from tui.screens.draw.kept_dialog import KeptDialog

    view.mnist.kept.refresh()
    if drawing := await view.app.push_screen_wait(KeptDialog()):
        view.load(drawing.pixels)
