"""A grid of styled characters to draw in."""

from itertools import groupby

from rich.segment import Segment
from rich.style import Style

from tui.text.formats import cell_width
from tui.widgets.canvas import StyledLine

Part = str | Style | None  # the name of a cell's style, or the style


class CharacterGrid:
    """A grid of characters, each with its style or the name of it."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._cells: list[list[tuple[str, Part]]] = [[(" ", "text")] * width for _ in range(height)]

    def put(self, x: int, y: int, text: str, part: Part) -> None:
        """Write text from the cell x, y on; what lies outside the grid is dropped. A character of
        two columns leaves the next cell empty."""
        for character in text:
            wide = cell_width(character)
            if x >= 0 and x + wide <= self.width and 0 <= y < len(self._cells):
                if wide:
                    self._cells[y][x : x + wide] = [(character, part), *[("", part)] * (wide - 1)]
                elif x:  # an accent belongs to the character before
                    before, style = self._cells[y][x - 1]
                    self._cells[y][x - 1] = before + character, style
            x += wide

    def put_line(self, x: int, y: int, line: StyledLine) -> None:
        for text, style, _ in line:
            self.put(x, y, text, style)
            x += cell_width(text)

    def lines(self, styles: dict[str, Style]) -> list[StyledLine]:
        return [
            [
                Segment(
                    "".join(character for character, _ in cells),
                    styles[part] if isinstance(part, str) else part,
                )
                for part, cells in groupby(row, lambda cell: cell[1])
            ]
            for row in self._cells
        ]

    def texts(self) -> list[str]:
        return ["".join(character for character, _ in row) for row in self._cells]
