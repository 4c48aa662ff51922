"""A person's own image in characters, with a frame around the part that a network receives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from math import ceil
from operator import itemgetter

from rich.segment import Segment
from rich.style import Style

from tui.text.digit_art import GREYS, RAMP, braille, half_blocks
from tui.text.grey_art import Palette, grey_line

FRAME, PLAIN_FRAME = "─│┌┐└┘", "-|++++"
# Rows and columns of pixels in a character. In the ramp a character is one mean brightness.
DENSITY = {"ramp": (1, 1), "half-block": (2, 1), "braille": (4, 2)}
AROUND = 0.35  # of the box's longer side: the paper around it, which the brightness is measured on
OUTLIERS = 0.02  # the share of cells at each end of the brightness that may be clipped
LEAST_RANGE = 40  # grey levels; stretching less would turn noise of a blank image into strokes

Share = tuple[float, float, float, float]  # left, top, right, bottom, 0 to 1
Cell = tuple[int, int]  # row, column


@lru_cache(maxsize=256)
def draw_picture(
    pixels: bytes,
    size: tuple[int, int],
    share: Share,
    columns: int,
    rows: int,
    *,
    style: str = "ramp",
    plain: bool = False,
    inverted: bool = False,
) -> tuple[tuple[tuple[str, bool], ...], ...]:
    """Return a grey image of width × height bytes as `rows` lines of `columns` characters.

    A line is pieces of text, each with whether it is of the frame, which is drawn in the cells
    around the part `share` of the image. Where the part reaches the image's edge, the image leaves
    a cell free for the frame. `plain` draws the frame in ASCII.

    The image's shape is kept, and the space left over is at its right and below. A lighter pixel
    gets a denser character, as on a dark screen; `inverted` is for a light one. The brightness is
    stretched so that it is of full range around the part; elsewhere it may be clipped. `style` is
    as in draw_digit.
    """
    (left, top), (wide, high), edges = _place(size, share, columns, rows)
    deep, broad = DENSITY[style]
    lit = _light(pixels, size, share, (wide * broad, high * deep), inverted=inverted)
    text = [[" "] * columns for _ in range(rows)]
    for row, line in enumerate(_characters(lit, style)):
        text[top + row][left : left + wide] = line
    frame = _frame_cells(edges, (columns, rows), PLAIN_FRAME if plain else FRAME)
    for (row, column), character in frame.items():
        text[row][column] = character
    return tuple(
        tuple(_split(line, [(row, column) in frame for column in range(columns)]))
        for row, line in enumerate(text)
    )


@lru_cache(maxsize=256)
def draw_grey_picture(
    pixels: bytes,
    size: tuple[int, int],
    share: Share,
    columns: int,
    rows: int,
    *,
    palette: Palette,
    frame_style: Style,
    inverted: bool = False,
) -> tuple[tuple[Segment, ...], ...]:
    """Return the same as `draw_picture`, but in greys, with two pixels in a character."""
    (left, top), (wide, high), edges = _place(size, share, columns, rows)
    lit = _light(pixels, size, share, (wide, 2 * high), inverted=inverted)
    greys = [[round(max(0.0, min(1.0, cell)) * (GREYS - 1)) for cell in line] for line in lit]
    halves = [[0] * columns for _ in range(2 * rows)]
    for row, shades in enumerate(greys, 2 * top):
        halves[row][left : left + wide] = shades
    frame = _frame_cells(edges, (columns, rows), FRAME)
    lines = []
    for row in range(rows):
        line: list[Segment] = []
        is_frame = [(row, column) in frame for column in range(columns)]
        for of_frame, group in groupby(range(columns), is_frame.__getitem__):
            cells = list(group)
            if of_frame:
                line.append(Segment("".join(frame[row, each] for each in cells), frame_style))
            else:
                upper, lower = ([halves[2 * row + n][each] for each in cells] for n in (0, 1))
                line += grey_line(upper, lower, palette)
        lines.append(tuple(line))
    return tuple(lines)


def _light(
    pixels: bytes, size: tuple[int, int], share: Share, cells: tuple[int, int], *, inverted: bool
) -> list[list[float]]:
    """Return how light each of columns × rows parts of an image is: 0 to 1 around the part `share`,
    and elsewhere perhaps less or more. `inverted` returns how dark."""
    grid = _means(pixels, *size, *cells)
    low, high = _brightness(grid, share)
    lit = [[(cell - low) / (high - low) for cell in line] for line in grid]
    return [[1 - cell for cell in line] for line in lit] if inverted else lit


def _split(line: list[str], is_frame: list[bool]) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a line that are of the frame, and those that are not."""
    cells = zip(line, is_frame, strict=True)
    for of_frame, group in groupby(cells, itemgetter(1)):
        yield "".join(character for character, _ in group), of_frame


def _place(
    size: tuple[int, int], share: Share, columns: int, rows: int
) -> tuple[tuple[int, int], tuple[int, int], list[int]]:
    """Return the image's first column and row, its columns and rows, and the frame's four sides.

    A side is the column or row that it is drawn in.
    """
    free = [0, 0, 0, 0]  # cells for the frame at the left, top, right and bottom of the image
    while True:
        wide, high = _fit(*size, columns - free[0] - free[2], rows - free[1] - free[3])
        sides = (
            int(share[0] * wide + 1e-6) - 1,
            int(share[1] * high + 1e-6) - 1,
            max(ceil(share[2] * wide - 1e-6), int(share[0] * wide + 1e-6) + 1),
            max(ceil(share[3] * high - 1e-6), int(share[1] * high + 1e-6) + 1),
        )
        is_outside = sides[0] < 0, sides[1] < 0, sides[2] >= wide, sides[3] >= high
        needed = [int(has or outside) for has, outside in zip(free, is_outside, strict=True)]
        if needed == free or min(columns, rows) < 3:
            first = free[0], free[1]
            return first, (wide, high), [side + first[n % 2] for n, side in enumerate(sides)]
        free = needed


def _fit(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """Return the columns and rows of an image; a cell is twice as high as it is wide."""
    scale = min(columns / width, 2 * rows / height)
    wide, high = round(width * scale), round(height * scale / 2)
    return max(1, min(wide, columns)), max(1, min(high, rows))


def _means(pixels: bytes, width: int, height: int, columns: int, rows: int) -> list[list[float]]:
    """Return the mean brightness of rows × columns parts of the image, 0 to 255."""
    parts = _parts(width, columns)
    grid = []
    for top, bottom in _parts(height, rows):
        starts = range(top * width, bottom * width, width)
        line = []
        for left, right in parts:
            cell = b"".join(pixels[start + left : start + right] for start in starts)
            line.append(sum(cell) / len(cell))
        grid.append(line)
    return grid


def _parts(length: int, count: int) -> list[tuple[int, int]]:
    """Return the start and end of `count` parts of a length, none of them empty."""
    edges = [place * length // count for place in range(count + 1)]
    return [(start, max(end, start + 1)) for start, end in pairwise(edges)]


def _brightness(grid: list[list[float]], share: Share) -> tuple[float, float]:
    """Return the brightness to draw as black and as white: that of the part and of what is around
    it, without outliers."""
    rows, columns = len(grid), len(grid[0])
    left, top, right, bottom = share
    # A cell on each side too, since a part of one cell would be of one brightness.
    across = AROUND * max(right - left, bottom - top) + 1 / columns
    down = AROUND * max(right - left, bottom - top) + 1 / rows
    near = sorted(
        cell
        for line in grid[max(0, int((top - down) * rows)) : ceil((bottom + down) * rows)]
        for cell in line[max(0, int((left - across) * columns)) : ceil((right + across) * columns)]
    )
    clipped = int(OUTLIERS * len(near))
    low, high = near[clipped], near[-1 - clipped]
    lacking = max(0.0, LEAST_RANGE - (high - low))
    return low - lacking / 2, high + lacking / 2


def _characters(lit: list[list[float]], style: str) -> tuple[str, ...]:
    if style == "ramp":
        return tuple(
            "".join(RAMP[max(0, min(9, round(cell * 9)))] for cell in line) for line in lit
        )
    inked = [[cell >= 0.5 for cell in line] for line in lit]
    return half_blocks(inked) if style == "half-block" else braille(inked)


def _frame_cells(sides: Sequence[int], size: tuple[int, int], marks: str) -> dict[Cell, str]:
    """Return the characters of a frame by their cells, as far as they are within columns × rows."""
    left, top, right, bottom = sides
    across, down, corners = marks[0], marks[1], marks[2:]
    cells = {(row, column): across for row in (top, bottom) for column in range(left, right + 1)}
    cells |= {(row, column): down for row in range(top, bottom + 1) for column in (left, right)}
    places = ((top, left), (top, right), (bottom, left), (bottom, right))
    cells |= dict(zip(places, corners, strict=True))
    columns, rows = size
    return {
        (row, column): character
        for (row, column), character in cells.items()
        if 0 <= row < rows and 0 <= column < columns
    }
