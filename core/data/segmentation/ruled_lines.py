"""Find printed lines that cross a picture: ruled and squared paper, margins, edges of a page.

A Hough transform over angles near the two axes. A stroke of a digit that crosses a line is longer
than the line is thick, so it stays, as in the removal of staff lines from sheet music.
"""

from __future__ import annotations

import numpy

from core.data.segmentation.regions import Mask, Numbers

THICKEST = 0.03  # of the shorter side: what is thicker is no printed line
STEEPEST, STEP = 14.0, 0.5  # degrees
THROUGH = 0.6  # of a side: the least length of a line that reaches both borders
FAMILY, MEMBERS = 0.4, 3  # the least length of each of that many parallel lines
NEAR = 1.6  # pixels between a line and the middle of its pieces
MOST_LINES = 80


def find_lines(mask: Mask) -> Mask:
    """Return the pixels of a mask that belong to lines, near horizontal or near vertical ones."""
    return _near_horizontal(mask) | _near_horizontal(mask.T).T


def _near_horizontal(mask: Mask) -> Mask:
    height, width = mask.shape
    thickest = max(2, round(THICKEST * min(mask.shape)))
    tops, bottoms, columns = _short_columns(mask, thickest)
    found = numpy.zeros_like(mask)
    if columns.size < FAMILY * width:
        return found
    middles = (tops + bottoms - 1) / 2
    slopes = numpy.tan(numpy.radians(numpy.arange(-STEEPEST, STEEPEST + STEP / 2, STEP)))
    # The height at which a line through each piece passes the middle of the picture.
    heights = middles[None] - slopes[:, None] * (columns[None] - width / 2)
    margin = int(slopes[-1] * width / 2) + 2
    rows = heights.round().astype(int) + margin
    bins = height + 2 * margin
    flat = (rows + bins * numpy.arange(slopes.size)[:, None]).ravel()
    votes = numpy.bincount(flat, minlength=bins * slopes.size).reshape(slopes.size, bins)
    votes[:, 1:-1] = votes[:, :-2] + votes[:, 1:-1] + votes[:, 2:]
    belongs = numpy.zeros(columns.size, dtype=bool)
    lines = _follow(votes, heights + margin, columns, width)
    family = len(lines) >= MEMBERS
    for pieces, crosses in lines:
        if crosses or family:
            belongs[pieces] = True
    for top, bottom, column in zip(tops[belongs], bottoms[belongs], columns[belongs], strict=True):
        found[top:bottom, column] = True
    return found


def _short_columns(mask: Mask, longest: int) -> tuple[Numbers, Numbers, Numbers]:
    """Return top, bottom and column of each vertical run of at most `longest` pixels."""
    padded = numpy.zeros((mask.shape[1], mask.shape[0] + 1), dtype=numpy.int8)
    padded[:, :-1] = mask.T
    steps = numpy.diff(padded.ravel(), prepend=0)
    starts, ends = numpy.flatnonzero(steps > 0), numpy.flatnonzero(steps < 0)
    short = ends - starts <= longest
    starts, ends = starts[short], ends[short]
    stride = mask.shape[0] + 1
    return starts % stride, starts % stride + ends - starts, starts // stride


def _follow(
    votes: Numbers, heights: numpy.ndarray, columns: Numbers, width: int
) -> list[tuple[Numbers, bool]]:
    """Return the pieces of each line, and whether it reaches both borders of the picture."""
    lines: list[tuple[Numbers, bool]] = []
    free = numpy.ones(columns.size, dtype=bool)
    likely = numpy.flatnonzero(votes >= FAMILY * width)
    for place in likely[numpy.argsort(-votes.flat[likely], kind="stable")]:
        angle, row = divmod(int(place), votes.shape[1])
        if not votes[angle, row]:  # close to a line that was found
            continue
        if len(lines) == MOST_LINES:
            break
        pieces = numpy.flatnonzero(free & (abs(heights[angle] - row) <= NEAR))
        length = numpy.unique(columns[pieces]).size
        votes[max(0, angle - 3) : angle + 4, max(0, row - 2) : row + 3] = 0
        if length < FAMILY * width:
            continue
        ends = columns[pieces].min() < 0.05 * width, columns[pieces].max() >= 0.95 * width - 1
        lines.append((pieces, length >= THROUGH * width and all(ends)))
        free[pieces] = False
    return lines
