"""Columns of a table: which of them fit into a width, and text of exactly one width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.text.formats import truncate

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


def fit_columns(columns: Sequence[TableColumn], width: int) -> tuple[list[int], list[int]]:
    """Return the places of the columns that fit into `width` cells, and how wide each is."""
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
    return shown, widths


def fit_text(text: str, width: int, *, right: bool = False) -> str:
    """Return the text in exactly `width` cells, ending in … where it is cut."""
    text = truncate(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space
