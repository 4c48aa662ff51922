"""Opens the Why screen from a view with images."""

from __future__ import annotations

from core.digit import Digit
from tui.screens.base import View
from tui.screens.why.screen import WhyScreen
from tui.widgets.cards.image_cards import ImageCards
from tui.widgets.digit_cards import DigitCards


def open_why(view: View | None) -> None:
    """Explain the framed image of a view, or its first one."""
    if view is None or isinstance(view, WhyScreen):
        return
    if found := find_images(view):
        screen = WhyScreen(*found, path=view.opened_path, mode=view.MODE)
        view.app.push_screen(screen)
    else:
        view.notify("No image is shown yet.")


def find_images(view: View) -> tuple[Digit, tuple[Digit, ...]] | None:
    """Return the image to explain, and those that are shown with it; None where there is none."""
    for cards in view.query(DigitCards):
        if shown := cards.digits[: cards.capacity]:
            return shown[cards.selected_place or 0], shown
    for images in view.query(ImageCards):
        if pairs := images.shown:
            return pairs[0][1], tuple(digit for _, digit in pairs)
    return None
