"""Group the strokes of a picture to digits, and distinguish digits from what else there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from core.data.segmentation.background import DARK
from core.data.segmentation.blocks import are_in_blocks
from core.data.segmentation.ink import Ink, Source
from core.data.segmentation.parts import (
    box_of,
    count_touched,
    find_frames,
    join_parts,
    longest_side,
)
from core.data.segmentation.regions import Grid, Mask, Numbers, erode, slide

SMALLEST = 0.025  # of the picture's longer side: a digit's longer side
LARGE = 0.3  # the same of a digit whose score its size does not lower
SOLID = 0.76  # of the narrowest rectangle around it: a spot, a hole or a note, unless it is narrow
NARROW = 0.4  # such a rectangle's width by its length
SPECK = 0.03  # of the largest stroke's ink: a region with less is dirt
EDGE_LEVEL = 0.4  # of a stroke's contrast: what counts as an edge
OUTLINED = 0.5  # of a stroke's outline is an edge in the picture
SIMILAR = 0.45  # another digit's height, and its score, by that of the best one
STRONG = 0.7  # the same of its strength
WIDTHS = 3.0  # the ratio of two digits' stroke widths
WIDEST = 1.7  # a digit's width by its height
MANY = 0.93  # the score of each further part of a digit, which few have
THINNEST, THICKEST = 0.03, 0.25  # of a digit's longer side: the strokes of most digits
TOUCHING = 0.3  # the score of what hangs on the picture's border, by that of others


@dataclass(frozen=True)
class Group:
    """The strokes of one digit: `regions` of an Ink, and what they are like.

    `strength` is their mean in grey levels, `width` that of a stroke in pixels, `outlined` the
    share of their outline that is an edge in the picture, `fill` their share of the narrowest
    rectangle around them at any angle, `sides` how many sides of the picture they touch.
    """

    regions: tuple[int, ...]
    left: int
    top: int
    right: int
    bottom: int
    mass: float
    strength: float
    width: float
    outlined: float
    sides: int
    fill: float
    is_narrow: bool
    score: float = 0.0

    @property
    def place(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.right, self.bottom

    @property
    def is_solid(self) -> bool:
        """Whether this is rather a spot, a hole or a note than strokes."""
        return self.fill >= SOLID and not self.is_narrow

    @property
    def touches(self) -> bool:
        return self.sides > 0

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def longest(self) -> int:
        return max(self.height, self.right - self.left)


def measure_edges(values: NDArray[numpy.uint8]) -> NDArray[numpy.uint8]:
    """Return the range of grey levels in the square of 5×5 pixels around each pixel."""
    return slide(values, 5, numpy.maximum) - slide(values, 5, numpy.minimum)


def _measure_outlines(ink: Ink, values: NDArray[numpy.uint8], edges: NDArray[numpy.uint8]) -> Grid:
    """Return which share of each region's outline is an edge in the picture, 0 to 1."""
    regions = ink.regions
    inside = regions.labels >= 0
    outline = inside & ~erode(inside)
    number = regions.labels[outline]
    level = regions.mean(contrast_of(ink.source, ink.strength, values))
    sharp = edges[outline] >= EDGE_LEVEL * level[number]
    counts = numpy.bincount(number, minlength=len(regions))
    return numpy.bincount(number, sharp, len(regions)) / numpy.maximum(counts, 1)


def contrast_of(source: Source, strength: Grid, values: NDArray[Any]) -> Grid:
    """Return the strength in grey levels of the picture, not relative to the background."""
    if source.reach is None:
        return strength
    paper = 255.0 - values if source.is_light else values.astype(float)
    # Solve the ratio of subtract_surroundings for the background.
    most = 255 + DARK
    return strength * (paper + DARK) / numpy.maximum(most - strength, 20)


def find_groups(
    ink: Ink,
    values: NDArray[numpy.uint8],
    edges: NDArray[numpy.uint8],
    blocks: Mask | None = None,
) -> tuple[list[Group], int]:
    """Return the groups that may be digits, each with its score, best first, and how many strokes.

    `edges` are those of measure_edges. What lies in `blocks`, which are filled areas, is none. Only
    the MOST largest of the strokes are in the groups.
    """
    regions, size = ink.regions, max(values.shape)
    if not len(regions):
        return [], 0
    mass, outlined, numbers = _find_strokes(ink, values, edges, blocks)
    least = max(5, SMALLEST * size)
    groups = [
        _describe(ink, each, mass, outlined, size)
        for each in join_parts(regions, numbers)
        if longest_side(box_of(regions, each)) >= least
    ]
    return sorted(groups, key=lambda group: -group.score), len(numbers)


def _find_strokes(
    ink: Ink,
    values: NDArray[numpy.uint8],
    edges: NDArray[numpy.uint8],
    blocks: Mask | None,
) -> tuple[Grid, Grid, Numbers]:
    """Return mass and outline of each region, and the numbers of those that are strokes."""
    regions = ink.regions
    mass = regions.total(ink.strength)
    outlined = _measure_outlines(ink, values, edges)
    longer = numpy.maximum(regions.right - regions.left, regions.bottom - regions.top)
    is_stroke = outlined >= OUTLINED
    if blocks is not None:
        is_stroke &= ~are_in_blocks(regions, blocks)
    is_stroke &= mass >= SPECK * max(mass[is_stroke], default=0)
    is_stroke &= ~find_frames(regions, is_stroke, longer)
    numbers = numpy.flatnonzero(is_stroke)
    return mass, outlined, numbers[numpy.argsort(-mass[numbers], kind="stable")]


def group_all(ink: Ink) -> Group:
    """Return all strokes but specks as one digit."""
    mass = ink.regions.total(ink.strength)
    members = numpy.flatnonzero(mass >= SPECK * mass.max()).tolist()
    return _describe(ink, members, mass, numpy.ones(mass.size), max(ink.strength.shape))


def _describe(ink: Ink, members: list[int], mass: Grid, outlined: Grid, size: int) -> Group:
    regions, place = ink.regions, box_of(ink.regions, members)
    left, top, right, bottom = place
    sides = count_touched(place, regions)
    area = regions.area[members]
    strength = float(mass[members].sum() / area.sum())
    stroke = float((regions.width[members] * area).sum() / area.sum())
    edges = float((outlined[members] * area).sum() / area.sum())
    longest = max(right - left, bottom - top)
    fill, is_narrow = measure_fill(regions.labels[top:bottom, left:right], members)
    # Each factor is 1 for a digit as most are: with edges, strong, large, not at the border, its
    # strokes as wide as usual, not too wide, no spot and in one piece.
    score = (
        edges**2
        * (strength / 255)
        * min(1.0, longest / (LARGE * size)) ** 0.7
        * (TOUCHING if sides else 1.0)
        * min(1.0, stroke / longest / THINNEST, THICKEST * longest / stroke)
        * (1.0 if right - left <= WIDEST * (bottom - top) else 0.4)
        * (0.5 if fill >= SOLID and not is_narrow else 1.0)
        * MANY ** (len(members) - 1)
    )
    return Group(
        regions=tuple(members),
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        mass=float(mass[members].sum()),
        strength=strength,
        width=stroke,
        outlined=edges,
        sides=sides,
        fill=fill,
        is_narrow=is_narrow,
        score=score,
    )


def measure_fill(labels: Numbers, members: list[int]) -> tuple[float, bool]:
    """Return the regions' share of the narrowest rectangle around them, and if that is narrow."""
    mask = labels == members[0] if len(members) == 1 else numpy.isin(labels, members)
    y, x = numpy.nonzero(mask & ~erode(numpy.pad(mask, 1))[1:-1, 1:-1])
    angles = numpy.radians(numpy.arange(0, 180, 6))
    along = x * numpy.cos(angles)[:, None] + y * numpy.sin(angles)[:, None]
    spans = numpy.ptp(along, axis=1) + 1
    across = numpy.roll(spans, spans.size // 2)  # at a right angle
    best = (spans * across).argmin()
    one, other = float(spans[best]), float(across[best])
    return float(mask.sum()) / (one * other), min(one, other) < NARROW * max(one, other)


def choose_digits(groups: list[Group]) -> list[Group]:
    """Return the groups that are digits as the best one is, in reading order."""
    if not groups:
        return []
    best = groups[0]
    digits = [
        group
        for group in groups
        if group is best
        or (
            (best.touches or not group.touches)
            and (best.is_solid or not group.is_solid)
            and group.height >= SIMILAR * best.height
            and group.height <= best.height / SIMILAR
            and group.strength >= STRONG * best.strength
            and group.score >= SIMILAR * best.score
            and 1 / WIDTHS <= group.width / best.width <= WIDTHS
            and group.right - group.left <= WIDEST * group.height
        )
    ]
    return sort_for_reading(digits)


def sort_for_reading(digits: list[Group]) -> list[Group]:
    """Return the digits by line, from the top, and within a line from the left."""
    rest, ordered = sorted(digits, key=lambda each: each.top), []
    while rest:
        first = rest[0]
        line = [each for each in rest if (each.top + each.bottom) / 2 < first.bottom]
        ordered += sorted(line, key=lambda each: each.left)
        rest = [each for each in rest if each not in line]
    return ordered
