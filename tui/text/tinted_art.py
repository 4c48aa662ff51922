"""Images with a value around 0 at each place: greys, tinted by the values, and their signs.

The lightness is that of the image, so that it is recognised, and the colour is that of the sign.
The signs + and − stand at some places too, and where there are no colours at every other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tui.text.digit_art import GREYS, RAMP, SIDE, area_means

Line = tuple[Segment, ...]
Cell = tuple[int, int]  # steps of grey and of tint

TINTS = 8  # steps from no tint to the largest
TINT_SHARE = 0.65  # of the colour at the largest values; the rest is the image's grey
SIGN_BLOCK = 4  # pixels along a side of the blocks that have one sign, at the largest value
LEAST_SIGN = 0.2  # the least value that has a sign, as a share of the largest
PLUS, MINUS = "+", "−"
SIGNLESS_RAMP = " .:*#@"  # of characters that are no sign


@dataclass(frozen=True)
class Tint:
    """The colours of paper, ink, and of positive and negative values; `share` is that of the colour
    at the largest values, 1 where the image itself is empty."""

    paper: Color
    ink: Color
    more: Color
    less: Color
    share: float = TINT_SHARE

    @lru_cache(maxsize=4096)  # noqa: B019, a theme has few of them
    def shade(self, cell: Cell) -> Color:
        grey, tint = cell
        base = self.paper.blend(self.ink, grey / (GREYS - 1))
        return base.blend(self.more if tint > 0 else self.less, self.share * abs(tint) / TINTS)


@lru_cache(maxsize=64)
def draw_tinted(
    pixels: bytes, values: bytes | None, width: int, height: int, tint: Tint
) -> tuple[Line, ...]:
    """Return an image of 28×28 bytes as `height` lines of `width` cells of half blocks.

    `values` are 28×28 bytes, above 128 positive; without them the image is grey. Unlike in
    draw_digit, 255 is full ink also where there is little.
    """
    greys = area_means(pixels, width, 2 * height)
    tints = area_means(_signed(values), width, 2 * height)
    cells = [
        [_steps(*each) for each in zip(*rows, strict=True)]
        for rows in zip(greys, tints, strict=True)
    ]
    signs = _signs(values, width, height)
    known: dict[tuple[tuple[Cell, Cell], str], tuple[str, Style | None]] = {}
    lines = []
    for row in range(height):
        drawn = []
        for column, pair in enumerate(zip(cells[2 * row], cells[2 * row + 1], strict=True)):
            place = pair, signs.get((row, column), "")
            if place not in known:
                known[place] = _cell(*place, tint)
            drawn.append(known[place])
        lines.append(
            tuple(
                Segment("".join(text for text, _ in group), style)
                for style, group in groupby(drawn, lambda each: each[1])
            )
        )
    return tuple(lines)


@lru_cache(maxsize=64)
def draw_signs(
    pixels: bytes, values: bytes | None, width: int, height: int
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """Return the same without colours: pieces of text, each with 1 for +, -1 for − and 0 for ink.

    Every other cell has its sign, so that the image is seen between them.
    """
    ramp = RAMP if values is None else SIGNLESS_RAMP
    greys = area_means(pixels, width, height)
    tints = area_means(_signed(values), width, height)
    lines = []
    for row, pairs in enumerate(zip(greys, tints, strict=True)):
        line = []
        for column, (grey, value) in enumerate(zip(*pairs, strict=True)):
            has_sign = abs(value) >= LEAST_SIGN * 127 and (row + column) % 2 == 0
            sign = (1 if value > 0 else -1) if has_sign else 0
            ink = ramp[min(len(ramp) - 1, int(grey / 255 * (len(ramp) - 0.01)))]
            line.append(({1: PLUS, -1: MINUS}.get(sign, ink), sign))
        lines.append(
            tuple(
                ("".join(text for text, _ in group), sign)
                for sign, group in groupby(line, lambda each: each[1])
            )
        )
    return tuple(lines)


def _signed(values: bytes | None) -> Sequence[int]:
    return [each - 128 for each in values] if values else [0] * 784


def _steps(grey: float, value: float) -> Cell:
    return round(grey / 255 * (GREYS - 1)), round(max(-1.0, min(1.0, value / 127)) * TINTS)


def _signs(values: bytes | None, width: int, height: int) -> dict[tuple[int, int], str]:
    """Return the signs by their row and column."""
    if not values:
        return {}
    signed, found = _signed(values), {}
    for top in range(0, SIDE, SIGN_BLOCK):
        for left in range(0, SIDE, SIGN_BLOCK):
            block = [
                (down, across)
                for down in range(top, top + SIGN_BLOCK)
                for across in range(left, left + SIGN_BLOCK)
            ]
            down, across = max(block, key=lambda each: abs(signed[each[0] * SIDE + each[1]]))
            value = signed[down * SIDE + across]
            if abs(value) >= LEAST_SIGN * 127:
                cell = int((down + 0.5) * height / SIDE), int((across + 0.5) * width / SIDE)
                found[cell] = PLUS if value > 0 else MINUS
    return found


def _cell(pair: tuple[Cell, Cell], sign: str, tint: Tint) -> tuple[str, Style | None]:
    """Return the character of a cell and its style; of paper without a tint, None."""
    upper, lower = (tint.shade(each) for each in pair)
    if sign:
        ground = upper.blend(lower, 0.5)
        far = max((tint.paper, tint.ink), key=lambda each: abs(each.brightness - ground.brightness))
        return sign, _style(far.hex, ground.hex, bold=True)
    if pair == ((0, 0), (0, 0)):
        return " ", None
    if upper == lower:
        return " ", _style(None, upper.hex)  # not "█", which some fonts draw smaller than the cell
    return "▀", _style(upper.hex, lower.hex)


@lru_cache(maxsize=4096)
def _style(colour: str | None, ground: str, *, bold: bool = False) -> Style:
    return Style(color=colour, bgcolor=ground, bold=bold or None)
