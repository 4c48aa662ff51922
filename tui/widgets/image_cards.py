"""Image files of digits: each original, the network's input made of it, and the prediction."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.responses import UNLIKE, Digit
from tui.preferences import Preferences
from tui.text.digit_art import FRAME, draw_digit, draw_frame, draw_grey, fit_grey
from tui.text.formats import printable
from tui.widgets.canvas import Canvas, StyledLine, place_side_by_side
from tui.widgets.digit_cards import CardStyle, bar_lines, card_style

if TYPE_CHECKING:
    from core.data.images import ImageDigit

# A card, in cells: two lines of text, under them two images with the bars beside them.
INK_WIDTH, INK_HEIGHT = 14, 7
BARS, WIDTH, HEIGHT, GAP = 8, 38, 12, 2


class ImageCards(Canvas):
    """As many cards as fit."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"images--{name}" for name in ("ink", "quiet", "right", "wrong", "doubt", "frame")
    }

    shown: var[tuple[tuple[ImageDigit, Digit], ...]] = var((), init=False)
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

    def _card(self, image: ImageDigit, digit: Digit, style: CardStyle) -> list[StyledLine]:
        styles, light = style.styles, not self.app.current_theme.dark
        ink = INK_WIDTH, INK_HEIGHT
        place = image.width, image.height, *ink
        original = draw_grey(image.original, *place, inverted=light)
        original = draw_frame(original, fit_grey(*place), image.share, plain=style.plain)
        seen = draw_digit(digit.pixels, *ink, style.digit_style)
        left: list[StyledLine] = [
            [*_split_frame(one, styles), Segment(f" {two} ", styles["ink"])]
            for one, two in zip(original, seen, strict=True)
        ]
        under = f"{'original':{INK_WIDTH}} {'network input':{INK_WIDTH}} "
        left += [[Segment(under, styles["quiet"])]]
        left += [
            [Segment(text.ljust(len(under)), styles["doubt"])]
            for text in _warning_lines(_warnings(image, digit), len(under) - 1)
        ]
        return [
            [Segment(_name(image), styles["quiet"])],
            _verdict(digit, styles),
            *([*one, *two] for one, two in zip(left, bar_lines(digit, style, BARS), strict=True)),
        ]


def _split_frame(line: str, styles: dict[str, Style]) -> StyledLine:
    """Return a line of the original with its frame in another colour."""
    pieces = re.split(f"([{FRAME}|]+)", line)
    return [
        Segment(piece, styles["frame" if number % 2 else "ink"])
        for number, piece in enumerate(pieces)
        if piece
    ]


def _name(image: ImageDigit) -> str:
    """Return the names of the folder and the file, or the end of them that fits."""
    name = printable("/".join(image.path.split("/")[-2:]))
    if image.count > 1:
        name += f" ({image.position + 1} of {image.count})"
    return name if len(name) <= WIDTH else f"…{name[1 - WIDTH :]}"


def _warnings(image: ImageDigit, digit: Digit) -> tuple[str, ...]:
    return (*((UNLIKE,) if digit.is_unlike else ()), *image.warnings)


def _warning_lines(warnings: tuple[str, ...], width: int) -> list[str]:
    """Return two lines of the first warning and how many more there are; empty without one."""
    if not warnings:
        return ["", ""]
    more = f" (+{len(warnings) - 1})" if len(warnings) > 1 else ""
    lines = wrap(f"! {warnings[0]}{more}", width, max_lines=2, placeholder="…")
    return [*lines, ""][:2]


def _verdict(digit: Digit, styles: dict[str, Style]) -> StyledLine:
    text = f"predicted {digit.predicted} ({max(digit.probabilities()):.0%})"
    if digit.label is None:
        return [Segment(text, styles["ink"])]
    if digit.right:
        return [Segment(f"✓ {text}", styles["right"])]
    return [Segment(f"✗ {text}, true {digit.label}", styles["wrong"])]
