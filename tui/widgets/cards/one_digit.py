"""One image in the middle of its area, as large as it fits."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Size
from textual.reactive import var

from core.digit import Digit
from tui.preferences import Preferences
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.cards.card import card_style, image_lines, shown_style
from tui.widgets.cards.card_layout import BRAILLE_IMAGES, IMAGES, LARGE

# How many cells a pixel is wide in a large window; more would be no clearer.
LARGEST = 3
SEEN = ("digit_style", "ascii", "slow")  # preferences


def fit_image(area: Size, style: str, *, slow: bool) -> tuple[int, int]:
    """Return the columns and lines of an image in an area. `style` as draw_digit takes it.

    On a slow link it is at most LARGE, since one of twice that size takes more than a second.
    """
    most = 1 if slow else LARGEST
    sizes = [(LARGE[0] * times, LARGE[1] * times) for times in range(most, 0, -1)]
    sizes += BRAILLE_IMAGES if style == "braille" else IMAGES
    fitting = (size for size in sizes if size[0] <= area.width and size[1] <= area.height)
    return next(fitting, sizes[-1])


class OneDigit(Canvas):
    """An image in the style that the preferences say; empty without one."""

    PICTURE = True
    COMPONENT_CLASSES = {"one--ink"}
    DEFAULT_CSS = "OneDigit > .one--ink { color: $foreground; }"

    digit: var[Digit | None] = var[Digit | None](None, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    watch_digit = Canvas.redraw

    @property
    def pixels(self) -> bytes | None:
        """The image without its prediction."""
        return self.digit.pixels if self.digit else None

    @pixels.setter
    def pixels(self, pixels: bytes | None) -> None:
        self.digit = Digit(0, pixels, None, ()) if pixels else None

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SEEN):
            self.draw()

    def draw(self) -> None:
        if self.digit is None:
            self.paint([])
            return
        style, slow = shown_style(self, self.preferences), self.preferences.slow
        width, height = fit_image(self.size, style, slow=slow)
        image = image_lines(self.digit, width, height, card_style(self, self.preferences))
        left = Segment(" " * max(0, (self.size.width - width) // 2))
        above: list[StyledLine] = [[]] * max(0, (self.size.height - height) // 2)
        self.paint([*above, *([left, *line] for line in image)])
