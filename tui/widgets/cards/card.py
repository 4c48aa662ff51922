"""One card: a border with the prediction in its title, the image, and bars of probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from core.digit import Digit
from tui.preferences import Preferences
from tui.text.digit_art import draw_bar, draw_digit
from tui.text.formats import (
    cell_width,
    class_label,
    class_labels,
    distinct_labels,
    fit_cells,
    truncate,
    widest_label,
)
from tui.text.grey_art import Palette, draw_grey_digit, make_palette
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.cards.card_layout import LABEL_WIDTH, MOST_PROBABLE, CardLayout

PERCENT_WIDTH = 5  # cells of a percentage and the space before it
# Cells of a bar: at least, and before a long label gets more than LABEL_WIDTH.
LEAST_BAR, GOOD_BAR = 2, 8

HEAVY = str.maketrans("╭╮╰╯─│", "┏┓┗┛━┃")


@dataclass(frozen=True)
class CardStyle:
    temperature: float  # of the softmax
    digit_style: str  # as draw_digit takes it, or "grey"
    plain: bool  # bars in ASCII
    styles: dict[str, Style]  # "ink", "quiet", "right", "wrong", "doubt", "line" and "focus"
    palette: Palette = ()  # for the style "grey"
    all_classes: bool = False


def shown_style(canvas: Canvas, preferences: Preferences) -> str:
    """Return the digit style to draw in: greys become the ramp where the terminal has fewer than
    256 colours or those of its own theme, and on a slow link, which they would fill for seconds."""
    if preferences.ascii:
        return "ramp"
    is_drawn = preferences.digit_style != "grey" or has_greys(canvas, preferences)
    return preferences.digit_style if is_drawn else "ramp"


def has_greys(canvas: Canvas, preferences: Preferences) -> bool:
    """Return whether pictures are drawn in colours of their own, as in `shown_style`."""
    app = canvas.app
    has_colours = app.is_headless or app.console.color_system in ("256", "truecolor")
    is_own = "ansi" in app.theme or app.no_color
    return has_colours and not is_own and not preferences.slow and not preferences.ascii


def card_style(canvas: Canvas, preferences: Preferences) -> CardStyle:
    style = shown_style(canvas, preferences)
    palette: Palette = ()
    if style == "grey":
        ground = canvas.background_colors[1]
        few = not canvas.app.is_headless and canvas.app.console.color_system == "256"
        ink = canvas.parts["ink"].color
        palette = make_palette(ground, Color.from_rich_color(ink), few=few)
    return CardStyle(
        preferences.temperature,
        style,
        preferences.ascii,
        canvas.parts,
        palette,
        preferences.all_classes,
    )


def image_lines(digit: Digit, width: int, height: int, style: CardStyle) -> list[StyledLine]:
    """Return the image as `height` lines of `width` cells."""
    if style.digit_style == "grey":
        return [list(line) for line in draw_grey_digit(digit.pixels, width, height, style.palette)]
    rows = draw_digit(digit.pixels, width, height, style.digit_style)
    return [[Segment(row, style.styles["ink"])] for row in rows]


def bar_lines(
    digit: Digit, style: CardStyle, width: int, columns: int = 1, most: int = 0
) -> list[StyledLine]:
    """Return a line for each class that is shown: its label, a bar and a percentage.

    They are the most probable ones in their order, or all classes in theirs; `most` if not 0 is how
    many fit. In several columns `width` is that of all.
    """
    each = (width + 1) // columns - 1
    space = each - 1 - PERCENT_WIDTH  # for a label and a bar
    bars = list(_bars(digit, style, most))
    longest = widest_label((bar.label for bar in bars), space)
    label = max(1, min(longest, max(space - GOOD_BAR, min(LABEL_WIDTH, space - LEAST_BAR))))
    lines = [
        [
            Segment(fit_cells(name, label), bar.text),
            Segment(" "),
            bar.draw(space - label),
            Segment(bar.percent, bar.text),
        ]
        for bar, name in zip(bars, distinct_labels([bar.label for bar in bars], label), strict=True)
    ]
    height = -(-len(lines) // columns)
    return join([lines[start : start + height] for start in range(0, len(lines), height)], each, 1)


def tall_bar_lines(digit: Digit, style: CardStyle, width: int) -> list[StyledLine]:
    """Return two lines for each class that is shown, the second of which is its bar, and a blank
    line between two classes."""
    lines: list[StyledLine] = []
    for bar in _bars(digit, style):
        label = fit_cells(class_label(bar.label, width - PERCENT_WIDTH), width - PERCENT_WIDTH)
        lines += [[Segment(label + bar.percent, bar.text)], [bar.draw(width)], []]
    return lines[:-1]


@dataclass(frozen=True)
class ClassBar:
    """The bar of a class; `draw` returns it in a width, and `text` is the style of its texts."""

    label: str
    percent: str
    text: Style
    draw: Callable[[int], Segment]


def _bars(digit: Digit, style: CardStyle, most: int = 0) -> Iterator[ClassBar]:
    """Yield the bar of each class that is shown.

    All are bars of the true class's or of the wrong prediction's colour, and quiet ones.
    """
    shares, styles = digit.probabilities(style.temperature), style.styles
    shown = list(range(len(shares)))
    if most or not style.all_classes:
        shown = sorted(shown, key=lambda number: -shares[number])[: most or MOST_PROBABLE]
    for number in shown:
        share, name = shares[number], "quiet"
        if number == digit.label:
            name = "right"
        elif number == digit.predicted:
            name = "ink" if digit.label is None else "wrong"
        yield ClassBar(
            digit.name_of(number),
            f"{share:{PERCENT_WIDTH}.0%}",
            styles["ink" if number == digit.predicted else "quiet"],
            partial(_bar, share, style, styles[name]),
        )


def _bar(share: float, style: CardStyle, colour: Style, width: int) -> Segment:
    return Segment(draw_bar(share, max(0, width), plain=style.plain), colour)


def join(blocks: Sequence[list[StyledLine]], width: int, gap: int) -> list[StyledLine]:
    """Return blocks of lines side by side, each but the last filled to `width` cells."""
    lines: list[StyledLine] = []
    for row in zip_longest(*blocks, fillvalue=[]):
        *firsts, last = row
        lines.append([segment for one in firsts for segment in fill(one, width + gap)] + last)
    return lines


def fill(line: StyledLine, width: int) -> StyledLine:
    """Return the line with blanks up to `width` cells, which have no style."""
    free = width - sum(segment.cell_length for segment in line)
    return [*line, Segment(" " * free)] if free > 0 else line


def frame_lines(
    inside: list[StyledLine],
    size: tuple[int, int],
    title: StyledLine,
    foot: StyledLine,
    line: Style,
) -> list[StyledLine]:
    """Return lines in a rounded border of width × height cells, with a title at its upper left
    and a text at its lower right. What does not fit is left out."""
    width, height = size[0] - 2, size[1] - 2
    inside = inside[:height]
    above = (height - len(inside)) // 2
    below = height - len(inside) - above
    rows = [*([[]] * above), *inside, *([[]] * below)]
    side = Segment("│", line)
    return [
        [Segment("╭", line), *_edge(title, width, line), Segment("╮", line)],
        *([side, *fill(row, width), side] for row in rows),
        [Segment("╰", line), *_edge(foot, width, line, at_end=True), Segment("╯", line)],
    ]


def _edge(text: StyledLine, width: int, line: Style, *, at_end: bool = False) -> StyledLine:
    """Return a side of a border with a text in it."""
    used = sum(segment.cell_length for segment in text)
    if not used or used > width:
        return [Segment("─" * width, line)]
    space = min(1, (width - used) // 2)
    near = min(1, width - used - 2 * space)
    far = width - used - 2 * space - near
    before, after = (far, near) if at_end else (near, far)
    blank = Segment(" " * space)
    return [Segment("─" * before, line), blank, *text, blank, Segment("─" * after, line)]


def verdict(digit: Digit, previous: int | None, width: int) -> str:
    """Return the digit's index and prediction, as much of it as fits; wrong ones by sign too."""
    sign, names = "predicted " if digit.label is None else "✓ ", [digit.predicted_name]
    if digit.label is not None and not digit.right:
        sign, names = "✗ ", [*names, digit.name_of(digit.label)]
    text = sign + ", is ".join(class_labels(names))
    options = [f"#{digit.index} {text}", text]
    if previous is not None:
        was = class_label(digit.name_of(previous))
        options.insert(0, f"{options[0]}, was {was}")
    if found := next((each for each in options if cell_width(each) <= width), None):
        return found
    space = width - len(sign) - len(", is ") * (len(names) - 1)
    return truncate(sign + ", is ".join(class_labels(names, space)), width)


def _foot(digit: Digit, note: str, layout: CardLayout, style: CardStyle) -> StyledLine:
    """Return what stands in the lower border: that the image is unlike any digit, else how sure the
    network is, and `note`, which tells that from the bars."""
    width = layout.width - 4
    if digit.is_unlike:
        sign = f"! {digit.unlike_text(short=True)}"
        return [Segment(sign if len(sign) <= width else sign[: width + 2], style.styles["doubt"])]
    sure = f"{max(digit.probabilities()):.0%} sure"
    texts = [f"{sure} · {note}", note, sure] if note else [sure]
    text = next((each for each in texts if len(each) <= width), "")
    return [Segment(text, style.styles["quiet"])]


def draw_card(
    digit: Digit,
    layout: CardLayout,
    style: CardStyle,
    *,
    previous: int | None = None,
    is_selected: bool = False,
    note: str = "",
) -> list[StyledLine]:
    """Return the lines of a card. `previous` is the prediction at the epoch before if it was
    another one, `note` what is said of its bars."""
    styles, inner = style.styles, layout.width - 2
    is_wrong = digit.label is not None and not digit.right
    shade = "ink" if digit.label is None else "wrong" if is_wrong else "right"
    line = styles["focus" if is_selected else "wrong" if is_wrong else "line"]
    title = Segment(verdict(digit, previous, inner - 2), styles[shade])
    inside = _inside(digit, layout, style, inner)
    size = layout.width, layout.height
    lines = frame_lines(inside, size, [title], _foot(digit, note, layout, style), line)
    return [_heavier(each, line) for each in lines] if is_selected else lines


def _heavier(card_line: StyledLine, border: Style) -> StyledLine:
    """Return a line of a card with a heavy border, which is seen without colours too."""
    return [
        Segment(text.translate(HEAVY), style) if style is border else Segment(text, style)
        for text, style, _ in card_line
    ]


def _inside(digit: Digit, layout: CardLayout, style: CardStyle, inner: int) -> list[StyledLine]:
    width, height = layout.image
    image = image_lines(digit, width, height, style)
    if layout.bars == "beside":
        beside = inner - width - layout.gap
        bars = bar_lines(digit, style, beside, layout.bar_columns, layout.most_bars)
        if 3 * len(bars) - 1 <= height:
            bars = tall_bar_lines(digit, style, beside)
        above = max(0, height - len(bars)) // 2
        return join([image, [*([[]] * above), *bars]], width, layout.gap)
    left = Segment(" " * ((inner - width) // 2))
    lines = [[left, *line] for line in image]
    if layout.bars == "below":
        lines += bar_lines(digit, style, inner, layout.bar_columns, layout.most_bars)
    return lines
