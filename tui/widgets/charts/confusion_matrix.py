"""The confusion matrix: counts of each true and predicted class, coloured on one scale."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import var
from textual.style import Style as ContentStyle

from core.class_names import DIGITS, name_of
from tui.analysis.confusion import Confusion, most_errors
from tui.text.formats import class_label, cut_labels, right_cells, widest_label
from tui.widgets.canvas import Canvas, StyledLine, center_text

# Columns of a cell: the second where not all fit; more for names where there is space.
CELL, NARROW_CELL, WIDE_CELL = 5, 4, 12
HEADS = 2  # lines above the cells
# Shades of a cell with errors, as shares of the full colour. Few, since each costs bytes to send.
SHADES = (0.18, 0.38, 0.62, 0.95)
DIAGONAL = 0.25  # the same for correct predictions
CURSOR = "▶"


def shade_bounds(most: int) -> tuple[int, ...]:
    """Return the least count of each shade, for a matrix whose largest count of errors is `most`:
    equal parts, as many as there are shades, or fewer for small counts."""
    if not most:
        return ()
    return tuple(sorted({1 + most * part // len(SHADES) for part in range(len(SHADES))}))


def shade(count: int, bounds: tuple[int, ...]) -> int | None:
    """Return the place in SHADES of a count of errors, None for none. The largest has the last."""
    place = bisect_right(bounds, count)
    return len(SHADES) - 1 - (len(bounds) - place) if place else None


def count_text(count: int, width: int = 4) -> str:
    """Return a count in at most `width` characters, 3 or more."""
    if not count:
        return "·"
    text = str(count)
    return text if len(text) <= width else f"{count // 1000}k"


class ConfusionCanvas(Canvas):
    """A panel of what `content_lines` returns, empty while there is no confusion matrix."""

    confusion: var[Confusion] = var((), init=False)
    names: var[tuple[str, ...]] = var(DIGITS, init=False)  # of the classes
    placeholder = ""  # shown while there is none

    watch_confusion = watch_names = Canvas.redraw

    def content_lines(self) -> list[StyledLine]:
        return []

    def draw(self) -> None:
        if self.confusion:
            self.paint(self.content_lines())
        else:
            self.paint(center_text(self.placeholder, self.size, self.parts["quiet"]))


class ConfusionMatrix(ConfusionCanvas):
    """Rows are true classes, columns predicted ones. A panel of 55×14 for ten classes.

    To show it, set `confusion`, counts (classes × classes); () empties it. Each error has a shade
    by its count, on one scale for the whole matrix, which the panel's lower border explains; the
    diagonal has a colour of its own. Where not all classes fit, those around the cursor are shown,
    always with the names of their rows and columns.
    With `selectable=False` there is no cursor, and a click posts Opened at once.
    """

    PICTURE = True
    COMPONENT_CLASSES = {
        f"confusion--{name}" for name in ("text", "quiet", "heat", "right", "selected")
    }

    cursor: var[tuple[int, int]] = var((0, 0), init=False)  # true and predicted class

    @dataclass
    class Moved(Message):
        """The cursor is on another cell."""

        actual: int
        predicted: int

    class Opened(Message):
        """The cell under the cursor has been clicked."""

    def __init__(self, *, selectable: bool = True, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")
        self.can_focus = selectable
        self._legend: Content | None = None
        self.border_title = "Confusion matrix"

    def watch_cursor(self, cursor: tuple[int, int]) -> None:
        self.draw()
        self.post_message(self.Moved(*cursor))

    def move(self, rows: int, columns: int) -> bool:
        """Move the cursor by that many cells, at most to the edge; return whether it has moved."""
        (actual, predicted), last = self.cursor, len(self.confusion) - 1
        moved = max(0, min(last, actual + rows)), max(0, min(last, predicted + columns))
        before, self.cursor = self.cursor, moved
        return moved != before

    def move_to_end(self, *, last: bool) -> None:
        """Move the cursor to the first or the last row."""
        self.cursor = (len(self.confusion) - 1) * last, self.cursor[1]

    def on_click(self, event: Click) -> None:
        if not self.can_focus:
            self.post_message(self.Opened())
        elif (offset := event.get_content_offset(self)) and (cell := self._cell_at(*offset)):
            if cell == self.cursor:
                self.post_message(self.Opened())
            self.cursor = cell

    # Where cells are

    @property
    def _head(self) -> int:
        """Columns of a row's heading."""
        return max(3, 1 + widest_label(self._labels, self.size.width // 4))

    @property
    def _labels(self) -> list[str]:
        return [class_label(name_of(self.names, each)) for each in range(len(self.confusion))]

    @property
    def _cell(self) -> int:
        """Columns of a cell: as many as the names need, if all classes fit so."""
        space = (self.size.width - self._head) // max(1, len(self.confusion))
        wanted = max(CELL, 1 + widest_label(self._labels, WIDE_CELL - 1))
        return max(NARROW_CELL, min(wanted, space))

    def _window(self) -> tuple[range, range]:
        """Return the rows and columns that are shown: all, or those around the cursor."""
        count, (row, column) = len(self.confusion), self.cursor
        fitting = self.size.height - HEADS, (self.size.width - self._head) // self._cell
        rows, columns = (max(1, min(count, each)) for each in fitting)
        top = max(0, min(count - rows, row - rows // 2))
        left = max(0, min(count - columns, column - columns // 2))
        return range(top, top + rows), range(left, left + columns)

    def _cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        rows, columns = self._window()
        row, column = y - HEADS, (x - self._head) // self._cell
        if x < self._head or not (0 <= row < len(rows) and 0 <= column < len(columns)):
            return None
        return rows[row], columns[column]

    # Drawing

    def content_lines(self) -> list[StyledLine]:
        quiet, text = self.parts["quiet"], self.parts["text"]
        strong = text + Style(bold=True)
        rows, columns = self._window()
        at_row, at_column = self.cursor if self.can_focus else (None, None)
        wide, head, labels = self._cell, self._head, self._labels
        cut = cut_labels(labels, wide - 1)
        heads = [
            Segment(
                right_cells(cut[number], wide),
                strong if number == at_column else quiet,
            )
            for number in columns
        ]
        title = f"true ↓{'predicted as →':^{max(18, wide * len(columns) - 8)}}"
        if not len(rows) == len(columns) == len(labels):
            how = "arrows scroll" if self.can_focus else f"{len(columns)} shown"
            title = f"true ↓  predicted as →  {len(labels)} classes, {how}"
        lines: list[StyledLine] = [
            [Segment(title, quiet)],
            [Segment(" " * head), *heads],
        ]
        styles, bounds = self._styles(), shade_bounds(most_errors(self.confusion))
        for actual in rows:
            name = right_cells(class_label(labels[actual], head - 1), head)
            cells = [
                self._cell_segment((actual, predicted), wide, styles, bounds)
                for predicted in columns
            ]
            lines.append([Segment(name, strong if actual == at_row else quiet), *cells])
        self._show_legend(styles, bounds)
        return lines

    def _cell_segment(
        self, cell: tuple[int, int], wide: int, styles: dict[object, Style], bounds: tuple[int, ...]
    ) -> Segment:
        actual, predicted = cell
        count = self.confusion[actual][predicted]
        text = f"{count_text(count, wide - 1):>{wide - 1}}"
        if self.can_focus and cell == self.cursor:
            return Segment(CURSOR + text, styles["selected"])
        if actual == predicted:
            return Segment(f" {text}", styles["right"])
        return Segment(f" {text}", styles[shade(count, bounds)])

    def _styles(self) -> dict[object, Style]:
        """Return the style of each shade by its place, of None for no errors, and of the others.

        Each has text that is readable on its background. The terminal's own colours cannot be
        mixed: there the shades are colour, underlined, bold and both.
        """
        base, wrong = self.background_colors[1], self.parts["heat"]
        styles: dict[object, Style] = {
            None: self.parts["quiet"],
            "selected": self.get_component_rich_style("confusion--selected") + Style(bold=True),
        }
        if base.ansi is not None:
            bold, underlined = Style(bold=True), Style(underline=True)
            levels = (wrong, wrong + underlined, wrong + bold, wrong + bold + underlined)
            styles |= dict(enumerate(levels))
            return styles | {"right": self.parts["right"]}
        mixed: dict[object, tuple[str, float]] = {
            place: ("heat", share) for place, share in enumerate(SHADES)
        }
        mixed["right"] = "right", DIAGONAL
        for name, (part, share) in mixed.items():
            under = base.blend(base + self.get_component_styles(f"confusion--{part}").color, share)
            styles[name] = Style(
                color=under.get_contrast_text(1.0).rich_color, bgcolor=under.rich_color
            )
        return styles

    def _show_legend(self, styles: dict[object, Style], bounds: tuple[int, ...]) -> None:
        """Show in the lower border what the colours mean."""
        places = [shade(bound, bounds) for bound in bounds]
        # None without errors, as where a small dataset is learnt completely.
        ends = [*(bound - 1 for bound in bounds[1:]), most_errors(self.confusion)][: len(bounds)]
        swatches = [(" correct ", "right")] + [
            (f" {first} " if first == last else f" {first}–{last} ", place)
            for first, last, place in zip(bounds, ends, places, strict=True)
        ]
        parts = [
            Content.styled(text, ContentStyle.from_rich_style(styles[name]))
            for text, name in swatches
        ]
        legend = Content("").join([*parts, Content(" errors" if bounds else " no errors")])
        if self._legend is None or not legend.is_same(self._legend):
            self._legend = self.border_subtitle = legend
