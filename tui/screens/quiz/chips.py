"""The classes to choose from in a quiz, each of which can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from core.class_names import name_of
from tui.screens.captions import SELECTED, clicked
from tui.text.formats import cell_width, class_label

WIDEST = 22  # columns of a name
BUTTON = "on $panel"


@dataclass(frozen=True)
class Chips:
    """`rows` are the positions of the classes in each line, of all lines."""

    content: Content
    rows: tuple[tuple[int, ...], ...]

    def neighbour(self, position: int, rows: int, columns: int) -> int:
        """Return the position of the class so many lines and columns away; at the edge the same."""
        place = position + columns
        if not rows:
            return place if 0 <= place <= self.rows[-1][-1] else position
        here = next(y for y, row in enumerate(self.rows) if position in row)
        y = min(max(0, here + rows), len(self.rows) - 1)
        column = self.rows[here].index(position)
        return self.rows[y][min(column, len(self.rows[y]) - 1)]


def arrange_chips(
    names: Sequence[str], shown: Sequence[int], cursor: int | None, width: int, height: int
) -> Chips:
    """Return the names of the `shown` classes, at least one, in lines of `width` columns.

    Of more than `height` lines, those about the position `cursor` in `shown`, which is marked, and
    a line that says how many classes there are.
    """
    longest = max(1, min(WIDEST, width - 2))
    labels = [f" {class_label(name_of(names, number), longest)} " for number in shown]
    rows: list[list[int]] = [[]]
    used = 0
    for position, label in enumerate(labels):
        if rows[-1] and used + cell_width(label) > width:
            rows.append([])
            used = 0
        rows[-1].append(position)
        used += cell_width(label) + 1
    first, count = 0, len(rows)
    if count > height:
        count = max(1, height - 1)
        at = next(y for y, row in enumerate(rows) if (cursor or 0) in row)
        first = min(max(0, at - count // 2), len(rows) - count)
    lines = [
        Content(" ").join(
            _chip(labels[position], shown[position], marked=position == cursor) for position in row
        )
        for row in rows[first : first + count]
    ]
    if count < len(rows):
        lines.append(Content.styled(f"{len(shown):,} classes", "$quiet"))
    return Chips(Content("\n").join(lines), tuple(map(tuple, rows)))


def _chip(label: str, number: int, *, marked: bool) -> Content:
    if marked:
        return Content.styled(label, SELECTED)
    return clicked(Content.styled(label, BUTTON), f"answer({number})")
