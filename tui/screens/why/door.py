"""Opens the Why screen from a view with images."""

from __future__ import annotations

from typing import NamedTuple

from core.digit import Digit
from tui.screens.base import View
from tui.screens.draw.answer_panel import AnswerPanel
from tui.screens.why.screen import WhyScreen
from tui.text.formats import printable
from tui.widgets.cards.image_cards import ImageCards
from tui.widgets.digit_cards import DigitCards


class Found(NamedTuple):
    """An image to explain, those that are shown with it, and the checkpoint that is asked."""

    digit: Digit
    digits: tuple[Digit, ...]
    path: str | None


def open_why(view: View | None) -> None:
    """Explain the framed image of a view, or its first one; in Draw the drawing."""
    if view is None or isinstance(view, WhyScreen):
        return
    if found := find_image(view):
        screen = WhyScreen(found.digit, found.digits, path=found.path, mode=view.MODE)
        view.app.push_screen(screen)
    else:
        view.notify(_why_nothing(view), markup=False)


def _why_nothing(view: View) -> str:
    """Return why there is nothing to explain."""
    for panel in view.query(AnswerPanel):
        if panel.is_empty:
            return "There is no drawing yet."
        return printable(panel.drawing.why or "The network has not answered yet.")
    return "No image is shown yet."


def find_image(view: View) -> Found | None:
    for panel in view.query(AnswerPanel):
        return _find_drawing(panel)
    for cards in view.query(DigitCards):
        if shown := cards.digits[: cards.capacity]:
            return Found(shown[cards.selected_place or 0], shown, view.opened_path)
    for images in view.query(ImageCards):
        if shown := tuple(digit for _, digit in images.shown):
            return Found(shown[0], shown, view.opened_path)
    return None


def _find_drawing(panel: AnswerPanel) -> Found | None:
    """Return the drawing as the network gets it, with the network that answers."""
    state = panel.drawing
    if panel.is_empty or state.answer is None or state.network is None:
        return None
    digit = state.answer.drawn if panel.is_drawn else state.answer.prepared
    earlier = state.answer.asked.earlier
    return Found(digit, (), earlier.path if earlier else state.network.path)
