"""Image files of digits: each original, the network's input made of it, and the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.responses import Digit
from tui.preferences import Preferences
from tui.text.digit_art import draw_digit, draw_grey
from tui.text.formats import printable
from tui.widgets.canvas import Canvas, StyledLine, place_side_by_side
from tui.widgets.digit_cards import CardStyle, bar_lines, card_style

if TYPE_CHECKING:
    from core.data.images import ImageFile

# A card, in cells: two lines of text, under them two images with the bars beside them.
INK_WIDTH, INK_HEIGHT = 14, 7
BARS, WIDTH, HEIGHT, GAP = 8, 38, 12, 2


class ImageCards(Canvas):
    """As many cards as fit."""

    PICTURE = True
    COMPONENT_CLASSES = {f"images--{name}" for name in ("ink", "quiet", "right", "wrong")}

    shown: var[tuple[tuple[ImageFile, Digit], ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    @property
    def columns(self) -> int:
        return max(1, (self.size.width + GAP) // (WIDTH + GAP))

    @property
    def capacity(self) -> int:
        """How many cards fit."""
        return self.columns * max(1, (self.size.height + 1) // (HEIGHT + 1))

    watch_shown = watch_preferences = Canvas.redraw

    def draw(self) -> None:
        style = card_style(self.preferences, self.parts)
        lines: list[StyledLine] = []
        for start in range(0, len(self.shown), self.columns):
            row = self.shown[start : start + self.columns]
            cards = [self._card(image, digit, style) for image, digit in row]
            lines += [*place_side_by_side(cards, WIDTH + GAP), []]
        self.paint(lines)

    def _card(self, image: ImageFile, digit: Digit, style: CardStyle) -> list[StyledLine]:
        styles, light = style.styles, not self.app.current_theme.dark
        ink = INK_WIDTH, INK_HEIGHT
        original = draw_grey(image.original, image.width, image.height, *ink, inverted=light)
        seen = draw_digit(digit.pixels, *ink, style.digit_style)
        left: list[StyledLine] = [
            [Segment(f"{one} {two} ", styles["ink"])]
            for one, two in zip(original, seen, strict=True)
        ]
        under = f"{'original':{INK_WIDTH}} {'network input':{INK_WIDTH}} "
        blank: StyledLine = [Segment(" " * len(under))]
        left += [[Segment(under, styles["quiet"])], blank, blank]
        return [
            [Segment(_name(image.path), styles["quiet"])],
            _verdict(digit, styles),
            *([*one, *two] for one, two in zip(left, bar_lines(digit, style, BARS), strict=True)),
        ]


def _name(path: str) -> str:
    """Return the names of the folder and the file, or the end of them that fits."""
    name = printable("/".join(path.split("/")[-2:]))
    return name if len(name) <= WIDTH else f"…{name[1 - WIDTH :]}"


def _verdict(digit: Digit, styles: dict[str, Style]) -> StyledLine:
    text = f"predicted {digit.predicted} ({max(digit.probabilities()):.0%})"
    if digit.label is None:
        return [Segment(text, styles["ink"])]
    if digit.right:
        return [Segment(f"✓ {text}", styles["right"])]
    return [Segment(f"✗ {text}, true {digit.label}", styles["wrong"])]
