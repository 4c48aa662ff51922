"""Values around 0 in pictures: half blocks in colours from negative to positive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.style import Style

from tui.widgets.canvas import StyledLine

if TYPE_CHECKING:
    import numpy

    Values = numpy.ndarray[Any, numpy.dtype[Any]]

# From the most negative to the most positive value. The lightness rises all the way, so that it
# reads without colours too; blue and yellow differ for all kinds of colour vision. Few steps, and
# of the 256 colours that terminals number: each change of colour sends half as many bytes.
PALETTE = tuple(f"color({number})" for number in (17, 25, 67, 103, 246, 144, 179, 221, 230))
KEPT = 0.8  # of a step, by which a value differs at most from the one whose colour it keeps
MIDDLE = len(PALETTE) // 2
# The same where there are too few colours: the sign, and whether the value is large.
SIGNS = "==-- ++##"
# The same in greys, and of values that are not below 0.
GREYS = tuple(f"color({number})" for number in (232, 235, 238, 241, 244, 247, 250, 253, 255))
DENSITIES = " .:-=+*#@"
# Of bars, which stand alone on the background.
NEGATIVE, POSITIVE = PALETTE[2], PALETTE[6]
SCALES = (8, 6, 5, 4, 3, 2, 1, 0.5, 0.25, 0.125)  # columns, and half lines, for one value
CLEAR = 12  # pixels of the larger side from which on an image is recognised without being enlarged
GAP = 2  # columns between two images


@dataclass(frozen=True)
class Shades:
    """The colours of the steps from the smallest value to the largest, the characters in place of
    them, and the step of 0."""

    colours: tuple[str, ...]
    signs: str
    zero: int


SIGNED = Shades(PALETTE, SIGNS, MIDDLE)
SIGNED_GREYS = Shades(GREYS, SIGNS, MIDDLE)
GREYS_FROM_ZERO = Shades(GREYS, DENSITIES, 0)


@dataclass(frozen=True)
class GridLayout:
    """The layout of images: the size of one in cells, and how many fit across and down."""

    scale: float
    width: int
    height: int
    columns: int
    rows: int

    @property
    def capacity(self) -> int:
        return self.columns * self.rows

    def first_of(self, place: int) -> int:
        """Return the first image of the page with the image `place`."""
        return place // self.capacity * self.capacity


def fit_grid(
    count: int, image: tuple[int, int], area: tuple[int, int], least: float = 2
) -> GridLayout:
    """Return the largest scale at which so many images (width, height) fit into an area of columns
    and lines, each above a line of its number; else the smallest at which they can be recognised:
    `least` for small images.
    """
    (width, height), (columns, lines) = image, area
    found = None
    for scale in SCALES:
        wide, high = max(1, round(width * scale)), max(1, -(-round(height * scale) // 2))
        grid = GridLayout(
            scale, wide, high, max(1, (columns + GAP) // (wide + GAP)), max(1, lines // (high + 1))
        )
        if wide > columns or high + 1 > lines:
            continue
        if found and max(width, height) * scale < CLEAR and scale < least:
            break
        found = grid
        if grid.capacity >= count:
            break
    return found or grid


def to_values(data: bytes, width: int) -> Values:
    """Return values from -1 to 1, shape (rows, width), of bytes around 128."""
    import numpy

    signed = (numpy.frombuffer(data, dtype=numpy.uint8).astype(numpy.float32) - 128) / 127
    return signed.reshape(-1, width)


def scaled(values: Values, scale: float) -> Values:
    """Return the image with each value repeated, or with means where it becomes smaller."""
    import numpy

    if scale >= 1:
        return values.repeat(int(scale), 0).repeat(int(scale), 1)
    for axis, size in enumerate(values.shape):
        starts = numpy.arange(max(1, round(size * scale))) / scale
        edges = starts.astype(int)
        counts = numpy.diff([*edges, size])
        shape = (-1, 1) if axis == 0 else (1, -1)
        values = numpy.add.reduceat(values, edges, axis) / counts.reshape(shape)
    return values


def steps_of(values: Values, before: Values | None = None) -> Values:
    """Return values from -1 to 1 as places in PALETTE.

    Those that hardly differ from the place `before` keep it: values between two steps would change
    their colour with each step of training.
    """
    import numpy

    places = values * MIDDLE + MIDDLE
    steps = numpy.rint(places).astype(int)
    if before is None or before.shape != steps.shape:
        return steps
    return numpy.where(abs(places - before) < KEPT, before, steps)


def picture_lines(
    steps: Sequence[Sequence[int]], ink: Style | None, shades: Shades = SIGNED
) -> list[StyledLine]:
    """Return lines that show two rows each, given steps of the shades; with `ink` in characters, in
    that style."""
    rows = [*steps] if len(steps) % 2 == 0 else [*steps, [-1] * len(steps[0])]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    if ink is not None:
        return [
            [Segment("".join(_sign(*both, shades) for both in zip(*pair, strict=True)), ink)]
            for pair in pairs
        ]
    return [
        [
            Segment(_cell(upper, lower) * len(list(run)), _style(upper, lower, shades))
            for (upper, lower), run in groupby(zip(*pair, strict=True))
        ]
        for pair in pairs
    ]


def _sign(upper: int, lower: int, shades: Shades) -> str:
    """Return the character of the value that is farther from 0."""
    known = [step for step in (upper, lower) if step >= 0]
    return shades.signs[max(known, key=lambda step: abs(step - shades.zero))] if known else " "


def _cell(upper: int, lower: int) -> str:
    """Return the character of a cell; where there is no value, the step is negative."""
    return " " if upper < 0 else "█" if upper == lower else "▀"


@lru_cache(maxsize=512)
def _style(upper: int, lower: int, shades: Shades) -> Style | None:
    if upper < 0:
        return None
    colours = shades.colours
    return Style(color=colours[upper], bgcolor=colours[lower] if lower >= 0 else None)


def scale_line(
    largest: float, ink: Style | None, quiet: Style, shades: Shades = SIGNED
) -> StyledLine:
    """Return the legend: the colours, with the values at their ends."""
    most = f"{largest:.2g}"
    least = f"−{most}" if shades.zero else "0"
    if ink is not None:
        first = shades.signs[0] if shades.zero else "."
        last = shades.signs[-1]
        return [
            *(Segment(f"{first} ", ink), Segment(f"{least}  ", quiet)),
            *(Segment(f"{last} ", ink), Segment(f"+{most}", quiet)),
        ]
    colours = [Segment("█", Style(color=colour)) for colour in shades.colours]
    return [Segment(f"{least} ", quiet), *colours, Segment(f" +{most}", quiet)]
