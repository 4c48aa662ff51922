"""A list of any length, of which no more is drawn than one sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from tui.widgets.canvas import Canvas, StyledLine

T = TypeVar("T")

GAP = 2
SIGNS = 3  # characters before each row
SCROLL_LINES = 3
NARROWEST = 10  # what the first column may be cut down to


@dataclass(frozen=True)
class TableColumn:
    """`rank` is how soon it is given up where there is no room for all, the highest first. The
    first column is the one that is cut where even the most important ones do not fit."""

    title: str
    width: int
    right: bool = False
    rank: int = 0


@dataclass(frozen=True)
class TableRow:
    """What a row shows: its signs, a text for each column, and in the place of those from `cut` on
    what is said instead. `look` is the name of a component class, table--<look>."""

    cells: Sequence[str] = ()
    signs: str = ""
    said: str = ""
    cut: int = 0
    look: str = "text"


class VirtualTable(Canvas, Generic[T], can_focus=True):
    """Rows of anything, each known by its key; `present` says how one is shown. A row whose key is
    empty is a heading, over which the cursor passes."""

    COMPONENT_CLASSES = {
        f"table--{name}"
        for name in ("text", "quiet", "head", "sorted", "live", "wrong", "group", "marked", "bar")
    }
    BINDINGS = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(-1)", show=False),
        Binding("end", "edge(1)", show=False),
    ]

    class Moved(Message):
        """The cursor is on another row."""

    class Chosen(Message):
        """Somebody has clicked twice on the row under the cursor."""

    @dataclass
    class HeadClicked(Message):
        column: int

    def __init__(
        self, key: Callable[[T], str], present: Callable[[T], TableRow], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._key, self._present = key, present
        self.rows: Sequence[T] = ()
        self._keys: list[str] = []
        self._columns: Sequence[TableColumn] = ()
        self._sorted, self._falling = 0, True
        self._waiting = ""
        self.row, self.top = 0, 0  # where the cursor is, and the first row that is shown

    # What is shown

    def show(
        self,
        columns: Sequence[TableColumn],
        rows: Sequence[T],
        *,
        by: int = 0,
        falling: bool = True,
        waiting: str = "",
    ) -> None:
        """These rows in the place of those before. The cursor stays on its row, and that where it
        is on the screen; where the row is gone, the cursor is on the next. `by` and `falling` are
        the column by which they are sorted, and how; `waiting` is said where there are none.
        """
        before, here = self.chosen_key, self.row - self.top
        keys = list(map(self._key, rows))
        self._columns, self.rows, self._keys = columns, rows, keys
        self._sorted, self._falling, self._waiting = by, falling, waiting
        try:
            self.row = keys.index(before) if before else self.row
        except ValueError:
            before = ""
        if self.top or self.row >= self.lines:
            self.top = self.row - here
        self._land()
        self.draw()
        if self.chosen_key != before:
            self.post_message(self.Moved())

    @property
    def chosen(self) -> T | None:
        return self.rows[self.row] if self.chosen_key else None

    @property
    def chosen_key(self) -> str:
        return self._keys[self.row] if 0 <= self.row < len(self._keys) else ""

    @property
    def lines(self) -> int:
        """How many rows there is room for."""
        return max(1, self.size.height - 1)

    def _land(self, by: int = 1) -> None:
        """Puts the cursor on a row that is there and no heading, further in that direction if need
        be, and has it in sight."""
        last = len(self._keys) - 1
        self.row = max(0, min(self.row, last))
        for step in (by, -by):
            while 0 <= self.row <= last and not self._keys[self.row]:
                self.row += step
            if 0 <= self.row <= last:
                break
            self.row = max(0, min(self.row, last))
        above = 1 if self.row and not self._keys[self.row - 1] else 0  # its heading too
        self.top = max(self.row - self.lines + 1, min(self.top, self.row - above))
        self.top = max(0, min(self.top, len(self._keys) - self.lines))

    def on_resize(self) -> None:
        self._land()
        self.draw()

    def on_focus(self) -> None:
        self.draw()

    def on_blur(self) -> None:
        self.draw()

    # Keys and mouse

    def go(self, row: int, by: int = 1) -> None:
        before = self.chosen_key
        self.row = row
        self._land(by)
        self.draw()
        if self.chosen_key != before:
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self.go(self.row + by, by)

    def action_page(self, by: int) -> None:
        self.top += by * (self.lines - 1)
        self.go(self.row + by * (self.lines - 1), by)

    def action_edge(self, by: int) -> None:
        self.go(0 if by < 0 else len(self._keys) - 1, -by)

    def on_click(self, event: Click) -> None:
        row = self.top + event.y - 1
        if event.y == 0:
            self._click_head(event.x)
        elif event.x == self.size.width - 1 and len(self._keys) > self.lines:
            self._scroll(round((event.y - 1) / self.lines * len(self._keys)) - self.top)
        elif row < len(self._keys) and self._keys[row]:
            self.go(row)
            if event.chain == 2:
                self.post_message(self.Chosen())

    def _click_head(self, x: int) -> None:
        shown, widths = self._shown()
        ends = accumulate((width + GAP for width in widths), initial=SIGNS + 1)
        for column, end in zip(shown, list(ends)[1:], strict=True):
            if x < end:
                self.post_message(self.HeadClicked(column))
                break

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self._scroll(-SCROLL_LINES)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self._scroll(SCROLL_LINES)

    def _scroll(self, by: int) -> None:
        """The rows alone: the cursor stays on its own."""
        self.top = max(0, min(self.top + by, len(self._keys) - self.lines))
        self.draw()

    # How it is drawn

    def _shown(self) -> tuple[list[int], list[int]]:
        """The places of the columns that there is room for, and how wide they are."""
        shown = list(range(len(self._columns)))
        room = self.size.width - SIGNS - 2
        while True:
            widths = [self._columns[place].width for place in shown]
            over = sum(widths) + GAP * (len(shown) - 1) - room
            rest = [place for place in shown if self._columns[place].rank > 0]
            if over <= 0 or not rest:
                break
            shown.remove(max(rest, key=lambda place: self._columns[place].rank))
        if over > 0 and widths:
            widths[0] = max(NARROWEST, widths[0] - over)
        return shown, widths

    def draw(self) -> None:
        if not self.size:
            return
        styles = {name.removeprefix("table--"): self.part(name) for name in self.COMPONENT_CLASSES}
        shown, widths = self._shown()
        lines = [self._head(shown, widths, styles)]
        if not self.rows:
            blank: list[StyledLine] = [[]] * (self.lines // 2 - 1)
            said = Segment(self._waiting.center(self.size.width), styles["quiet"])
            self.paint([*lines, *blank, [said]])
            return
        below = ""
        for place in range(self.top, min(self.top + self.lines, len(self.rows))):
            row = self._present(self.rows[place])
            # A name that stands in the line above already is said quietly.
            again = bool(row.cells) and row.cells[0] == below
            below = row.cells[0] if row.cells else ""
            lines.append(self._line(place, row, shown, widths, styles, again=again))
        self.paint(self._with_bar(lines, styles["bar"]))

    def _head(self, shown: list[int], widths: list[int], styles: dict[str, Style]) -> StyledLine:
        line: StyledLine = [Segment(" " * (SIGNS + 1), styles["head"])]
        for place, width in zip(shown, widths, strict=True):
            column = self._columns[place]
            by = place == self._sorted
            title = column.title + ("▼" if self._falling else "▲") * by
            text = _fitted(title, width, right=column.right) + " " * GAP
            line.append(Segment(text, styles["sorted" if by else "head"]))
        used = sum(len(segment.text) for segment in line)
        return [*line, Segment(" " * max(0, self.size.width - used), styles["head"])]

    def _line(
        self,
        place: int,
        row: TableRow,
        shown: list[int],
        widths: list[int],
        styles: dict[str, Style],
        *,
        again: bool,
    ) -> StyledLine:
        room = self.size.width - SIGNS - 2
        parts, used = [], 0
        for column, width in zip(shown, widths, strict=True):
            if row.said and column >= row.cut:
                break
            text = _fitted(row.cells[column], width, right=self._columns[column].right)
            parts.append(text + " " * GAP)
            used += width + GAP
        if row.said:
            parts.append(_fitted(row.said, max(0, room - used), right=False))
        look, sign = styles[row.look], styles["marked" if row.signs[:1].strip() else row.look]
        first, rest = "".join(parts[:1]), "".join(parts[1:])
        rest = set_cell_size(rest, max(0, room + 1 - cell_len(first)))
        signs = row.signs.ljust(SIGNS + 1)
        if place == self.row:
            cursor = look + Style(reverse=True, bold=self.has_focus)
            return [Segment(signs + first + rest, cursor)]
        quiet = styles["quiet"] if again and row.look == "text" else look
        return [Segment(signs, sign), Segment(first, quiet), Segment(rest, look)]

    def _with_bar(self, lines: list[StyledLine], style: Style) -> list[StyledLine]:
        """With a mark at the right edge that says which part of all one sees."""
        count, room = len(self._keys), self.lines
        if count <= room:
            return lines
        size = max(1, room * room // count)
        start = round(self.top / (count - room) * (room - size))
        return [
            lines[0],
            *(
                [*line, Segment("█" if start <= place < start + size else "│", style)]
                for place, line in enumerate(lines[1:])
            ),
        ]


def _fitted(text: str, width: int, *, right: bool) -> str:
    """In exactly so many cells, cut with a sign that says so."""
    have = cell_len(text)
    if have > width:
        return set_cell_size(text, width - 1) + "…" if width else ""
    space = " " * (width - have)
    return space + text if right else text + space
