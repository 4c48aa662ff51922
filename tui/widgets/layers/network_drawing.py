"""A diagram of a network: dots and lines for dense layers, stacks of sheets for channels; in the
input a digit, at the output the probabilities."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log2, prod

from core.class_names import DIGITS, name_of
from core.responses.layers import NetworkDescribed
from tui.text.formats import class_label, fit_cells, widest_label
from tui.widgets.canvas import StyledLine
from tui.widgets.layers.character_grid import CharacterGrid

ROWS, LABELS = 11, 3  # lines of the drawing, and of the labels under it
SIDE = 28  # pixels of the largest sheet
MOST_BEHIND = 5  # sheets
INPUT_SHEET = 16, 9  # columns and lines of the input, where there is room for it: a digit of 14×7
SHARE_WIDTH, LABEL_WIDTH = 5, 8  # columns of a probability, and of the longest name of a class
WIDEST = (9, 6, 4, 2)  # columns of the largest sheet beside its frame, as room allows
MOST_LINES = 20  # between two columns of dots; more of them would run together
DENSE_GAP, GAP = 18, 4  # the most columns between two blocks
# The bits of a braille character's dots, by column and row.
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

Rows = tuple[int, ...]  # the lines of a column's dots


@dataclass(frozen=True)
class Shown:
    """What the diagram shows beside the network: a digit as `draw` returns it in so many columns
    and lines, the probabilities and the names of the classes, and the selected layer's
    position."""

    selected: int = -1
    draw: Callable[[int, int], list[StyledLine]] | None = None
    shares: tuple[float, ...] = ()
    predicted: int = -1
    names: tuple[str, ...] = DIGITS
    has_digit: bool = True  # whether there will be one, which needs room

    def label(self, number: int) -> str:
        """Return the name of a class in as many columns as each has."""
        return fit_cells(
            class_label(name_of(self.names, number), self.label_width), self.label_width
        )

    @property
    def label_width(self) -> int:
        return widest_label(self.names, LABEL_WIDTH)


@dataclass(frozen=True)
class Block:
    """An output shape: the layer that makes it, and the layers after it that keep it."""

    made_by: str
    shape: tuple[int, ...]
    then: tuple[str, ...] = ()
    last: bool = False
    widest: int = WIDEST[0]
    positions: tuple[int, ...] = (0,)  # of its layers; 0 is the input
    has_digit: bool = True  # whether the input has room for one
    classes: int = 0  # of the last one, where each has its name and its probability beside it
    label_width: int = 1  # of the classes

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
        if 0 in self.positions and self.has_digit:
            return INPUT_SHEET
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
        last = 2 + self.label_width + (SHARE_WIDTH if self.classes else 0)
        drawn = (last if self.last else 1) if self.dense else self.sheet[0] + self.behind
        return max(drawn, *map(len, self.labels))


def blocks(network: NetworkDescribed) -> list[Block]:
    found = [Block("input", network.input)]
    for position, layer in enumerate(network.layers, 1):
        if layer.shape == found[-1].shape and not layer.parameters:
            then, positions = (*found[-1].then, layer.kind), (*found[-1].positions, position)
            found[-1] = replace(found[-1], then=then, positions=positions)
        else:
            found.append(Block(layer.kind, layer.shape, positions=(position,)))
    return [*found[:-1], replace(found[-1], last=True)]


def fitted(found: list[Block], width: int) -> list[Block]:
    """Return the blocks with the widest sheets that fit. If none fit, a Flatten is drawn with the
    layer before it, then middle blocks are left out, and at last the digit in the input."""
    merged = _without_flatten(found)
    for blocks in (found, merged):
        for widest in WIDEST:
            blocks = [replace(block, widest=widest) for block in blocks]
            if _least(blocks) <= width:
                return blocks
    plain = [replace(block, widest=WIDEST[-1], has_digit=False) for block in merged]
    return _shortened(blocks, width, 5) or _shortened(plain, width, 3) or plain


def _without_flatten(found: list[Block]) -> list[Block]:
    kept: list[Block] = []
    for block in found:
        if kept and block.made_by == "Flatten" and prod(block.shape) == prod(kept[-1].shape):
            then, positions = (*kept[-1].then, block.made_by), kept[-1].positions + block.positions
            kept[-1] = replace(kept[-1], then=then, positions=positions)
        else:
            kept.append(block)
    return kept


def _shortened(found: list[Block], width: int, least: int) -> list[Block] | None:
    """Return the blocks without some in the middle, at least so many with their sign; None where
    they do not fit."""
    found, kept = [*found], found
    while _least(kept) > width and len(kept) > least:
        del found[len(found) // 2]
        middle = len(found) // 2
        kept = [*found[:middle], Block("", ()), *found[middle:]]
    return kept if _least(kept) <= width else None


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


def draw_network(
    network: NetworkDescribed, width: int, shown: Shown = Shown()
) -> tuple[CharacterGrid, dict[int, Block]]:
    """Return ROWS lines of drawing and LABELS lines of text, centred in that width; and the blocks
    by the columns at which they start."""
    picture = CharacterGrid(width, ROWS + LABELS)
    found = [replace(block, has_digit=shown.has_digit) for block in blocks(network)]
    if prod(found[-1].shape) <= ROWS:
        found[-1] = replace(found[-1], label_width=shown.label_width)
    if shown.shares and len(shown.shares) <= ROWS:
        found[-1] = replace(found[-1], classes=len(shown.shares))
    found = fitted(found, width)
    between = gaps(found, width)
    left = max(0, (width - sum(block.width for block in found) - sum(between)) // 2)
    centres, starts = [], {}
    for block, gap in zip(found, [*between, 0], strict=True):
        starts[left] = block
        centres.append(_draw(picture, block, left, shown))
        left += block.width
        if gap and not block.dense:
            picture.put(left + (gap - 1) // 2, ROWS // 2, "→", "lines")
        left += gap
    for (one, other), (start, end) in zip(pairwise(found), pairwise(centres), strict=True):
        if _linked(one, other):
            _link(picture, start, one.rows, end, other.rows)
    return picture, starts


def _draw(picture: CharacterGrid, block: Block, left: int, shown: Shown) -> int:
    """Draw a block from the column `left` on, and return the column of its middle."""
    middle = left + (block.width - 1) // 2
    if not block.shape:
        picture.put(left, ROWS // 2, "…", "text")
        return middle
    is_selected = shown.selected in block.positions
    for row, label in enumerate(block.labels):
        part = "selected" if is_selected and label else "text"
        picture.put(left + (block.width - len(label)) // 2, ROWS + row, label, part)
    if block.dense:
        if block.classes:
            middle = left
        _draw_units(picture, block, middle, shown)
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
    if block.positions[0] == 0 and shown.draw:
        for row, line in enumerate(shown.draw(columns - 2, rows - 2), bottom - rows + 1):
            picture.put_line(first + 1, row, line)
    return middle


def _draw_units(picture: CharacterGrid, block: Block, middle: int, shown: Shown) -> None:
    """Draw a dense layer's dots, and beside those of the last one the classes."""
    for number, row in enumerate(block.rows):
        picture.put(middle, row, "●", "shape")
        if block.last and prod(block.shape) <= ROWS:
            part = "chosen" if number == shown.predicted else "text"
            share = f"{shown.shares[number]:{SHARE_WIDTH}.0%}" if block.classes else ""
            picture.put(middle + 2, row, shown.label(number) + share, part)
    if prod(block.shape) > ROWS:
        picture.put(middle, ROWS // 2, "┊", "shape")


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
