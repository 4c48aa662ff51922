"""Cut a digit out of a picture: its ink, without what else is near it."""

from __future__ import annotations

from dataclasses import replace

import numpy
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

from core.data.preprocessing import to_mnist
from core.data.segmentation.groups import SPECK, Group
from core.data.segmentation.ink import CORE, EDGE, Ink, Source, find_ink, reach_of, scale_amount
from core.data.segmentation.regions import Grid, Mask, dilate

WORK = 256  # the longer side of the image that is searched: more adds no detail
WIDE = 0.32  # of the longer side: the reach that shows the widest strokes
SAME = 0.3  # of a stroke lies where the digit was seen from afar

Box = tuple[float, float, float, float]  # left, top, right, bottom
Place = tuple[int, int, int, int]


def cut_digit(grey: Image.Image, scale: float, ink: Ink, group: Group) -> tuple[bytes, Box]:
    """Return a digit as 784 bytes as in MNIST, and the rectangle of the image that they show.

    If it is small in `ink`, which is `scale` times smaller than the image, the image is looked at
    again around it.
    """
    kept = ink.regions.cover(group.regions)
    amount, place = _cut(ink, kept)
    left, top, right, bottom = (each * scale for each in place)
    box = left, top, right, bottom
    if scale > 1 and 2 * group.longest < max(kept.shape):
        near = _around(place, scale, grey.size)
        if closer := _look_closer(grey, near, scale, ink.source, kept):
            amount, box = closer
    return to_mnist(amount), box


def _cut(ink: Ink, kept: Mask) -> tuple[Grid, Place]:
    """Return the amount of ink of the kept strokes, cropped to them, and the rectangle."""
    others = (ink.regions.labels >= 0) & ~kept
    if ink.source.reach is None:
        amount = numpy.where(dilate(others, 1) & ~kept, 0, ink.amount)
    else:
        strongest = ink.strength[kept].max()
        edge = EDGE if ink.source.core == CORE else ink.source.core - EDGE
        amount = scale_amount(ink.strength, kept & (ink.strength > strongest / 2), edge=edge)
        near = dilate(kept, 2) & ~others
        near &= ~(ink.lines & ~kept)
        amount = numpy.where(near, amount, 0)
        kept = amount >= EDGE
    columns, rows = (numpy.flatnonzero(kept.any(axis=axis)) for axis in (0, 1))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return amount[top:bottom, left:right], (int(left), int(top), int(right), int(bottom))


def _around(place: Place, scale: float, size: tuple[int, int]) -> Place:
    """Return the rectangle in the full image, with a margin so that most of it is background."""
    margin = max(place[2] - place[0], place[3] - place[1]) // 3 + 2
    left, top, right, bottom = numpy.add(place, (-margin, -margin, margin, margin)) * scale
    return max(0, int(left)), max(0, int(top)), min(size[0], int(right)), min(size[1], int(bottom))


def _look_closer(
    grey: Image.Image, near: Place, scale: float, source: Source, kept: Mask
) -> tuple[Grid, Box] | None:
    """Return the strokes again, from a part of the image at a higher resolution; None without."""
    values, closer = shrink(grey.crop(near))
    if source.reach:
        source = replace(source, reach=round(source.reach * scale / closer) | 1)
    ink = find_ink(values, source)
    if ink and source.reach is None and ink.lines.any():  # too faint to be seen from afar
        ink = find_ink(values, Source(reach_of(WIDE, max(values.shape)), source.is_light))
    if ink is None or not len(ink.regions):
        return None
    gate = Image.fromarray(dilate(kept, 2).astype(numpy.uint8) * 255)
    height, width = kept.shape
    left, top, right, bottom = (each / scale for each in near)
    box = left, top, min(right, width), min(bottom, height)
    inside = gate.resize((values.shape[1], values.shape[0]), Resampling.NEAREST, box=box)
    same = ink.regions.mean(numpy.asarray(inside) / 255.0) >= SAME
    mass = ink.regions.total(ink.strength)
    same &= mass >= SPECK * mass[same].max(initial=0)
    if not same.any():
        return None
    amount, place = _cut(ink, ink.regions.cover(numpy.flatnonzero(same)))
    left, top, right, bottom = (each * closer for each in place)
    return amount, (left + near[0], top + near[1], right + near[0], bottom + near[1])


def shrink(grey: Image.Image) -> tuple[NDArray[numpy.uint8], float]:
    """Return the values of an image with a longer side of WORK or less, and how much smaller."""
    longest = max(grey.size)
    if longest > WORK:
        grey = grey.copy()
        grey.thumbnail((WORK, WORK), Resampling.BOX, reducing_gap=None)
    return numpy.asarray(grey), longest / max(grey.size)
