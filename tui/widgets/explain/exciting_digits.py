"""The test images that excite a unit most, as small pictures in one or two rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.segment import Segment
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.digit import Digit
from tui.preferences import Preferences
from tui.text.formats import cell_width, class_label
from tui.widgets.canvas import Canvas, StyledLine, center_text
from tui.widgets.cards.card import CardStyle, card_style, fill, image_lines

COUNT = 10
# Columns and lines of an image: the largest of which all fit are taken.
SIZES = (
    *((28, 14), (24, 12), (20, 10), (16, 8), (14, 7), (12, 6), (10, 5)),
    *((8, 4), (7, 4), (6, 3), (5, 3)),
)
LABELS = 2  # lines below an image; 1 where there are few
LEAST_WITH_HEADING = 8


@dataclass(frozen=True)
class DigitsLayout:
    """The size of an image, the columns for each, how many are in a row, and the lines below."""

    width: int
    height: int
    column: int
    across: int
    labels: int


def arrange_digits(width: int, height: int, count: int = COUNT) -> DigitsLayout:
    """Return the layout with the largest images of which so many fit into an area."""
    for wide, high in SIZES:
        for labels in (LABELS, 1):
            rows = (height + 1) // (high + labels + 1)
            if rows and width // wide * rows >= count:
                across = -(-count // rows)
                return DigitsLayout(wide, high, width // across, across, labels)
    wide, high = SIZES[-1]
    return DigitsLayout(wide, high, wide, max(1, width // wide), 1)


class ExcitingDigits(Canvas):
    """Test images, each above its class and the value of the unit, the largest first."""

    PICTURE = True
    COMPONENT_CLASSES = {f"digits--{name}" for name in ("ink", "quiet", "right", "wrong")}
    DEFAULT_CSS = """
    ExcitingDigits {
        & > .digits--ink { color: $foreground; }
        & > .digits--quiet { color: $quiet; }
        & > .digits--right { color: $right; }
        & > .digits--wrong { color: $wrong; }
    }
    """

    class Selected(Message):
        """An image was clicked."""

        def __init__(self, digit: Digit) -> None:
            super().__init__()
            self.digit = digit

    digits: var[tuple[Digit, ...]] = var((), init=False)
    values: var[tuple[float, ...]] = var((), init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    placeholder: var[str] = var("", init=False)
    heading: var[str] = var("", init=False)

    watch_digits = watch_values = watch_placeholder = watch_heading = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        names = ("ascii", "slow", "digit_style")
        if any(getattr(before, name) != getattr(after, name) for name in names):
            self.draw()

    @property
    def _layout(self) -> DigitsLayout:
        return arrange_digits(self.size.width, self.size.height - bool(self._heading))

    @property
    def _heading(self) -> str:
        """Return what the images are, where there is room for it."""
        return self.heading if self.size.height >= LEAST_WITH_HEADING else ""

    def on_click(self, event: Click) -> None:
        offset, laid = event.get_content_offset(self), self._layout
        y = offset.y - bool(self._heading) if offset else -1
        if offset is None or y < 0 or (column := offset.x // laid.column) >= laid.across:
            return
        place = y // (laid.height + laid.labels + 1) * laid.across + column
        if place < len(self.digits):
            self.post_message(self.Selected(self.digits[place]))

    def draw(self) -> None:
        if not self.digits:
            self.paint(center_text(self.placeholder, self.size, self.parts["quiet"]))
            return
        laid, style = self._layout, card_style(self, self.preferences)
        lines: list[StyledLine] = []
        if heading := self._heading:
            lines.append([Segment(heading[: self.size.width], self.parts["quiet"])])
        for start in range(0, len(self.digits), laid.across):
            row = range(start, min(start + laid.across, len(self.digits)))
            drawn = [self._lines(place, laid, style) for place in row]
            for level in zip(*drawn, strict=True):
                lines.append([seg for one in level for seg in fill(one, laid.column)])
            lines.append([])
        self.paint(lines[: self.size.height])

    def _lines(self, place: int, laid: DigitsLayout, style: CardStyle) -> list[StyledLine]:
        """Return an image above its class and the value of the unit."""
        digit, parts = self.digits[place], self.parts
        lines = image_lines(digit, laid.width, laid.height, style)
        name = digit.name_of(digit.predicted if digit.label is None else digit.label)
        label = class_label(name, max(1, laid.width - 2))
        sign = Segment("✓" if digit.right else "✗", parts["right" if digit.right else "wrong"])
        value = self.values[place] if place < len(self.values) else math.nan
        if laid.labels == LABELS:
            number = shorten(value, laid.column - 1)
            return [*lines, [sign, Segment(label, parts["ink"])], [Segment(number, parts["quiet"])]]
        number = shorten(value, laid.column - 3 - cell_width(label))
        return [*lines, [sign, Segment(f"{label} ", parts["ink"]), Segment(number, parts["quiet"])]]


def shorten(value: float, width: int) -> str:
    """Return a number with two significant digits, or less of it; "" where it does not fit."""
    if not math.isfinite(value):
        return ""
    two, one = (f"{value:.{digits}g}".replace("-", "−") for digits in (2, 1))
    texts = (two, one, one.replace("0.", ".", 1))
    return next((text for text in texts if len(text) <= width), "")
