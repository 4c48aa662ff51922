"""A drawing and the pen over it as lines of cells, in two sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset, Size

from tui.drawing.pen import FULL, SIDE, Point
from tui.text.digit_art import GREYS, HALVES, INK, RAMP
from tui.text.grey_art import Palette, grey_line
from tui.widgets.canvas import StyledLine

# How the pen is drawn in one cell and in two: round for the pen, square for the eraser; hollow
# while it is up, filled while it is down.
MARKS = {
    (False, False): ("○", "()"),
    (False, True): ("●", "●●"),
    (True, False): ("□", "[]"),
    (True, True): ("■", "■■"),
}


@dataclass(frozen=True)
class PadLayout:
    """Which cells show which pixels: a cell two pixels, one above the other, or a pixel two cells.

    Attributes:
        is_large: whether a pixel has two cells, side by side.
    """

    is_large: bool

    @property
    def size(self) -> Size:
        return Size(2 * SIDE, SIDE) if self.is_large else Size(SIDE, SIDE // 2)

    def to_pixels(self, x: float, y: float) -> Point:
        """Return the position in the image of one in cells, fractions included."""
        return (x / 2, y) if self.is_large else (x, 2 * y)

    def cell_of(self, pen: Point) -> Offset:
        """Return the cell, or the left one of two, in which the pen is drawn."""
        column, row = (min(SIDE - 1, max(0, int(place))) for place in pen)
        return Offset(2 * column, row) if self.is_large else Offset(column, row // 2)

    @property
    def mark_width(self) -> int:
        return 2 if self.is_large else 1


@dataclass(frozen=True)
class PadStyle:
    digit_style: str  # "grey", "ramp" or another one, for which half blocks stand
    ink: Style
    pen: Style
    palette: Palette = ()  # for the style "grey"


def choose_layout(size: Size) -> PadLayout:
    """Return the largest layout that fits into an area; the small one where none does."""
    large = PadLayout(is_large=True)
    fits = size.width >= large.size.width and size.height >= large.size.height
    return large if fits else PadLayout(is_large=False)


def draw_pad(
    pixels: bytes, pen: Point, mark: tuple[bool, bool], layout: PadLayout, style: PadStyle
) -> list[StyledLine]:
    """Return the lines of the image with the pen over it.

    `mark` is whether the pen erases, and whether it is down. Where a cell shows two pixels, the
    pen is underlined while it is on the lower one.
    """
    rows = [pixels[start : start + SIDE] for start in range(0, len(pixels), SIDE)]
    lowers = rows if layout.is_large else rows[1::2]
    pairs = zip(rows if layout.is_large else rows[::2], lowers, strict=True)
    cell, sign = layout.cell_of(pen), MARKS[mark][layout.is_large]
    is_lower = not layout.is_large and int(pen[1]) % 2 == 1
    lines: list[StyledLine] = []
    for y, (upper, lower) in enumerate(pairs):
        if y != cell.y:
            lines.append([*_line(upper, lower, layout, style)])
            continue
        place = cell.x // layout.mark_width
        left = _line(upper[:place], lower[:place], layout, style)
        right = _line(upper[place + 1 :], lower[place + 1 :], layout, style)
        lines.append([*left, Segment(sign, style.pen + Style(underline=is_lower)), *right])
    return lines


@lru_cache(maxsize=512)
def _line(upper: bytes, lower: bytes, layout: PadLayout, style: PadStyle) -> tuple[Segment, ...]:
    """Return the cells of some pixels of two rows of the image; of one, if both are the same.

    Most rows stay as they are while one draws: so a step of the pen takes a third of the time.
    """
    if layout.is_large:
        upper = lower = bytes(ink for ink in upper for _ in range(2))
    if style.digit_style == "grey":
        return grey_line(_steps(upper), _steps(lower), style.palette)
    if style.digit_style == "ramp":
        means = ((one + other) / (2 * FULL) for one, other in zip(upper, lower, strict=True))
        text = "".join(RAMP[min(len(RAMP) - 1, int(mean * 9.99))] for mean in means)
    else:
        least = INK * FULL
        pairs = zip(upper, lower, strict=True)
        text = "".join(HALVES[(one >= least) + 2 * (other >= least)] for one, other in pairs)
    return (Segment(text, style.ink),)


def _steps(inks: bytes) -> list[int]:
    return [round(ink * (GREYS - 1) / FULL) for ink in inks]
