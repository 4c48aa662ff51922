"""Image files of digits: each original, the network's input made of it, and the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.digit import Digit
from tui.preferences import Preferences
from tui.text.formats import cell_width, class_labels, printable
from tui.text.picture_art import draw_grey_picture, draw_picture
from tui.widgets.canvas import Canvas, StyledLine, place_side_by_side
from tui.widgets.cards.card import (
    MOST_PROBABLE,
    CardStyle,
    bar_lines,
    card_style,
    frame_lines,
    join,
)
from tui.widgets.cards.card import image_lines as input_lines
from tui.widgets.cards.image_layout import ImageLayout, arrange, fit_warnings

if TYPE_CHECKING:
    from core.data.images import ImageDigit

Pair = tuple["ImageDigit", Digit]
LEAST_NAME = 8  # columns of the name of a file before names of classes are shortened
SEEN = ("temperature", "digit_style", "all_classes", "ascii", "slow")  # preferences


class ImageCards(Canvas):
    """As many cards as fit, from the position `first` on; one alone if `is_alone`."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"images--{name}" for name in ("ink", "quiet", "right", "wrong", "doubt", "frame", "line")
    }

    class Opened(Message):
        """A card was clicked."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    pairs: var[tuple[Pair, ...]] = var((), init=False)
    first: var[int] = var(0, init=False)
    is_alone: var[bool] = var(False, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    watch_pairs = watch_first = watch_is_alone = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SEEN):
            self.draw()

    @property
    def layout_of_cards(self) -> ImageLayout:
        pairs = self.pairs
        if self.is_alone:
            pairs = pairs[self.first : self.first + 1]
        bars = len(pairs[0][1].logits) if pairs else MOST_PROBABLE
        if not self.preferences.all_classes:
            bars = min(bars, MOST_PROBABLE)
        return arrange([_warnings(*pair) for pair in pairs], *self.size, bars)

    @property
    def capacity(self) -> int:
        """How many cards fit."""
        return 1 if self.is_alone else self.layout_of_cards.capacity

    @property
    def shown(self) -> tuple[Pair, ...]:
        return self.pairs[self.first : self.first + self.capacity]

    def draw(self) -> None:
        style, layout = card_style(self, self.preferences), self.layout_of_cards
        lines: list[StyledLine] = []
        shown = self.shown
        for start in range(0, len(shown), layout.columns):
            row = shown[start : start + layout.columns]
            cards = [self._card(image, digit, style, layout) for image, digit in row]
            lines += place_side_by_side(cards, layout.width)
        self.paint(lines)

    def on_click(self, event: Click) -> None:
        layout, offset = self.layout_of_cards, event.get_content_offset(self)
        if offset is None:
            return
        column, row = offset.x // layout.width, offset.y // layout.height
        place = row * layout.columns + column
        if column < layout.columns and place < len(self.shown):
            self.post_message(self.Opened(self.first + place))

    def _card(
        self, image: ImageDigit, digit: Digit, style: CardStyle, layout: ImageLayout
    ) -> list[StyledLine]:
        styles, inner = style.styles, layout.width - 2
        most = layout.bars if layout.bars < len(digit.logits) else 0
        inside = self._drawings(image, digit, style, layout.ink)
        if layout.is_stacked:
            inside += bar_lines(digit, style, inner, layout.bar_columns, most)
        else:
            taken = 2 * layout.ink + 2
            bars = bar_lines(digit, style, inner - taken, layout.bar_columns, most)
            above = max(0, layout.ink // 2 - len(bars)) // 2
            inside = join([inside, [*([[]] * above), *bars]], taken, 0)
        warnings = fit_warnings(_warnings(image, digit), inner, layout.warning_rows)
        inside += [[Segment(text, styles["doubt"])] for text in warnings]
        is_wrong = digit.label is not None and not digit.right
        size = layout.width, layout.height
        line = styles["wrong" if is_wrong else "line"]
        return frame_lines(inside, size, _title(image, digit, style, inner - 3), [], line)

    def _drawings(
        self, image: ImageDigit, digit: Digit, style: CardStyle, ink: int
    ) -> list[StyledLine]:
        """Return the lines of the original and of the network's input, and their captions."""
        original = self._original(image, style, ink)
        seen = input_lines(digit, ink, ink // 2, style)
        caption = Segment(f"{'original':{ink}} {'network input':{ink}}", style.styles["quiet"])
        return [*join([original, seen], ink, 1), [caption]]

    def _original(self, image: ImageDigit, style: CardStyle, ink: int) -> list[StyledLine]:
        size, styles = (image.width, image.height), style.styles
        inverted = not self.app.current_theme.dark
        place = image.original, size, image.share, ink, ink // 2
        if style.palette:
            greys = draw_grey_picture(
                *place, palette=style.palette, frame_style=styles["frame"], inverted=inverted
            )
            return [list(line) for line in greys]
        drawn = draw_picture(*place, style=style.digit_style, plain=style.plain, inverted=inverted)
        return [
            [Segment(text, styles["frame" if of_frame else "ink"]) for text, of_frame in line]
            for line in drawn
        ]


def _title(image: ImageDigit, digit: Digit, style: CardStyle, width: int) -> StyledLine:
    """Return the name of the image, and its prediction. How probable that is stands beside the
    bars, at their temperature."""
    sign, shade, names = "predicted ", "ink", [digit.predicted_name]
    if digit.label is not None:
        sign, shade = "✓ ", "right"
        if not digit.right:
            sign, shade, names = "✗ ", "wrong", [*names, digit.name_of(digit.label)]
    space = max(len(names), width - LEAST_NAME - len(sign) - len(", is ") * (len(names) - 1))
    text = sign + ", is ".join(class_labels(names, space))
    name = _name(image, width - cell_width(text) - 1)
    return [Segment(f"{name} ", style.styles["quiet"]), Segment(text, style.styles[shade])]


def _name(image: ImageDigit, width: int) -> str:
    """Return the names of the folder and the file, or the end of them that fits."""
    name = printable("/".join(image.path.split("/")[-2:]))
    if image.count > 1:
        name += f" ({image.position + 1} of {image.count})"
    if cell_len(name) <= width:
        return name
    while cell_len(name) >= max(1, width):
        name = name[1:]
    return f"…{name}"


def _warnings(image: ImageDigit, digit: Digit) -> tuple[str, ...]:
    return (*((digit.unlike_text(),) if digit.is_unlike else ()), *image.warnings)
