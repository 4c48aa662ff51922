"""Digits and bars in characters, for the screen and for the commands."""

from collections.abc import Sequence
from functools import lru_cache

SIDE = 28  # an image of a digit is 28×28 pixels
# From background to ink; each character is denser than the one before in common fonts.
RAMP = " .:-=+*#%@"
HALVES = " ▀▄█"
# The bits of a braille character's dots, in its four rows of two.
DOTS = ((1, 8), (2, 16), (4, 32), (64, 128))
INK = 0.45  # the least share of ink that is drawn where there are no shades
# In steps of grey, 0 is the background: few enough that neighbours are often alike, which saves
# bytes, and enough that the steps are not seen.
GREYS = 16
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
        return half_blocks(_inked(pixels, width, 2 * height))
    if style == "braille":
        return braille(_inked(pixels, 2 * width, 4 * height))
    return tuple(
        "".join(RAMP[min(9, int(cell * 9.99))] for cell in line)
        for line in _means(pixels, width, height)
    )


@lru_cache(maxsize=256)
def draw_greys(pixels: bytes, width: int = 28, height: int = 14) -> tuple[tuple[int, ...], ...]:
    """Return an image of 28×28 bytes as 2 × height lines of `width` steps of grey, 0 to GREYS - 1.

    Two lines are one of half blocks, so 28×14 cells show each pixel.
    """
    return tuple(
        tuple(round(cell * (GREYS - 1)) for cell in line)
        for line in _means(pixels, width, 2 * height)
    )


def area_means(values: Sequence[int], width: int, height: int) -> list[list[float]]:
    """Return the means of 28×28 values in height × width parts of the image."""
    if width == height == SIDE:
        return [[*map(float, values[start : start + SIDE])] for start in range(0, SIDE**2, SIDE)]
    columns, rows = _weights(width), _weights(height)
    narrow = [
        [sum(values[y * SIDE + x] * part for x, part in column) for column in columns]
        for y in range(SIDE)
    ]
    return [
        [sum(narrow[y][column] * part for y, part in row) for column in range(width)]
        for row in rows
    ]


def _means(pixels: bytes, width: int, height: int) -> list[list[float]]:
    """Return the mean ink of height × width parts of the image, scaled so that the most is 1."""
    cells = area_means(pixels, width, height)
    # Averaging dims thin strokes, so the darkest cell is set to 1.
    darkest = max(max(line) for line in cells) or 1.0
    return [[cell / darkest for cell in line] for line in cells]


def _inked(pixels: bytes, width: int, height: int) -> list[list[bool]]:
    return [[cell >= INK for cell in line] for line in _means(pixels, width, height)]


def half_blocks(inked: list[list[bool]]) -> tuple[str, ...]:
    """Return a grid as lines of characters that show two rows each."""
    return tuple(
        "".join(HALVES[upper + 2 * lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(inked[::2], inked[1::2], strict=True)
    )


def braille(inked: list[list[bool]]) -> tuple[str, ...]:
    """Return a grid as lines of characters that show 4 rows and 2 columns each."""
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
