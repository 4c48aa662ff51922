"""A table of text."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from tui.text.formats import printable


def fill_table(
    table: DataTable[Text], titles: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Puts these rows, one text for each title, in the place of what is there."""
    shown = [[printable(cell) for cell in row] for row in rows]
    table.clear(columns=True)
    for title, *cells in zip(titles, *shown, strict=True):
        # Widths of their own would come later than the first drawing of the row under the cursor.
        table.add_column(title, width=max(map(len, [title, *cells])))
    for row in shown:
        # Text, not markup: a folder may be called anything.
        table.add_row(*map(Text, row))
