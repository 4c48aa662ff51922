"""Distinguish ink from light paper between dark strokes, or dark between light ones."""

from __future__ import annotations

import numpy

from core.data.segmentation.groups import Group, measure_fill
from core.data.segmentation.ink import Ink
from core.data.segmentation.parts import box_of
from core.data.segmentation.regions import Mask, dilate

LIKELY = 0.3  # the score of groups that are looked at, by that of the best one
NEAR = 3  # pixels between paper and the strokes around it, whose edges are neither
CARD = 0.6  # of the narrowest rectangle around it: a thing that was written on
BLOB = 0.4  # a stroke's width by the group's longer side
CLOSED = 0.55  # of what is around a group are strokes: it is the paper between them


def drop_enclosed(groups: list[Group], ink: Ink, page: Ink | None) -> list[Group]:
    """Return the groups of `ink` without paper that strokes of the page surround.

    A picture has ink of one kind, which the page as a whole shows. What is lighter or darker the
    other way is ink too where it is on a solid thing, as chalk on a board or writing on a dark
    card, and paper where thin strokes are around it: the inside of a loop, a cell of a table.
    """
    if page is None or page.source.is_light == ink.source.is_light:
        return groups
    kept: list[Group] = []
    for group in groups:
        unlikely = kept and group.score < LIKELY * kept[0].score
        if unlikely or not _is_between_strokes(ink.regions.cover(group.regions), group, page):
            kept.append(group)
    return kept


def _is_between_strokes(mask: Mask, group: Group, page: Ink) -> bool:
    height, width = mask.shape
    margin = 2 * NEAR
    place = (
        slice(max(0, group.top - margin), min(height, group.bottom + margin)),
        slice(max(0, group.left - margin), min(width, group.right + margin)),
    )
    near, labels = mask[place], page.regions.labels[place]
    around = dilate(near, NEAR) & ~near
    numbers = numpy.unique(labels[around]).tolist()
    is_blob = group.width > BLOB * group.longest  # a hole in thick strokes, no writing on a card
    strokes = [each for each in numbers if each >= 0 and (is_blob or not _is_solid(page, each))]
    # Lines of a table may be thinner than the gap between them and the group.
    closed = dilate(numpy.isin(labels, strokes), NEAR - 1)
    return bool(closed[around].mean() > CLOSED)


def _is_solid(page: Ink, number: int) -> bool:
    """Return whether a region is a thing with ink on it rather than strokes."""
    left, top, right, bottom = box_of(page.regions, [number])
    fill, _ = measure_fill(page.regions.labels[top:bottom, left:right], [number])
    return fill >= CARD
