"""A diagram of a network: dots and lines for dense layers, stacks of sheets for channels."""

from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import log2, prod

from rich.segment import Segment
from rich.style import Style
from textual.reactive import var

from core.responses import NetworkDescribed
from tui.widgets.canvas import Canvas, StyledLine

ROWS, LABELS = 11, 3  # lines of the drawing, and of the labels under it
SIDE = 28  # pixels of the largest sheet
MOST_BEHIND = 5  # sheets
NARROW = 56  # columns in which a small network is drawn well
WIDEST = (9, 6, 4, 2)  # columns of the largest sheet beside its frame, as room allows
MOST_LINES = 20  # between two columns of dots; more of them would run together
DENSE_GAP, GAP = 18, 4  # the most columns between two blocks
READING = " ● unit · ┊ more units · ▭ channel"
# The bits of a braille character's dots, by column and row.
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

Rows = tuple[int, ...]  # the lines of a column's dots


@dataclass(frozen=True)
class Block:
    """An output shape: the layer that makes it, and the layers after it that keep it."""

    made_by: str
    shape: tuple[int, ...]
    then: tuple[str, ...] = ()
    last: bool = False
    widest: int = WIDEST[0]

    @property
    def dense(self) -> bool:
        return len(self.shape) == 1

    @property
    def labels(self) -> tuple[str, ...]:
        size = "×".join(map(str, self.shape[-2:]))
        if len(self.shape) == 3 and self.shape[0] > 1:
            size = f"{self.shape[0]}·{size}"
        return size, self.made_by, "+".join(self.then)

    @property
    def sheet(self) -> tuple[int, int]:
        """The columns and lines of one sheet."""
        height, width = self.shape[-2:]
        return 3 + round(min(1, width / SIDE) * self.widest), 2 + round(min(1, height / SIDE) * 5)

    @property
    def behind(self) -> int:
        """How many sheets are drawn behind the first."""
        channels = self.shape[0]
        return min(MOST_BEHIND, max(1, round(log2(channels)) - 2)) if channels > 1 else 0

    @property
    def rows(self) -> Rows:
        """The lines of a dense layer's dots; if not all units fit, the middle line has none."""
        units = self.shape[0]
        if units <= ROWS:
            first = (ROWS - units) // 2
            return tuple(range(first, first + units))
        above = range(ROWS // 2 - 1, -1, -2)[: max(2, round(log2(units) / 3))]
        return (*reversed(above), *(ROWS - 1 - row for row in above))

    @property
    def width(self) -> int:
        if not self.shape:
            return 1
        drawn = (3 if self.last else 1) if self.dense else self.sheet[0] + self.behind
        return max(drawn, *map(len, self.labels))


class CharacterGrid:
    """A grid of characters, each with the name of its style."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._cells = [[(" ", "text")] * width for _ in range(height)]

    def put(self, x: int, y: int, text: str, part: str) -> None:
        """Write text from the cell x, y on; what lies outside the grid is dropped."""
        for place, character in enumerate(text, x):
            if 0 <= place < self.width and 0 <= y < len(self._cells):
                self._cells[y][place] = (character, part)

    def lines(self, styles: dict[str, Style]) -> list[StyledLine]:
        return [
            [
                Segment("".join(character for character, _ in cells), styles[part])
                for part, cells in groupby(row, lambda cell: cell[1])
            ]
            for row in self._cells
        ]


def blocks(network: NetworkDescribed) -> list[Block]:
    found = [Block("input", network.input)]
    for layer in network.layers:
        if layer.shape == found[-1].shape and not layer.parameters:
            found[-1] = replace(found[-1], then=(*found[-1].then, layer.kind))
        else:
            found.append(Block(layer.kind, layer.shape))
    return [*found[:-1], replace(found[-1], last=True)]


def fitted(found: list[Block], width: int) -> list[Block]:
    """Return the blocks with the widest sheets that fit; if none fit, leave out middle blocks."""
    for widest in WIDEST:
        found = [replace(block, widest=widest) for block in found]
        if _least(found) <= width:
            return found
    kept, left_out = found, Block("", ())
    while _least(kept) > width and len(kept) > 3:
        del found[len(found) // 2]
        middle = len(found) // 2
        kept = [*found[:middle], left_out, *found[middle:]]
    return kept


def _least(found: list[Block]) -> int:
    return sum(block.width for block in found) + len(found) - 1


def gaps(found: list[Block], width: int) -> list[int]:
    """Return the columns between each block and the next; dense layers get more, for lines."""
    most = [DENSE_GAP if _linked(*pair) else GAP for pair in pairwise(found)]
    given = [1] * len(most)
    left = width - _least(found)
    while left > 0 and given != most:
        for place, limit in enumerate(most):
            if left > 0 and given[place] < limit:
                given[place] += 1
                left -= 1
    return given


def _linked(one: Block, other: Block) -> bool:
    """Return whether each unit of the one is connected to each of the other."""
    return one.dense and other.dense and other.made_by == "Linear"


def draw_network(network: NetworkDescribed, width: int) -> CharacterGrid:
    """Return ROWS lines of drawing and LABELS lines of text, centred in that width."""
    picture = CharacterGrid(width, ROWS + LABELS)
    found = fitted(blocks(network), width)
    between = gaps(found, width)
    left = max(0, (width - sum(block.width for block in found) - sum(between)) // 2)
    centres = []
    for block, gap in zip(found, [*between, 0], strict=True):
        centres.append(_draw(picture, block, left))
        left += block.width
        if gap and not block.dense:
            picture.put(left + (gap - 1) // 2, ROWS // 2, "→", "lines")
        left += gap
    for (one, other), (start, end) in zip(pairwise(found), pairwise(centres), strict=True):
        if _linked(one, other):
            _link(picture, start, one.rows, end, other.rows)
    return picture


def _draw(picture: CharacterGrid, block: Block, left: int) -> int:
    """Draw a block from the column `left` on, and return the column of its middle."""
    middle = left + (block.width - 1) // 2
    if not block.shape:
        picture.put(left, ROWS // 2, "…", "text")
        return middle
    for row, label in enumerate(block.labels):
        picture.put(left + (block.width - len(label)) // 2, ROWS + row, label, "text")
    if block.dense:
        for number, row in enumerate(block.rows):
            picture.put(middle, row, "●", "shape")
            if block.last and prod(block.shape) <= ROWS:
                picture.put(middle + 2, row, str(number), "text")
        if prod(block.shape) > ROWS:
            picture.put(middle, ROWS // 2, "┊", "shape")
        return middle
    columns, rows = block.sheet
    first = left + (block.width - columns - block.behind) // 2
    bottom = (ROWS + rows + block.behind) // 2
    for back in reversed(range(block.behind + 1)):
        x, y = first + back, bottom - rows - back
        part = "behind" if back else "shape"
        edge, inside = "─" * (columns - 2), f"│{' ' * (columns - 2)}│"
        for row, text in enumerate((f"┌{edge}┐", *[inside] * (rows - 2), f"└{edge}┘")):
            picture.put(x, y + row, text, part)
    return middle


def _link(picture: CharacterGrid, start: int, lefts: Rows, end: int, rights: Rows) -> None:
    """Draw braille lines between the dots of two columns: all, or every nth of too many."""
    columns = end - start - 1
    dots = [[0] * columns for _ in range(ROWS)]
    every = -(-len(lefts) * len(rights) // MOST_LINES)
    for i, left in enumerate(lefts):
        for j, right in enumerate(rights):
            if (i + j) % every:
                continue
            for x in range(columns * 2):
                y = 4 * left + 1.5 + 4 * (right - left) * (x + 0.5) / (columns * 2)
                row, dot = divmod(round(y), 4)
                dots[row][x // 2] |= DOTS[x % 2][dot]
    for row, bits in enumerate(dots):
        for column, each in enumerate(bits):
            if each:
                picture.put(start + 1 + column, row, chr(0x2800 + each), "lines")


class NetworkDiagram(Canvas):
    """The network from its input on the left to its output on the right."""

    PICTURE = True
    COMPONENT_CLASSES = {
        f"diagram--{name}" for name in ("shape", "behind", "lines", "text", "quiet")
    }

    network: var[NetworkDescribed | None] = var(None, init=False)

    def watch_network(self, network: NetworkDescribed | None) -> None:
        small = network is not None and _least(blocks(network)) < NARROW - 2
        self.set_class(small, "-small")
        self.draw()

    def draw(self) -> None:
        lines: list[StyledLine] = []
        if self.network is not None:
            lines.append([Segment(READING, self.parts["quiet"])])
            lines += [[]] * ((self.size.height - ROWS - LABELS - 1) // 2)
            picture = draw_network(self.network, self.size.width - 2)
            lines += [[Segment(" "), *line] for line in picture.lines(self.parts)]
        self.paint(lines)
