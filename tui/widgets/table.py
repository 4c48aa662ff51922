"""Tables of text, and which columns of a table fit into a width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding
from textual.widgets import DataTable

from tui.text.formats import printable, truncate

GAP = 2  # cells between two columns
NARROWEST = 10  # cells that the first column keeps


@dataclass(frozen=True)
class TableColumn:
    """A column, `width` cells wide.

    Where not all columns fit, the one with the highest `rank` is left out first; those of rank 0
    stay, and the first column is cut for them.
    """

    title: str
    width: int
    right: bool = False
    rank: int = 0


class RowTable(DataTable[Text]):
    """A table whose cursor also moves by j, k, g and G."""

    BINDINGS = [
        Binding("j", "cursor_down", "Row", show=False),
        Binding("k", "cursor_up", "Row", show=False),
        Binding("g", "scroll_top", "First", show=False),
        Binding("G", "scroll_bottom", "Last", show=False),
    ]


FittingColumns = list[tuple[int, int]]  # the place and the width of each column that fits


def fit_columns(columns: Sequence[TableColumn], width: int) -> FittingColumns:
    """Return the columns that fit into `width` cells."""
    shown = list(range(len(columns)))
    while True:
        widths = [columns[place].width for place in shown]
        over = sum(widths) + GAP * (len(shown) - 1) - width
        rest = [place for place in shown if columns[place].rank > 0]
        if over <= 0 or not rest:
            break
        shown.remove(max(rest, key=lambda place: columns[place].rank))
    if over > 0 and widths:
        widths[0] = max(NARROWEST, widths[0] - over)
    return list(zip(shown, widths, strict=True))


def fit_text(text: str, width: int, *, right: bool = False) -> str:
    """Return the text in exactly `width` cells, ending in … where it is cut."""
    text = truncate(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def fill_table(
    table: DataTable[Text], titles: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Replace the table by these rows, each with a cell for each title."""
    shown = [[printable(cell) for cell in row] for row in rows]
    table.clear(columns=True)
    for title, *cells in zip(titles, *shown, strict=True):
        # A width of its own DataTable computes only after it has drawn the row under the cursor.
        table.add_column(title, width=max(map(len, [title, *cells])))
    for row in shown:
        # Text, not markup: a folder name may contain brackets.
        table.add_row(*map(Text, row))
