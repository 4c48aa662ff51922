"""Images of digits: each as it is, as the network sees it, and what the network makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.responses import Digit
from tui.preferences import Preferences
from tui.text.digit_art import draw_bar, draw_digit, draw_grey
from tui.text.formats import printable
from tui.widgets.canvas import Canvas, StyledLine

if TYPE_CHECKING:
    from core.data.images import ImageFile

# A card has two pictures, with bars and their numbers beside them, under two lines of words.
INK_WIDTH, INK_HEIGHT = 14, 7
PARTS = ("ink", "quiet", "right", "wrong")
BAR, WIDTH, HEIGHT, GAP = 6, 38, 12, 2


class ImageCards(Canvas):
    PICTURE = True
    COMPONENT_CLASSES = {f"images--{name}" for name in PARTS}

    shown: var[tuple[tuple[ImageFile, Digit], ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    @property
    def columns(self) -> int:
        return max(1, (self.size.width + GAP) // (WIDTH + GAP))

    @property
    def capacity(self) -> int:
        """How many fit."""
        return self.columns * max(1, (self.size.height + 1) // (HEIGHT + 1))

    def watch_shown(self) -> None:
        self.draw()

    def watch_preferences(self) -> None:
        self.draw()

    def draw(self) -> None:
        lines: list[StyledLine] = []
        styles = {name: self.part(f"images--{name}") for name in ("ink", "quiet", "right", "wrong")}
        for start in range(0, len(self.shown), self.columns):
            row = self.shown[start : start + self.columns]
            cards = [self._card(picture, digit, styles) for picture, digit in row]
            lines += [
                [part for line in level for part in _padded(line)]
                for level in zip(*cards, strict=True)
            ]
            lines.append([])
        self.paint(lines)

    def _card(self, picture: ImageFile, digit: Digit, styles: dict[str, Style]) -> list[StyledLine]:
        preferences, quiet = self.preferences, styles["quiet"]
        style = "ramp" if preferences.ascii else preferences.digit_style
        size = picture.width, picture.height, INK_WIDTH, INK_HEIGHT
        light = not self.app.current_theme.dark
        original = draw_grey(picture.original, *size, inverted=light)
        seen = draw_digit(digit.pixels, INK_WIDTH, INK_HEIGHT, style)
        beside = [
            [
                Segment(f"{number} ", quiet),
                Segment(
                    draw_bar(share, BAR, plain=preferences.ascii), _bar_style(digit, number, styles)
                ),
            ]
            for number, share in enumerate(digit.probabilities(preferences.temperature))
        ]
        left: list[StyledLine] = [
            [Segment(f"{one} {two} ", styles["ink"])]
            for one, two in zip(original, seen, strict=True)
        ]
        under: StyledLine = [Segment(f"{'original':{INK_WIDTH}} {'as seen':{INK_WIDTH}} ", quiet)]
        blank: StyledLine = [Segment(" " * (2 * INK_WIDTH + 2))]
        left += [under, blank, blank]
        return [
            [Segment(_name(picture.path), quiet)],
            _verdict(digit, styles),
            *([*one, *two] for one, two in zip(left, beside, strict=True)),
        ]


def _name(path: str) -> str:
    """The file's name and its folder's, the end of it where there is no room for all."""
    name = printable("/".join(path.split("/")[-2:]))
    return name if len(name) <= WIDTH else f"…{name[1 - WIDTH :]}"


def _verdict(digit: Digit, styles: dict[str, Style]) -> StyledLine:
    share = f"{max(digit.probabilities()):.0%}"
    if digit.label is None:
        return [Segment(f"says {digit.predicted}, {share} sure", styles["ink"])]
    if digit.right:
        return [Segment(f"✓ says {digit.predicted}, {share} sure", styles["right"])]
    return [Segment(f"✗ says {digit.predicted}, {share} sure, is {digit.label}", styles["wrong"])]


def _bar_style(digit: Digit, number: int, styles: dict[str, Style]) -> Style:
    if number == digit.label:
        return styles["right"]
    if number != digit.predicted:
        return styles["quiet"]
    return styles["ink" if digit.label is None else "wrong"]


def _padded(line: StyledLine) -> StyledLine:
    used = sum(segment.cell_length for segment in line)
    return [*line, Segment(" " * (WIDTH + GAP - used), line[-1].style if line else None)]
