"""The frame around a card of a view of images, put there by enter and moved by the arrow keys."""

from __future__ import annotations

from tui.screens.base import View
from tui.widgets.digit_cards import DigitCards

EXPLAINS = (
    "shows why the network predicts that: which places of the image count, its layers, a "
    "small change that turns it into another class, an ideal image of the class, and a map. "
)
# For the help of views of large cards, and of views with cards beside tables.
EXPLAIN_HELP = {
    "E": f"{EXPLAINS}enter frames a card, arrow keys move the frame, and E explains the framed "
    "card; so does a click on a card."
}
EXPLAIN_IN_FOCUS_HELP = {"E": f"{EXPLAINS}It explains the card in focus, else the first one."}


def step_frame(view: View, by: int) -> None:
    """Frame the first card of a view, or explain the framed one; with -1 hide the frame, or close
    the view if another is below it."""
    from tui.screens.why.door import open_why

    cards = view.query_one(DigitCards)
    if by > 0 and cards.selected is not None:
        open_why(view)
    elif by > 0:
        cards.selected = 0 if cards.digits else None
    elif cards.selected is not None:
        cards.selected = None
    elif len(view.app.screen_stack) > 1:
        view.app.pop_screen()
