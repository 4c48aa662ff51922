"""A grid of characters: plotext draws the curves on it, and signs and words are written over them.

plotext's own axes and labels are left out: it places ticks where they fall, and builds all of a
chart for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

BLANK = 0  # the tag of a cell in which nothing is drawn
COLOUR = re.compile(r"\x1b\[([0-9;]*)m")

Dot = tuple[float, float]
Run = tuple[str, int]  # characters of one colour, and its tag


class Grid:
    """Cells from the bottom left, each with a character and the tag of its colour.

    Dots have two columns and four rows a cell; in plain ASCII a dot is a whole cell. All curves are
    drawn before anything is written.
    """

    def __init__(self, columns: int, rows: int, *, ascii: bool = False) -> None:
        self.columns, self.rows = columns, rows
        self.across, self.up = (1, 1) if ascii else (2, 4)  # dots of a cell
        self._is_ascii = ascii
        self._curves: list[tuple[Sequence[Dot], int, str, bool]] = []
        self._cells: list[list[str]] = []  # by row from the bottom; empty until they are drawn
        self._tags: list[list[int]] = []

    def draw_dots(self, dots: Iterable[Dot], tag: int, ink: str) -> None:
        """Draw single dots (x, y); those outside are left out. `ink` is their ASCII character."""
        inside = [dot for dot in dots if self._has(*dot)]
        if inside:
            self._curves.append((inside, tag, ink, False))

    def draw_line(self, dots: Sequence[Dot], tag: int, ink: str, dash: str = "") -> None:
        """Connect dots (x, y), x rising, as far as they are inside.

        Of a `dash` such as "110", the columns of the zeros are left out.
        """
        if dash:
            self.draw_dots((dot for dot in _connect(dots) if _shows(dash, dot)), tag, ink)
            return
        for piece in self._pieces(dots):
            self._curves.append((piece, tag, ink, True))

    def _has(self, x: float, y: float) -> bool:
        return 0 <= x < self.columns * self.across and 0 <= y < self.rows * self.up

    def _pieces(self, dots: Sequence[Dot]) -> Iterator[list[Dot]]:
        """Yield the parts of a line that are inside."""
        right, top = self.columns * self.across - 1, self.rows * self.up - 1
        piece: list[Dot] = list(dots[:1]) if dots and self._has(*dots[0]) else []
        for start, end in pairwise(dots):
            clipped = _clip(start, end, right, top)
            if clipped is None:
                continue
            if not piece or piece[-1] != clipped[0]:
                if piece:
                    yield piece
                piece = [clipped[0]]
            piece.append(clipped[1])
        if piece:
            yield piece

    def _draw(self) -> None:
        """Have plotext draw the curves, and read its coloured text back into cells."""
        import plotext

        plotext.terminal.limit(False, False)  # the chart is as large as its panel
        figure: Any = plotext.figure
        figure.clear()
        figure.plot_size(self.columns, self.rows)
        figure.theme("colorless")
        figure.canvas("default")
        for side in (0, 1):
            figure.axes(False, axis=(0, 1), side=side)
        for ruler, last in ((figure.ruler(0, 0), self.columns), (figure.ruler(1, 0), self.rows)):
            # plotext maps these limits to the centres of the first and the last cell.
            ruler.lim(0, max(1, last - 1)).ticks([], [])
        for dots, tag, ink, line in self._curves:
            marker = plotext.marker(
                ink if self._is_ascii else "braille", plotext.pixel(foreground=tag)
            )
            xs = [(x + 0.5) / self.across - 0.5 for x, _ in dots]
            ys = [(y + 0.5) / self.up - 0.5 for _, y in dots]
            figure.draw(figure.signal(xs, ys, marker=marker).lines(line))
        rows = [self._read(row) for row in figure.build().string().removesuffix("\n").split("\n")]
        self._cells = [cells for cells, _ in reversed(rows)]
        self._tags = [tags for _, tags in reversed(rows)]

    def _read(self, row: str) -> tuple[list[str], list[int]]:
        """Return the characters of a line of plotext's text, and the tag of each."""
        cells: list[str] = []
        tags: list[int] = []
        tag = BLANK
        for place, piece in enumerate(COLOUR.split(row)):
            if place % 2:
                tag = int(piece.rpartition(";")[2]) if piece.startswith("38") else BLANK
            else:
                cells += piece
                tags += [tag] * len(piece)
        missing = self.columns - len(cells)
        return cells + [" "] * missing, tags + [BLANK] * missing

    def is_blank(self, column: int, row: int, width: int = 1) -> bool:
        """Return whether these cells are inside and nothing is drawn there."""
        if not self._cells:
            self._draw()
        is_inside = 0 <= row < self.rows and 0 <= column <= self.columns - width
        return is_inside and not any(self._tags[row][column : column + width])

    def write(self, column: int, row: int, text: str, tag: int) -> None:
        """Write characters over what is there; those outside are left out."""
        if not self._cells:
            self._draw()
        for place, sign in enumerate(text, column):
            if 0 <= place < self.columns and 0 <= row < self.rows:
                self._cells[row][place], self._tags[row][place] = sign, tag

    def write_behind(self, column: int, row: int, sign: str, tag: int) -> None:
        """Write a character where nothing is drawn."""
        if self.is_blank(column, row):
            self.write(column, row, sign, tag)

    def lines(self) -> Iterator[list[Run]]:
        """Yield the rows from the top, neighbours of one colour together."""
        if not self._cells:
            self._draw()
        for cells, tags in zip(reversed(self._cells), reversed(self._tags), strict=True):
            line: list[Run] = []
            start = 0
            for place in range(1, self.columns + 1):
                if place == self.columns or tags[place] != tags[start]:
                    line.append(("".join(cells[start:place]), tags[start]))
                    start = place
            yield line


def _connect(dots: Sequence[Dot]) -> Iterator[Dot]:
    """Yield the dots of a line, a column at a time."""
    yield from dots[:1]
    for (x, y), (right, end) in pairwise(dots):
        across = int(right - x)
        before = y
        for step in range(1, across + 1):
            now = y + round((end - y) * step / across)
            low, high = sorted((before + (now > before) - (now < before), now))
            yield from ((x + step, at) for at in range(int(low), int(high) + 1))
            before = now
        if not across:
            low, high = sorted((y, end))
            yield from ((x, at) for at in range(int(low), int(high) + 1))


def _shows(dash: str, dot: Dot) -> bool:
    return dash[int(dot[0]) % len(dash)] != "0"


def _clip(start: Dot, end: Dot, right: float, top: float) -> tuple[Dot, Dot] | None:
    """Return the part of a line inside the rectangle from (0, 0), None if there is none.

    Liang and Barsky, "A new concept and method for line clipping", 1984.
    """
    (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    first, last = 0.0, 1.0
    for rate, room in ((-dx, x), (dx, right - x), (-dy, y), (dy, top - y)):
        if rate == 0:
            if room < 0:
                return None
        elif rate < 0:
            first = max(first, room / rate)
        else:
            last = min(last, room / rate)
    if first > last:
        return None
    clipped_start = start if first == 0 else (x + first * dx, y + first * dy)
    clipped_end = end if last == 1 else (x + last * dx, y + last * dy)
    return clipped_start, clipped_end
