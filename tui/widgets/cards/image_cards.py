"""Image files of digits: each original, the network's input made of it, and the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.responses import UNLIKE, Digit
from tui.preferences import Preferences
from tui.text.formats import printable
from tui.text.picture_art import draw_picture
from tui.widgets.canvas import Canvas, StyledLine, pad_line, place_side_by_side
from tui.widgets.cards.card import CardStyle, bar_lines, card_style, image_lines
from tui.widgets.cards.image_layout import CLASSES, GAP, ImageLayout, arrange, fit_warnings

if TYPE_CHECKING:
    from core.data.images import ImageDigit

Pair = tuple["ImageDigit", Digit]


class ImageCards(Canvas):
    """As many cards as fit, from the position `first` on; one alone if `is_alone`."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"images--{name}" for name in ("ink", "quiet", "right", "wrong", "doubt", "frame")
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
        seen = ("temperature", "digit_style", "ascii")
        if any(getattr(before, name) != getattr(after, name) for name in seen):
            self.draw()

    @property
    def layout_of_cards(self) -> ImageLayout:
        pairs = self.pairs
        if self.is_alone:
            pairs = pairs[self.first : self.first + 1]
        return arrange([_warnings(*pair) for pair in pairs], self.size.width, self.size.height)

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
            lines += place_side_by_side(cards, layout.width + GAP)
            lines += [[]] * (layout.body + layout.warning_rows - max(map(len, cards)) + 1)
        self.paint(lines)

    def on_click(self, event: Click) -> None:
        layout = self.layout_of_cards
        column = event.x // (layout.width + GAP)
        row = event.y // (layout.body + layout.warning_rows + 1)
        place = row * layout.columns + column
        if column < layout.columns and place < len(self.shown):
            self.post_message(self.Opened(self.first + place))

    def _card(
        self, image: ImageDigit, digit: Digit, style: CardStyle, layout: ImageLayout
    ) -> list[StyledLine]:
        styles = style.styles
        drawings, bars = (
            self._drawings(image, digit, style, layout.ink),
            _bars(digit, style, layout),
        )
        if not layout.is_stacked:
            drawings, bars = _join(drawings, bars, 2 * layout.ink + 2), []
        warnings = fit_warnings(_warnings(image, digit), layout.width, layout.warning_rows)
        return [
            [Segment(_name(image, layout.width), styles["quiet"])],
            _verdict(digit, styles),
            *drawings,
            *bars,
            *([Segment(text, styles["doubt"])] for text in warnings),
        ]

    def _drawings(
        self, image: ImageDigit, digit: Digit, style: CardStyle, ink: int
    ) -> list[StyledLine]:
        """Return the lines of the original and of the network's input, and their captions."""
        styles = style.styles
        original = draw_picture(
            image.original,
            (image.width, image.height),
            image.share,
            ink,
            ink // 2,
            style="half-block" if style.digit_style == "grey" else style.digit_style,
            plain=style.plain,
            inverted=not self.app.current_theme.dark,
        )
        seen = image_lines(digit, ink, ink // 2, style)
        lines: list[StyledLine] = [
            [
                *(Segment(text, styles["frame" if is_frame else "ink"]) for text, is_frame in one),
                Segment(" "),
                *two,
            ]
            for one, two in zip(original, seen, strict=True)
        ]
        return [*lines, [Segment(f"{'original':{ink}} network input", styles["quiet"])]]


def _bars(digit: Digit, style: CardStyle, layout: ImageLayout) -> list[StyledLine]:
    """Return a line for each class; of a stacked layout for each two classes."""
    lines = bar_lines(digit, style, layout.bars)
    if not layout.is_stacked:
        return lines
    return _join(lines[: CLASSES // 2], lines[CLASSES // 2 :], layout.ink + 1)


def _join(left: list[StyledLine], right: list[StyledLine], width: int) -> list[StyledLine]:
    height = max(len(left), len(right))
    first = [*left, *[[]] * (height - len(left))]
    second = [*right, *[[]] * (height - len(right))]
    return [[*pad_line(one, width), *two] for one, two in zip(first, second, strict=True)]


def _name(image: ImageDigit, width: int) -> str:
    """Return the names of the folder and the file, or the end of them that fits."""
    name = printable("/".join(image.path.split("/")[-2:]))
    if image.count > 1:
        name += f" ({image.position + 1} of {image.count})"
    if cell_len(name) <= width:
        return name
    while cell_len(name) >= width:
        name = name[1:]
    return f"…{name}"


def _warnings(image: ImageDigit, digit: Digit) -> tuple[str, ...]:
    return (*((UNLIKE,) if digit.is_unlike else ()), *image.warnings)


def _verdict(digit: Digit, styles: dict[str, Style]) -> StyledLine:
    """Return the prediction. Its probability stands beside the bars, at their temperature."""
    text = f"predicted {digit.predicted}"
    if digit.label is None:
        return [Segment(text, styles["ink"])]
    if digit.right:
        return [Segment(f"✓ {text}", styles["right"])]
    return [Segment(f"✗ {text}, true {digit.label}", styles["wrong"])]
