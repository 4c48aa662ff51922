"""Digits, grey images and bars in characters, for the screen and for the commands."""

from functools import lru_cache

SIDE = 28  # a digit is 28×28 pixels
# From paper to ink. Each step looks darker than the last in common fonts.
RAMP = " .:-=+*#%@"
HALVES = " ▀▄█"
# The bits of a braille character's dots, in its four rows of two.
DOTS = ((1, 8), (2, 16), (4, 32), (64, 128))
INK = 0.45  # what is at least so dark is ink, where there are no shades
EIGHTHS = " ▏▎▍▌▋▊▉█"


@lru_cache(maxsize=256)
def draw_digit(
    pixels: bytes, width: int = 28, height: int = 14, style: str = "ramp"
) -> tuple[str, ...]:
    """A digit as `height` lines of `width` characters: of mean ink each ("ramp"), or with ink or
    paper in each half of a character ("half-block") or in each of its 2×4 dots ("braille").

    A character is twice as high as it is wide, so 28×14 keeps the digit's shape, and in braille
    14×7 has a dot for each pixel.
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
    """The mean ink of so many parts of the image, 0 to 1."""
    columns, rows = _weights(width), _weights(height)
    narrow = [
        [sum(pixels[y * SIDE + x] * part for x, part in column) for column in columns]
        for y in range(SIDE)
    ]
    cells = [
        [sum(narrow[y][column] * part for y, part in row) for column in range(width)]
        for row in rows
    ]
    # Averaging dims thin strokes: the darkest cell is ink again.
    darkest = max(max(line) for line in cells) or 1.0
    return [[cell / darkest for cell in line] for line in cells]


def draw_grey(
    pixels: bytes, width: int, height: int, columns: int, rows: int, *, inverted: bool = False
) -> tuple[str, ...]:
    """A grey image as `rows` lines of `columns` characters, with its shape kept and what is left
    over on its right and beneath. The lighter, the denser, as on a dark screen; `inverted` is for
    a light one."""
    scale = min(columns / width, 2 * rows / height)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale / 2))
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


def _parts(length: int, count: int) -> list[tuple[int, int]]:
    """From where to where so many parts go, none of them empty."""
    starts = [place * length // count for place in range(count)]
    ends = [*starts[1:], length]
    return [(start, max(end, start + 1)) for start, end in zip(starts, ends, strict=True)]


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
            sum(
                bit
                for row, pair in enumerate(DOTS)
                for x, bit in enumerate(pair)
                if inked[top + row][left + x]
            )
            for left in range(0, len(inked[top]), 2)
        ]
        # The braille character without dots is no space: some fonts draw rings in it.
        lines.append("".join(chr(0x2800 + dot) if dot else " " for dot in dots))
    return tuple(lines)


@lru_cache(maxsize=16)
def _weights(cells: int) -> list[list[tuple[int, float]]]:
    """For each cell along one side: the pixels it covers, and each one's share in its mean."""
    size = SIDE / cells
    out = []
    for cell in range(cells):
        start, end = cell * size, (cell + 1) * size
        covered = range(int(start), min(SIDE, int(end) + 1))
        parts = [(pixel, min(end, pixel + 1) - max(start, pixel)) for pixel in covered]
        out.append([(pixel, part / size) for pixel, part in parts if part > 1e-9])
    return out


def draw_bar(share: float, width: int, *, plain: bool = False) -> str:
    """A bar of `width` characters, filled to that share, to an eighth of a character.

    What is above nothing shows; `plain` is for where block characters cannot be shown.
    """
    if plain:
        return ("#" * round(share * width)).ljust(width)
    eighths = max(round(share * width * 8), 1 if share > 0.005 else 0)
    full, part = divmod(min(eighths, width * 8), 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)
