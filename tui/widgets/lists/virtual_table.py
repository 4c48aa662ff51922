"""A table of any length, of which only the rows in sight are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import on
from textual.binding import Binding
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.table import GAP, FittingColumns, TableColumn, fit_columns, fit_text

T = TypeVar("T")

SIGNS = 3  # cells before each row
ARROW = 2  # cells of the first column that hold the arrow of a tree
SCROLL_LINES = 3
LEAST_GROWING = 11  # cells of the column that grows, before it is left out


@dataclass(frozen=True)
class TableRow:
    """A row: its signs and a cell for each column.

    From column `text_from` on, `text` may stand in place of the cells. `style` is one of the
    component classes without their prefix "table--"; `styles` are those of some cells, by column.
    """

    cells: Sequence[str] = ()
    signs: str = ""
    text: str = ""
    text_from: int = 0
    style: str = "text"
    styles: Mapping[int, str] = field(default_factory=dict)


class VirtualTable(Canvas, Generic[T], can_focus=True):
    """Rows of type T with a cursor, identified by their keys."""

    COMPONENT_CLASSES = {
        f"table--{name}"
        for name in (
            *("text", "quiet", "head", "sorted", "live", "wrong"),
            *("marked", "curve", "bar", "selected"),
        )
    }
    BINDINGS = [
        Binding("up,k", "move(-1)", "Row", show=False),
        Binding("down,j", "move(1)", "Row", show=False),
        Binding("pageup", "page(-1)", "Page", show=False),
        Binding("pagedown", "page(1)", "Page", show=False),
        Binding("home,g", "edge(-1)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
    ]

    class Moved(Message):
        """The cursor is on another row."""

    class Opened(Message):
        """The row under the cursor has been double-clicked."""

    class Unfolded(Message):
        """The arrow before the row under the cursor has been clicked."""

    @dataclass
    class HeadClicked(Message):
        """A column's title has been clicked; `column` is its place."""

        column: int

    def __init__(
        self,
        key: Callable[[T], str],
        present: Callable[[T], TableRow],
        *,
        growing: int,
        id: str | None = None,
    ) -> None:
        """`key` identifies a row, and `present` returns how it is shown. `growing` is the place of
        the column that takes the width which the others leave."""
        super().__init__(id=id, classes="panel")
        self._key, self._present = key, present
        self.rows: Sequence[T] = ()
        self._keys: list[str] = []
        self._columns: Sequence[TableColumn] = ()
        self._sorted_by, self._descending = 0, True
        self._placeholder = ""
        self._growing = growing
        self.row, self.top = 0, 0  # the row under the cursor, and the first row in sight
        self.fitting: FittingColumns = []  # the columns that are drawn

    # Rows and cursor

    def show(
        self,
        columns: Sequence[TableColumn],
        rows: Sequence[T],
        *,
        sorted_by: int = 0,
        descending: bool = True,
        placeholder: str = "",
    ) -> None:
        """Replace the rows, which are sorted by the column `sorted_by` already.

        The cursor stays on its row, and the row on its line; if the row is gone, the cursor is on
        the next one. `placeholder` is shown in place of no rows.
        """
        before, here = self.selected_key, self.row - self.top
        keys = list(map(self._key, rows))
        self._columns, self.rows, self._keys = columns, rows, keys
        self._sorted_by, self._descending = sorted_by, descending
        self._placeholder = placeholder
        try:
            self.row = keys.index(before) if before else self.row
        except ValueError:
            before = ""
        if self.top or self.row >= self._lines:
            self.top = self.row - here
        self._settle()
        self._show_cursor(before)

    @property
    def selected(self) -> T | None:
        """The row under the cursor."""
        return self.rows[self.row] if self.selected_key else None

    @property
    def selected_key(self) -> str:
        return self._keys[self.row] if 0 <= self.row < len(self._keys) else ""

    @property
    def _lines(self) -> int:
        """How many rows fit."""
        return max(1, self.size.height - 1)

    def _settle(self) -> None:
        """Move the cursor onto a row that exists, and scroll to it."""
        self.row = max(0, min(self.row, len(self._keys) - 1))
        self.top = max(self.row - self._lines + 1, min(self.top, self.row))
        self.top = max(0, min(self.top, len(self._keys) - self._lines))

    def on_resize(self) -> None:
        self._settle()
        self.draw()

    on_focus = on_blur = Canvas.redraw

    # Keys and mouse

    def go(self, row: int) -> None:
        """Move the cursor to a row."""
        before = self.selected_key
        self.row = row
        self._settle()
        self._show_cursor(before)

    def _show_cursor(self, before: str) -> None:
        self.draw()
        if self.selected_key != before:
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self.go(self.row + by)

    def action_page(self, by: int) -> None:
        self.top += by * (self._lines - 1)
        self.go(self.row + by * (self._lines - 1))

    def action_edge(self, by: int) -> None:
        self.go(0 if by < 0 else len(self._keys) - 1)

    @on(Click)
    def _select_or_scroll(self, event: Click) -> None:
        place = event.get_content_offset(self)
        if place is None:  # on the border
            return
        row = self.top + place.y - 1
        if place.y == 0:
            self._click_head(place.x)
        elif place.x == self.size.width - 1 and len(self._keys) > self._lines:
            self._scroll(round((place.y - 1) / self._lines * len(self._keys)) - self.top)
        elif row < len(self._keys):
            self.go(row)
            if event.chain == 2:
                self.post_message(self.Opened())
            elif place.x < SIGNS + ARROW:
                self.post_message(self.Unfolded())

    def _click_head(self, x: int) -> None:
        end = SIGNS
        for column, width in self._fit():
            end += width + GAP
            if x < end:
                self.post_message(self.HeadClicked(column))
                break

    @on(MouseScrollUp)
    @on(MouseScrollDown)
    def _turn_wheel(self, event: MouseScrollUp | MouseScrollDown) -> None:
        event.stop()
        self._scroll(SCROLL_LINES if isinstance(event, MouseScrollDown) else -SCROLL_LINES)

    def _scroll(self, by: int) -> None:
        """Scroll the rows; the cursor stays on its row."""
        self.top = max(0, min(self.top + by, len(self._keys) - self._lines))
        self.draw()

    # Drawing

    def _fit(self) -> FittingColumns:
        """Return the columns that fit. What is left of the width goes to the one that grows."""
        room, growing = self.size.width - SIGNS - 1, self._growing
        fitting = fit_columns(self._columns, room)
        if growing < len(self._columns) and growing not in dict(fitting):
            least = replace(self._columns[growing], width=LEAST_GROWING)
            columns = [*self._columns]
            columns[growing] = least
            fitting = fit_columns(columns, room)
        left = room - sum(width for _, width in fitting) - GAP * (len(fitting) - 1)
        return [(at, width + left * (at == growing)) for at, width in fitting]

    def draw(self) -> None:
        self.fitting = columns = self._fit()
        lines = [self._head(columns)]
        if not self.rows:
            blank: list[StyledLine] = [[]] * (self._lines // 2 - 1)
            placeholder = self._placeholder.center(self.size.width)
            self.paint([*lines, *blank, [Segment(placeholder, self.parts["quiet"])]])
            return
        for place in range(self.top, min(self.top + self._lines, len(self.rows))):
            line = self._line(self._present(self.rows[place]), columns)
            if place == self.row:
                text = "".join(segment.text for segment in line)
                line = [Segment(text, self.parts["selected"])]
            lines.append(line)
        self._add_bar(lines)
        self.paint(lines)

    def _head(self, columns: FittingColumns) -> StyledLine:
        styles = self.parts
        line: StyledLine = [Segment(" " * SIGNS, styles["head"])]
        for place, width in columns:
            column = self._columns[place]
            is_sorted = place == self._sorted_by
            title, style = column.title, styles["sorted" if is_sorted else "head"]
            text = fit_text(title, width, right=column.right) + " " * GAP
            if is_sorted:  # the sign and a space before it may stand in the gap beside the title
                title = f"{title} {'▼' if self._descending else '▲'}"
                text = fit_text(title, width + GAP)
                if column.right:
                    line[-1] = Segment(line[-1].text[:-1], line[-1].style)
                    text = fit_text(title, width + 1, right=True) + " " * GAP
            line.append(Segment(text, style))
        used = sum(len(segment.text) for segment in line)
        return [*line, Segment(" " * max(0, self.size.width - used), styles["head"])]

    def _line(self, row: TableRow, columns: FittingColumns) -> StyledLine:
        styles, room = self.parts, self.size.width - SIGNS - 1
        style = styles[row.style]
        sign = styles["marked" if row.signs[-1:].strip() else row.style]
        line, used = [Segment(row.signs.ljust(SIGNS), sign)], 0
        for column, width in columns:
            if row.text and column >= row.text_from:
                break
            text = fit_text(row.cells[column], width, right=self._columns[column].right)
            own = styles[row.styles[column]] if column in row.styles else style
            line.append(Segment(text + " " * GAP, own))
            used += width + GAP
        if row.text:
            line.append(Segment(fit_text(row.text, max(0, room - used)), style))
            used = max(used, room)
        if used > room:  # the gap after the last column
            text, last, _ = line.pop()
            line.append(Segment(set_cell_size(text, cell_len(text) - used + room), last))
        return [*line, Segment(" " * max(0, room - used), style)]

    def _add_bar(self, lines: list[StyledLine]) -> None:
        """Add a scroll bar to the lines below the head, where not all rows fit."""
        count, room = len(self._keys), self._lines
        if count <= room:
            return
        size = max(1, room * room // count)
        start = round(self.top / (count - room) * (room - size))
        for place, line in enumerate(lines[1:]):
            sign = "█" if start <= place < start + size else "│"
            line.append(Segment(sign, self.parts["bar"]))
