"""A table of text."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from tui.text.formats import printable


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
