"""Pictures of an image with values at its places, and the bars of classes beside them."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var

from core.digit import Digit
from tui.preferences import Preferences
from tui.text.digit_art import SIDE, draw_bar
from tui.text.formats import cell_width, class_label, fit_cells, truncate, widest_label
from tui.text.tinted_art import TINT_SHARE, Tint, draw_signs, draw_tinted
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.cards.card import has_greys

BESIDE = 34  # columns that a picture of automatic width leaves to what is beside it
LABEL_WIDTH = 12  # columns of the name of a class
MARK_WIDTH, PERCENT_WIDTH = 5, 7


def fit_picture(width: int, height: int) -> tuple[int, int]:
    """Return the columns and lines of a picture in an area: a whole number of cells for a pixel
    where each has one."""
    side = min(width, 2 * height)
    side = side // SIDE * SIDE if side >= SIDE else side // 2 * 2
    return max(2, side), max(1, side // 2)


class TintedPicture(Canvas):
    """An image below its title. Where values are given, positive and negative ones have colours and
    signs: `helps` and `hurts` for what speaks for and against a class, else those of more and less
    ink."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"tinted--{name}" for name in ("ink", "quiet", "helps", "hurts", "added", "removed")
    }
    DEFAULT_CSS = """
    TintedPicture {
        height: 1fr; width: 1fr;
        & > .tinted--ink { color: $foreground; }
        & > .tinted--quiet { color: $quiet; }
        & > .tinted--helps { color: $right; }
        & > .tinted--hurts { color: $wrong; }
        & > .tinted--added { color: $series-train; }
        & > .tinted--removed { color: $series-test; }
    }
    """

    pixels: var[bytes | None] = var[bytes | None](None, init=False)
    values: var[bytes | None] = var[bytes | None](None, init=False)
    title: var[str] = var("", init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    watch_pixels = watch_values = watch_title = Canvas.redraw

    def __init__(self, *, id: str | None = None, colours: tuple[str, str] = ("", "")) -> None:
        """`colours` are the names of the styles of positive and negative values."""
        super().__init__(id=id)
        self._colours = colours if colours[0] else ("helps", "hurts")

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if (before.ascii, before.slow) != (after.ascii, after.slow):
            self.draw()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return fit_picture(container.width - BESIDE, container.height - 1)[0]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 + fit_picture(width, container.height - 1)[1]

    def draw(self) -> None:
        width, height = fit_picture(self.size.width, self.size.height - 1)
        title = Segment(truncate(self.title, self.size.width), self.parts["quiet"])
        lines: list[StyledLine] = [[title]]
        if self.pixels is not None:
            lines += self._picture(self.pixels, width, height)
        self.paint(lines)

    def _picture(self, pixels: bytes, width: int, height: int) -> list[StyledLine]:
        parts = self.parts
        more, less = (parts[name] for name in self._colours)
        if has_greys(self, self.preferences):
            used = parts["ink"], more, less
            ink, plus, minus = (Color.from_rich_color(each.color) for each in used)
            share = TINT_SHARE if any(pixels) else 1.0
            tint = Tint(self.background_colors[1], ink, plus, minus, share)
            return [list(line) for line in draw_tinted(pixels, self.values, width, height, tint)]
        styles = {0: parts["ink"], 1: more, -1: less}
        drawn = draw_signs(pixels, self.values, width, height)
        return [[Segment(text, styles[sign]) for text, sign in line] for line in drawn]


class ClassBars(Canvas):
    """The classes with their probabilities, the likeliest first. Each of `marks` stands before a
    class by its number; around the first of them the list is scrolled."""

    COMPONENT_CLASSES = {f"bars--{name}" for name in ("text", "quiet", "marked", "bar")}
    DEFAULT_CSS = """
    ClassBars {
        height: 1fr; width: 1fr;
        & > .bars--text { color: $foreground; }
        & > .bars--quiet { color: $quiet; }
        & > .bars--marked { background: $selection; color: $selection-text; text-style: bold; }
        & > .bars--bar { color: $series-train; }
    }
    """

    class Chosen(Message):
        """A class was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    digit: var[Digit | None] = var[Digit | None](None, init=False)
    marks: var[dict[int, str]] = var(dict, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)

    watch_digit = watch_marks = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if before.ascii != after.ascii:
            self.draw()

    def _shown(self) -> list[int]:
        """Return the classes that fit, in their order."""
        if self.digit is None:
            return []
        ordered, height = order_classes(self.digit), max(1, self.size.height)
        places = [ordered.index(number) for number in self.marks if number in ordered]
        last = max(places, default=0)
        first = max(0, min(last - height // 2, len(ordered) - height))
        return ordered[first : first + height]

    def on_click(self, event: Click) -> None:
        offset, shown = event.get_content_offset(self), self._shown()
        if offset is not None and offset.y < len(shown):
            self.post_message(self.Chosen(shown[offset.y]))

    def draw(self) -> None:
        self.paint([self._line(number) for number in self._shown()])

    def _line(self, number: int) -> StyledLine:
        digit, parts = self.digit, self.parts
        if digit is None:
            return []
        share, mark = digit.probabilities()[number], self.marks.get(number, "")
        label = widest_label(digit.class_names, LABEL_WIDTH)
        name = fit_cells(class_label(digit.name_of(number), label), label)
        space = max(0, self.size.width - MARK_WIDTH - label - 1 - PERCENT_WIDTH)
        bar = draw_bar(share, space, plain=self.preferences.ascii)
        text = parts["marked" if mark else "quiet"]
        return [
            Segment(fit_cells(mark, MARK_WIDTH), parts["text"]),
            Segment(name, text),
            Segment(" "),
            Segment(bar, parts["bar"]),
            Segment(f"{format_share(share):>{PERCENT_WIDTH}}", parts["text"]),
        ]


def order_classes(digit: Digit) -> list[int]:
    """Return the classes of a network, the likeliest first."""
    return sorted(range(len(digit.logits)), key=lambda number: -digit.logits[number])


def format_share(share: float) -> str:
    """Return a probability: 98.2%, 0.3%, <0.1%, >99.9%."""
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if share > 0.999 else f"{share:.1%}"


def name_shares(digit: Digit, width: int, most: int = 3) -> str:
    """Return the likeliest classes with their probabilities, as many as fit: 4 92.1%, 9 5.0%."""
    shares, text = digit.probabilities(), ""
    for number in order_classes(digit)[:most]:
        label = class_label(digit.name_of(number), max(4, width - 8))
        longer = f"{text}{', ' if text else ''}{label} {format_share(shares[number])}"
        if cell_width(longer) > width:
            break
        text = longer
    return text
