"""Distinguish ink from noise, shadows and light: what stands out from its background, and sharply.

A group of strokes is compared with the texture of the picture at the same width: how much do spots
as wide as its strokes differ from what is around them, away from it? Noise has many such spots, and
the search picks the darkest, so a digit must differ by several times as much.
"""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from core.data.segmentation.groups import Group, contrast_of
from core.data.segmentation.ink import Ink
from core.data.segmentation.regions import Grid, Mask, dilate

QUIET, USUAL = 12, 10  # times the texture's quieter part, and all but its loudest tenth
HAIR, HAIRLINE = 3, 30  # pixels; times the quieter part: rests of printed lines are as thin
CLEAR = 70  # grey levels at which neither counts: the texture may be that of a desk
FAINTEST = 8  # grey levels between ink and what is around it
LEVEL = 0.4  # grey levels: the least texture, that of rounding
NEAREST, FARTHEST = 2, 5  # pixels from a stroke's edge to where both sides are compared
SHARP = 0.73  # of the contrast lies within that distance; shadows and light fade more slowly
WIDEST = 9  # pixels: the widest spots that are compared
FEW = 30  # spots, of which nothing can be said
AROUND, PART = 0.7, 0.3  # of what is around it differs by at least that part of the mean
ALONG, WIDE = 0.75, 0.2  # of one side, and of the whole border, belong to a surface
SPARSE = 0.1  # of the narrowest rectangle around it: shade in several corners
CORNER = 4  # pixels: shade that fills a corner of the picture
PRINTED = 0.5  # of the ink belongs to printed lines


class Texture:
    """How much the spots of a picture (height, width) differ from what is around them."""

    def __init__(self, values: NDArray[numpy.uint8]) -> None:
        self.values = values.astype(numpy.float32)
        self._sums = numpy.pad(values.astype(numpy.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        self._known: dict[int, Grid] = {}

    def measure(self, side: int, away: Mask) -> tuple[float, float]:
        """Return the standard deviation of square spots, from their lower quarter and upper tenth.

        `side` is odd and in pixels; only spots whose middle is in `away` count.
        """
        if min(self.values.shape) <= 3 * side:
            return 0.0, 0.0
        spots = self._spots(side)
        first, step = 3 * side // 2, self._step(side)
        middles = away[first::step, first::step][: spots.shape[0], : spots.shape[1]]
        counted = spots[middles]
        if counted.size < FEW:
            return 0.0, 0.0
        # The quantiles of a normal distribution's absolute value.
        low, high = numpy.quantile(counted, (0.25, 0.9))
        return float(low) / 0.3186, float(high) / 1.645

    @staticmethod
    def _step(side: int) -> int:
        return max(2, side // 2)

    def _spots(self, side: int) -> Grid:
        """Return the absolute contrast of spots with the ring of the same width around them."""
        if side not in self._known:
            inner, outer = self._total(side), self._total(3 * side)
            inner = inner[side:-side, side:-side]
            around = (outer - inner) / (8 * side * side)
            step = self._step(side)
            self._known[side] = abs(inner / (side * side) - around)[::step, ::step]
        return self._known[side]

    def _total(self, side: int) -> Grid:
        sums = self._sums
        return sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]


def stands_out(texture: Texture, ink: Ink, group: Group) -> bool:
    """Return whether a group of strokes is more than noise, a shadow or printed lines."""
    if group.sides > 1 and _is_surface(ink.regions.cover(group.regions), group):
        return False
    reach = int(min(max(round(group.width / 2), NEAREST), FARTHEST))
    margin = reach + 2
    place = (
        slice(max(0, group.top - margin), group.bottom + margin),
        slice(max(0, group.left - margin), group.right + margin),
    )
    labels, values = ink.regions.labels[place], texture.values[place]
    strokes = numpy.isin(labels, group.regions)
    if (ink.lines[place] & strokes).sum() > PRINTED * strokes.sum():
        return False
    ring = dilate(strokes, reach + 1) & ~dilate(strokes, 1) & (labels < 0)
    rim = strokes & dilate(~strokes, reach)
    if not ring.any() or not rim.any():
        return True
    sign = -1 if ink.source.is_light else 1
    steps = sign * (values[ring] - values[rim].mean())
    step = float(steps.mean())
    contrast = contrast_of(ink.source, ink.strength[place], values)[strokes]
    if step < max(FAINTEST, SHARP * float(contrast.mean())):
        return False
    if (steps >= PART * step).mean() < AROUND:  # the other side of a shadow's edge is as dark
        return False
    if step >= CLEAR:
        return True
    side = int(min(max(group.width, 1), WIDEST)) | 1
    near = dilate(ink.regions.cover(group.regions), reach + 1 + side)
    quiet, usual = texture.measure(side, ~near)
    least = HAIRLINE if group.width < HAIR else QUIET
    return step > least * max(LEVEL, quiet) and step > USUAL * usual


def _is_surface(strokes: Mask, group: Group) -> bool:
    """Return whether this is a part of the picture beyond a shadow's or a page's edge."""
    sides = [strokes[0], strokes[-1], strokes[:, 0], strokes[:, -1]]
    border = sum(int(side.sum()) for side in sides) / sum(side.size for side in sides)
    ends = (slice(0, CORNER), slice(-CORNER, None))
    is_shade = group.sides == 2 or group.fill < SPARSE
    in_corner = is_shade and any(strokes[y, x].any() for y in ends for x in ends)
    is_wide = group.sides < 4 and border > WIDE
    if group.is_narrow and group.sides != 3:  # as a 1 that is cropped tightly
        return in_corner
    return in_corner or is_wide or max(float(side.mean()) for side in sides) > ALONG
