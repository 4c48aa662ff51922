"""Digits, grey images and bars in characters, for the screen and for the commands."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil

SIDE = 28  # an image of a digit is 28×28 pixels
# From background to ink; each character is denser than the one before in common fonts.
RAMP = " .:-=+*#%@"
HALVES = " ▀▄█"
# The bits of a braille character's dots, in its four rows of two.
DOTS = ((1, 8), (2, 16), (4, 32), (64, 128))
INK = 0.45  # the least share of ink that is drawn where there are no shades
FRAME = "─│┌┐└┘"
EIGHTHS = " ▏▎▍▌▋▊▉█"


@lru_cache(maxsize=256)
def draw_digit(
    pixels: bytes, width: int = 28, height: int = 14, style: str = "ramp"
) -> tuple[str, ...]:
    """Return an image of 28×28 bytes as `height` lines of `width` characters.

    The style is "ramp" (a character's density is its mean ink), "half-block" (two pixels in a
    character, ink or not) or "braille" (2×4 pixels in a character). A cell is twice as high as it
    is wide, so 28×14 keeps the shape, and in braille 14×7 has a dot for each pixel.
    """
    if style == "half-block":
        return _half_blocks(_inked(pixels, width, 2 * height))
    if style == "braille":
        return _braille(_inked(pixels, 2 * width, 4 * height))
    return tuple(
        "".join(RAMP[min(9, int(cell * 9.99))] for cell in line)
        for line in _means(pixels, width, height)
    )


def _means(pixels: bytes, width: int, height: int) -> list[list[float]]:
    """Return the mean ink of height × width parts of the image, scaled so that the most is 1."""
    columns, rows = _weights(width), _weights(height)
    narrow = [
        [sum(pixels[y * SIDE + x] * part for x, part in column) for column in columns]
        for y in range(SIDE)
    ]
    cells = [
        [sum(narrow[y][column] * part for y, part in row) for column in range(width)]
        for row in rows
    ]
    # Averaging dims thin strokes, so the darkest cell is set to 1.
    darkest = max(max(line) for line in cells) or 1.0
    return [[cell / darkest for cell in line] for line in cells]


def draw_grey(
    pixels: bytes, width: int, height: int, columns: int, rows: int, *, inverted: bool = False
) -> tuple[str, ...]:
    """Return a grey image of width × height bytes as `rows` lines of `columns` characters.

    Its shape is kept, and the space left over is at its right and below. A lighter pixel gets a
    denser character, as on a dark screen; `inverted` is for a light one.
    """
    wide, high = fit_grey(width, height, columns, rows)
    lines = []
    for top, bottom in _parts(height, high):
        line = ""
        for left, right in _parts(width, wide):
            starts = range(top * width, bottom * width, width)
            cell = b"".join(pixels[start + left : start + right] for start in starts)
            grey = sum(cell) / len(cell)
            line += RAMP[round((255 - grey if inverted else grey) / 255 * 9)]
        lines.append(line.ljust(columns))
    return (*lines, *[" " * columns] * (rows - high))


def fit_grey(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """Return how many columns and rows draw_grey uses for an image of width × height."""
    scale = min(columns / width, 2 * rows / height)
    return max(1, round(width * scale)), max(1, round(height * scale / 2))


def draw_frame(
    lines: Sequence[str],
    drawn: tuple[int, int],
    share: tuple[float, float, float, float],
    *,
    plain: bool = False,
) -> tuple[str, ...]:
    """Return the lines with a frame around a part of the image that they show.

    The image takes the first `drawn` columns and rows of the lines. The part's left, top, right and
    bottom are shares of the image, 0 to 1. The frame stands in the cells around it; where the part
    reaches the image's edge there are none, and that side is left out. `plain` draws it in ASCII.
    """
    marks = "-|++++" if plain else FRAME
    across, down, corners = marks[0], marks[1], marks[2:]
    wide, high = drawn
    left, top = int(share[0] * wide) - 1, int(share[1] * high) - 1
    right, bottom = ceil(share[2] * wide - 1e-6), ceil(share[3] * high - 1e-6)
    grid = [list(line) for line in lines]
    for column in range(max(0, left), min(right, wide - 1) + 1):
        for row in (top, bottom):
            if 0 <= row < high:
                grid[row][column] = across
    for row in range(max(0, top), min(bottom, high - 1) + 1):
        for column in (left, right):
            if 0 <= column < wide:
                grid[row][column] = down
    places = ((left, top), (right, top), (left, bottom), (right, bottom))
    for corner, (column, row) in zip(corners, places, strict=True):
        if 0 <= column < wide and 0 <= row < high:
            grid[row][column] = corner
    return tuple("".join(line) for line in grid)


def _parts(length: int, count: int) -> list[tuple[int, int]]:
    """Return the start and end of `count` parts of a length, none of them empty."""
    edges = [place * length // count for place in range(count + 1)]
    return [(start, max(end, start + 1)) for start, end in pairwise(edges)]


def _inked(pixels: bytes, width: int, height: int) -> list[list[bool]]:
    return [[cell >= INK for cell in line] for line in _means(pixels, width, height)]


def _half_blocks(inked: list[list[bool]]) -> tuple[str, ...]:
    return tuple(
        "".join(HALVES[upper + 2 * lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(inked[::2], inked[1::2], strict=True)
    )


def _braille(inked: list[list[bool]]) -> tuple[str, ...]:
    lines = []
    for top in range(0, len(inked), 4):
        dots = [
            sum(DOTS[y][x] for y in range(4) for x in range(2) if inked[top + y][left + x])
            for left in range(0, len(inked[top]), 2)
        ]
        # Some fonts draw circles for the braille character without dots, so it is a space.
        lines.append("".join(chr(0x2800 + dot) if dot else " " for dot in dots))
    return tuple(lines)


@lru_cache(maxsize=16)
def _weights(cells: int) -> list[list[tuple[int, float]]]:
    """Return for each cell along a side the pixels it covers, with their shares in its mean."""
    size = SIDE / cells
    out = []
    for cell in range(cells):
        start, end = cell * size, (cell + 1) * size
        parts = [(pixel, min(end, pixel + 1) - max(start, pixel)) for pixel in range(SIDE)]
        out.append([(pixel, part / size) for pixel, part in parts if part > 1e-9])
    return out


def draw_bar(share: float, width: int, *, plain: bool = False) -> str:
    """Return a bar of `width` characters, filled to a share (0 to 1) in eighths of a character.

    A share above 0.5% shows at least an eighth. `plain` draws it in ASCII.
    """
    if plain:
        return ("#" * round(share * width)).ljust(width)
    eighths = max(round(share * width * 8), 1 if share > 0.005 else 0)
    full, part = divmod(min(eighths, width * 8), 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)
