"""A grid of characters on which curves are drawn: in braille dots, or in plain ASCII."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

# The bit of a braille dot by its column and, from the bottom, its row in the cell.
BRAILLE = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
BLANK = 0  # the tag of a cell in which nothing is drawn

Run = tuple[str, int]  # characters of one colour, and its tag


class Grid:
    """Cells from the bottom left, each with a character and the tag of its colour.

    Dots have two columns and four rows a cell; in plain ASCII a dot is a whole cell.
    """

    def __init__(self, columns: int, rows: int, *, ascii: bool = False) -> None:
        self.columns, self.rows, self.is_ascii = columns, rows, ascii
        self.across, self.up = (1, 1) if ascii else (2, 4)  # dots of a cell
        self._dots = bytearray(columns * rows)
        self._tags = bytearray(columns * rows)
        self._signs: dict[int, str] = {}  # in place of dots, by cell

    def draw_dots(self, dots: Iterable[tuple[int, int]], tag: int, ink: str) -> None:
        """Draw single dots (x, y); those outside are left out. `ink` is their ASCII character."""
        for x, y in dots:
            self._fill(x, y, y, tag, ink)

    def draw_line(
        self, dots: Sequence[tuple[int, int]], tag: int, ink: str, dash: str = ""
    ) -> None:
        """Connect dots (x, y), x rising. Of a `dash` such as "110", the zeros are left out."""
        if not dots:
            return
        x, y = dots[0]
        self._fill(x, y, y, tag, ink, dash)
        for right, end in dots[1:]:
            across, rise, start = right - x, end - y, y
            if not across:
                self._fill(x, y, end, tag, ink, dash)
            for step in range(1, across + 1):
                now = start + round(rise * step / across)
                # Each column continues where the one before has ended.
                side = y + (now > y) - (now < y)
                self._fill(x + step, side, now, tag, ink, dash)
                y = now
            x, y = right, end

    def _fill(self, x: int, start: int, end: int, tag: int, ink: str, dash: str = "") -> None:
        """Fill a column of dots from one row to another."""
        column, side = divmod(x, self.across)
        if not 0 <= column < self.columns or (dash and dash[x % len(dash)] == "0"):
            return
        low, high = (start, end) if start < end else (end, start)
        up, columns = self.up, self.columns
        for y in range(max(low, 0), min(high, self.rows * up - 1) + 1):
            cell = y // up * columns + column
            self._tags[cell] = tag
            if self.is_ascii:
                self._signs[cell] = ink
            else:
                self._dots[cell] |= BRAILLE[side][y % up]

    def is_blank(self, column: int, row: int, width: int = 1) -> bool:
        """Return whether these cells are inside and nothing is drawn there."""
        cell = row * self.columns + column
        is_inside = 0 <= row < self.rows and 0 <= column <= self.columns - width
        return is_inside and not any(self._tags[cell : cell + width])

    def write(self, column: int, row: int, text: str, tag: int) -> None:
        """Write characters over what is there; those outside are left out."""
        for place, sign in enumerate(text, column):
            if 0 <= place < self.columns and 0 <= row < self.rows:
                cell = row * self.columns + place
                self._signs[cell], self._tags[cell] = sign, tag

    def write_behind(self, column: int, row: int, sign: str, tag: int) -> None:
        """Write a character where nothing is drawn."""
        if self.is_blank(column, row):
            self.write(column, row, sign, tag)

    def lines(self) -> Iterator[list[Run]]:
        """Yield the rows from the top, neighbours of one colour together."""
        columns, signs, dots = self.columns, self._signs, self._dots
        for row in range(self.rows - 1, -1, -1):
            first = row * columns
            tags = self._tags[first : first + columns]
            line: list[Run] = []
            start = 0
            for place in range(1, columns + 1):
                if place < columns and tags[place] == tags[start]:
                    continue
                if tags[start] == BLANK:
                    text = " " * (place - start)
                else:
                    cells = range(first + start, first + place)
                    text = "".join(signs.get(cell) or chr(0x2800 + dots[cell]) for cell in cells)
                line.append((text, tags[start]))
                start = place
            yield line
