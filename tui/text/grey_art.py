"""Images in greys: half blocks with two pixels in a character, one in each of its colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tui.text.digit_art import GREYS, draw_greys

Palette = tuple[str, ...]  # the colours of the steps of grey, from background to ink
# A terminal with 256 colours has 24 greys, and hardly any other colour between two of a theme. The
# first is 8 of 255, each is 10 lighter than the one before, and Rich takes them for 1/25 to 24/25.
FIRST_GREY, GREY_STEP, FEW_GREYS, RICH_GREYS = 8, 10, 24, 25


@lru_cache(maxsize=64)
def make_palette(background: Color, ink: Color, *, few: bool = False) -> Palette:
    """Return GREYS colours from a background to the colour of the ink.

    `few` is for 256 colours: only greys that are among them, else a theme's tinted greys would
    become colours that differ from one another at random.
    """
    shades = [background.blend(ink, step / (GREYS - 1)) for step in range(GREYS)]
    return tuple(_nearest_grey(shade) if few else shade.hex for shade in shades)


def _nearest_grey(shade: Color) -> str:
    step = 1 + round((255 * shade.brightness - FIRST_GREY) / GREY_STEP)
    grey = round(255 * min(FEW_GREYS, max(1, step)) / RICH_GREYS)
    return Color(grey, grey, grey).hex


@lru_cache(maxsize=256)
def draw_grey_digit(
    pixels: bytes, width: int, height: int, palette: Palette
) -> tuple[tuple[Segment, ...], ...]:
    """Return an image of 28×28 bytes as `height` lines of `width` cells."""
    greys = draw_greys(pixels, width, height)
    pairs = zip(greys[::2], greys[1::2], strict=True)
    return tuple(grey_line(upper, lower, palette) for upper, lower in pairs)


def grey_line(upper: Sequence[int], lower: Sequence[int], palette: Palette) -> tuple[Segment, ...]:
    """Return a line of cells, given the steps of grey in their upper and lower halves.

    Neighbours of one style are one segment, and blank cells have no style: a style is some 40 bytes
    for the terminal. So a half in the background's colour is left out.
    """
    cells = [_cell(*pair) for pair in zip(upper, lower, strict=True)]
    return tuple(
        Segment("".join(text for text, _ in group), _style(*colours, palette))
        for colours, group in groupby(cells, lambda cell: cell[1])
    )


@lru_cache(maxsize=GREYS * GREYS)
def _cell(upper: int, lower: int) -> tuple[str, tuple[int, int]]:
    """Return a character, and the steps of its colour and of its background; 0 for none."""
    if upper == lower:
        return " ", (0, upper)  # not "█", which some fonts draw smaller than the cell
    if not upper:
        return "▄", (lower, 0)
    return "▀", (upper, lower)


@lru_cache(maxsize=4 * GREYS * GREYS)
def _style(colour: int, ground: int, palette: Palette) -> Style | None:
    if not colour and not ground:
        return None
    return Style(
        color=palette[colour] if colour else None, bgcolor=palette[ground] if ground else None
    )
