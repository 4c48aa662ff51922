"""One image, as large as it fits."""

from __future__ import annotations

from textual.reactive import var

from core.digit import Digit
from tui.preferences import Preferences
from tui.widgets.canvas import Canvas
from tui.widgets.cards.card import card_style, image_lines


class OneDigit(Canvas):
    """An image in the style that the preferences say; empty without one."""

    PICTURE = True
    COMPONENT_CLASSES = {"one--ink"}
    DEFAULT_CSS = "OneDigit > .one--ink { color: $foreground; }"

    pixels: var[bytes | None] = var(None, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    watch_pixels = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        names = ("ascii", "slow", "digit_style")
        if any(getattr(before, name) != getattr(after, name) for name in names):
            self.draw()

    def draw(self) -> None:
        if self.pixels is None:
            self.paint([])
            return
        height = min(self.size.height, self.size.width // 2)
        style = card_style(self, self.preferences)
        self.paint(image_lines(Digit(0, self.pixels, None, ()), 2 * height, height, style))
