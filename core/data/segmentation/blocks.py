"""Find filled areas: they are as dark as ink, and far wider than strokes are."""

from __future__ import annotations

import numpy

from core.data.segmentation.ink import Ink
from core.data.segmentation.parts import box_of
from core.data.segmentation.regions import Mask, Regions, dilate, slide

LOOKED = 16  # regions that are searched, largest first
WORDS = 7  # times narrower than a block: writing on it, which is filled up
UNEVEN = 2.2  # the side of a square in a block by the width of strokes
LEAST = 0.075  # the same by the picture's longer side: a pen's strokes that touch printed lines
FILLED = 0.6  # of a region lies in such squares
SOLID = 0.85  # of the rectangle around it: a block and nothing else
NARROW = 0.4  # such a rectangle's width by its length: perhaps a 1
FLAT = 1.15  # the strength of ink on a block by that of the block
WITHIN = 0.3  # of a region lies in blocks: it is a part of one


def find_blocks(page: Ink) -> Mask:
    """Return the pixels of filled areas: the cells of a table's header, a bar, a black square.

    A stroke is about as wide everywhere, so a morphological opening with a square that is far wider
    leaves nothing of it. Darker ink on a block does not belong to it.
    """
    regions = page.regions
    blocks = numpy.zeros(regions.labels.shape, dtype=bool)
    for number in map(int, numpy.argsort(-regions.area, kind="stable")[:LOOKED]):
        left, top, right, bottom = box_of(regions, [number])
        place = slice(top, bottom), slice(left, right)
        mask = regions.labels[place] == number
        least = LEAST * max(blocks.shape)
        if min(mask.shape) < least:
            continue
        wide = _open_widely(mask, round(max(UNEVEN * float(regions.width[number]), least)) | 1)
        if wide.sum() >= FILLED * regions.area[number]:
            strength = page.strength[place]
            blocks[place] |= wide & (strength <= FLAT * numpy.median(strength[wide & mask]))
    return blocks


def _open_widely(mask: Mask, side: int) -> Mask:
    """Return the parts of a region that hold a square with that side, or all of a solid one."""
    shorter = min(mask.shape)
    if mask.mean() >= SOLID and shorter > NARROW * max(mask.shape):
        return mask
    if shorter < side:
        return numpy.zeros_like(mask)
    words = min(5, shorter // WORDS | 1)
    padded = numpy.pad(mask, words)
    closed = slide(slide(padded, words, numpy.maximum), words, numpy.minimum)
    opened = slide(slide(closed, side, numpy.minimum), side, numpy.maximum)
    return opened[words:-words, words:-words]


def are_in_blocks(regions: Regions, blocks: Mask) -> Mask:
    """Return which regions are parts of blocks."""
    if not blocks.any():
        return numpy.zeros(len(regions), dtype=bool)
    return regions.mean(dilate(blocks, 1).astype(float)) >= WITHIN
