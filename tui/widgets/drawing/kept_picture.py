"""One drawing as a picture, as large as an image of the network's input in a small window."""

from textual.reactive import var

from core.data.drawn.store import KeptDrawing
from core.digit import Digit
from tui.preferences import Preferences
from tui.widgets.canvas import Canvas
from tui.widgets.cards.card import card_style, image_lines


class KeptPicture(Canvas):
    """Shows a drawing in the style of the preferences."""

    PICTURE = True
    COMPONENT_CLASSES = {"kept--ink"}

    preferences: var[Preferences] = var(Preferences, init=False)
    pixels: var[bytes] = var(b"", init=False)

    watch_pixels = watch_preferences = Canvas.redraw

    def show(self, drawing: KeptDrawing | None) -> None:
        self.pixels = drawing.pixels if drawing else b""

    def draw(self) -> None:
        if not self.pixels:
            self.paint([])
            return
        digit = Digit(0, self.pixels, None, ())
        style = card_style(self, self.preferences)
        self.paint(image_lines(digit, self.size.width, self.size.height, style))
