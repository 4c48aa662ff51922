"""Separate the ink of a picture from its background, in two ways.

`Source(reach=None)` takes the background for uniform but for the light on it, as a page is that
fills the picture. With a reach, ink is what is narrower than that many pixels and darker (or
lighter) than its surroundings, whatever they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy
from numpy.typing import NDArray

from core.data.segmentation.background import subtract_background, subtract_surroundings
from core.data.segmentation.regions import Grid, Mask, Regions, find_regions, slide
from core.data.segmentation.ruled_lines import find_lines

LEAST = 10  # grey levels, of 255, between background and ink
EDGE = 0.12  # of full ink: where a stroke begins
CORE = 0.45  # of the most ink near by: where a stroke's middle begins, between other things
DEEP = 0.65  # the same where ink lies in a shadow as narrow as a stroke


@dataclass(frozen=True)
class Source:
    """How ink is separated from its background: lighter or darker, and at most how wide.

    `core` is the share of the most ink near by from which on a pixel is ink.
    """

    reach: int | None = None
    is_light: bool | None = None  # with no reach, None is whichever there is more of
    core: float = CORE


@dataclass(frozen=True)
class Ink:
    """The ink of a picture.

    `strength` is in grey levels above the background's noise; `full` is that of full ink,
    `amount` is 0 to 1 of it. `regions` are the connected strokes, and `lines` the printed
    lines, which the regions exclude if the source has a reach. `most` is then the strength of the
    strongest ink within that reach.
    """

    source: Source
    strength: Grid
    amount: Grid
    regions: Regions
    lines: Mask
    most: Grid | None = None


def find_ink(values: NDArray[numpy.uint8], source: Source) -> Ink | None:
    """Return the ink of a grey image (height, width); None if nothing stands out."""
    if source.reach is None:
        return _find_on_page(values, source)
    return _find_in_surroundings(values, source, source.reach)


def _find_on_page(values: NDArray[numpy.uint8], source: Source) -> Ink | None:
    above, noise = subtract_background(values.astype(numpy.float64))
    light, dark = (numpy.clip(sign * above - 3 * noise, 0, None) for sign in (1, -1))
    is_light = source.is_light
    if is_light is None:
        is_light = bool(light.sum() > dark.sum())
    strength = light if is_light else dark
    if strength.max() < max(LEAST, 2 * noise):
        return None
    amount = scale_amount(strength, strength > strength.max() / 2, is_noisy=noise > 0)
    mask = amount >= EDGE
    return Ink(Source(None, is_light), strength, amount, find_regions(mask), find_lines(mask))


def _find_in_surroundings(values: NDArray[numpy.uint8], source: Source, reach: int) -> Ink | None:
    dark = 255 - values if source.is_light else values
    below, noise = subtract_surroundings(dark, reach)
    strength = numpy.clip(below - 3 * noise, 0, None)
    if strength.max() < max(LEAST, 2 * noise):
        return None
    most = slide(strength, reach, numpy.maximum)
    lines = find_lines(strength >= LEAST)
    regions = _find_cores(strength, most, lines, source.core)
    return Ink(source, strength, strength / strength.max(), regions, lines, most)


def _find_cores(strength: Grid, most: Grid, lines: Mask, core: float) -> Regions:
    return find_regions((strength >= core * most) & (strength >= LEAST) & ~lines)


def drop_shadow(ink: Ink) -> Ink:
    """Return the ink of a source with a reach without the weaker ink around it, as of a shadow."""
    assert ink.most is not None
    regions = _find_cores(ink.strength, ink.most, ink.lines, DEEP)
    return replace(ink, source=replace(ink.source, core=DEEP), regions=regions)


def reach_of(share: float, size: int) -> int:
    """Return the reach that is a share of an image's longer side."""
    return max(5, round(share * size) | 1)


def scale_amount(strength: Grid, where: Mask, *, is_noisy: bool = True, edge: float = EDGE) -> Grid:
    """Return the strength as 0 to 1 of that of full ink, which is the upper quarter of `where`.

    What has less than `edge` of it is background if the background is noisy.
    """
    # Not the darkest pixels: they are darker than most of a pencil's strokes.
    full = float(numpy.percentile(strength[where], 75))
    amount = numpy.clip(strength / (full if full < 240 else 255), 0, 1)
    if is_noisy:
        amount = numpy.clip((amount - edge) / (1 - edge), 0, 1)
    return amount
