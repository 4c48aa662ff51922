"""Join the strokes that are parts of one digit, and distinguish frames from strokes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from core.data.segmentation.regions import Mask, Numbers, Regions, dilate, find_regions

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom; the last two past the end

PARTS = 3.0  # the ratio of the stroke widths of two parts of a digit
ENCLOSED = 0.2  # the size of what a frame surrounds, by the frame's
SPOT = 0.45  # a stroke's width by its length: what is thicker is a dot, perhaps in a 0
FAR = 0.3  # the gap between two parts by the longer side of the longer one
BAR = 0.4  # a part's height by the other's: a bar, which may be farther from the rest, as of a 5
SIDE = 0.7  # the same: a bar beside the rest, or the side of a 4
MOST = 150  # strokes that are joined; a page of text has more


@dataclass(frozen=True, eq=False)
class Part:
    """Regions that belong together, the rectangle around them and their widest stroke."""

    regions: list[int]
    box: Rectangle
    width: float


def join_parts(regions: Regions, numbers: Numbers) -> list[list[int]]:
    """Return the regions by digit: parts of one digit are close, above or beside each other."""
    waiting = [_make_part(regions, [int(number)]) for number in numbers[:MOST]]
    groups: list[Part] = []
    while waiting:
        one = waiting.pop(0)
        near = [other for other in waiting + groups if _are_one(regions, one, other)]
        if not near:
            groups.append(one)
            continue
        waiting = [other for other in waiting if other not in near]
        groups = [other for other in groups if other not in near]
        joined = sum((other.regions for other in near), one.regions)
        waiting.insert(0, _make_part(regions, joined))
    return [group.regions for group in groups]


def _make_part(regions: Regions, numbers: list[int]) -> Part:
    return Part(numbers, box_of(regions, numbers), float(regions.width[numbers].max()))


def box_of(regions: Regions, group: list[int]) -> Rectangle:
    """Return the rectangle around regions."""
    return (
        int(regions.left[group].min()),
        int(regions.top[group].min()),
        int(regions.right[group].max()),
        int(regions.bottom[group].max()),
    )


def longest_side(box: Rectangle) -> int:
    return max(box[2] - box[0], box[3] - box[1])


def count_touched(box: Rectangle, regions: Regions) -> int:
    """Return how many sides of the picture a rectangle reaches."""
    height, width = regions.labels.shape
    return sum((box[0] == 0, box[1] == 0, box[2] == width, box[3] == height))


def _are_one(regions: Regions, one: Part, other: Part) -> bool:
    """Return whether two groups of strokes are parts of one digit.

    That depends on the gap between them: the most that it may be follows from where the one part is
    to the other. Of parts whose rectangles overlap, the gap between their pixels counts.
    """
    a, b = one.box, other.box
    across = min(a[2], b[2]) - max(a[0], b[0])  # < 0 is a gap
    down = min(a[3], b[3]) - max(a[1], b[1])
    wide, high = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    gap = max(-across, -down)
    if gap > FAR * max(wide, high):
        return False
    small, large = sorted((a[3] - a[1], b[3] - b[1]))
    narrow = min(a[2] - a[0], b[2] - b[0])
    thin, thick = sorted((one.width, other.width))
    one_hangs = bool(count_touched(a, regions)) != bool(count_touched(b, regions))
    if gap > 0.5 * thin and (one_hangs or (thick > PARTS * thin and gap > thin)):
        return False
    if across >= 0.5 * narrow:  # one above the other, or within its rectangle
        most = max(0.17 * high, 0.3 * large if small <= BAR * large else 0)
    elif wide > (1.8 if small <= BAR * large else 1.3) * high:  # wider than any digit
        return False
    elif small <= SIDE * large:
        most = max(1.5 * thick, 0.12 * max(wide, high))
    elif wide <= high:  # nearly as high as each other: two digits, unless they almost touch
        most = 0.5 * thick
    else:
        return False
    if gap > 0:
        return gap <= most and not _overhangs(a, b)
    inner = min(a, b, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    outer = b if inner is a else a
    if all(inner[i] >= outer[i] and inner[i + 2] <= outer[i + 2] for i in (0, 1)):
        most = thin
    elif one_hangs:
        most = 0.5 * thin
    else:
        most = max(1.5 * thick, 0.25 * max(inner[2] - inner[0], inner[3] - inner[1]))
    return _are_near(regions, one, other, round(most))


def _overhangs(a: Rectangle, b: Rectangle) -> bool:
    """Return whether one of two rectangles ends beyond the other at its left and at its right."""
    margin = 0.1 * min(a[2] - a[0], b[2] - b[0])
    left, right = a[0] - b[0], a[2] - b[2]
    wide, high = max((each[2] - each[0], each[3] - each[1]) for each in (a, b))
    return min(abs(left), abs(right)) > margin and left * right < 0 and wide > 3 * high


def _are_near(regions: Regions, one: Part, other: Part, most: int) -> bool:
    """Return whether two groups whose rectangles overlap are at most that many pixels apart."""
    a, b = one.box, other.box
    place = slice(min(a[1], b[1]), max(a[3], b[3])), slice(min(a[0], b[0]), max(a[2], b[2]))
    labels = regions.labels[place]
    grown = dilate(numpy.isin(labels, one.regions), most)
    return bool((grown & numpy.isin(labels, other.regions)).any())


def find_frames(regions: Regions, is_stroke: Mask, longer: Numbers) -> Mask:
    """Return which regions surround another stroke of some size: a cell, a ring, a page."""
    frame = numpy.zeros(len(regions), dtype=bool)
    numbers = numpy.flatnonzero(is_stroke)
    for one in map(int, numbers):
        inner = numbers[
            (regions.left[numbers] > regions.left[one])
            & (regions.top[numbers] > regions.top[one])
            & (regions.right[numbers] < regions.right[one])
            & (regions.bottom[numbers] < regions.bottom[one])
            & (longer[numbers] >= ENCLOSED * longer[one])
            & (regions.width[numbers] < SPOT * longer[numbers])
        ]
        frame[one] = any(_surrounds(regions, one, int(each)) for each in inner)
    return frame


def _surrounds(regions: Regions, one: int, other: int) -> bool:
    """Return whether no way leads from the other region out of the one."""
    left, top, right, bottom = box_of(regions, [one])
    labels = numpy.pad(regions.labels[top:bottom, left:right], 1, constant_values=-1)
    free = find_regions(~dilate(labels == one, 1) | (labels == other)).labels
    return bool(free[0, 0] != free[labels == other].max())
