"""Ink and paper of a grey image, told apart, and the ink put into 28×28 as MNIST was made."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

Grid = NDArray[numpy.floating[Any]]
Place = tuple[int, int, int, int]  # left, top, right, bottom

SIDE = 28
BOX, MIDDLE = 20, 14  # the longer side of the ink, and the pixel that its centre of mass is in
WORK = 256  # the longer side of what is looked at: more would tell nothing more
FEW = 64  # and of what is enough to tell how a paper is lit
LEAST = 10  # grey levels, of 255, between paper and ink
EDGE = 0.12  # of full ink: where a stroke begins
SPECK = 0.03  # of the largest stroke's ink: what has less is dirt
CLEAN = 2.0  # grey levels that a drawn paper differs by from itself; a photographed one by more
APART = 4  # standard deviations between two kinds of pixels; of noise alone, half is 3 from half
OUTLIER = 4.7  # times its noise: what is so far off a paper is none of it (Tukey's biweight)


def to_mnist(grey: Image.Image) -> bytes | None:
    """784 bytes, 0 paper and 255 ink, of an image in mode L; None where there is no ink."""
    found = _find(grey)
    if found is None:
        return None
    ink, place = found
    scale = max(grey.size) / max(ink.shape)
    if scale > 1 and 2 * max(_sides(place)) < max(ink.shape):
        # A small digit on a large sheet: once more, from nearby.
        ink, place = _find(grey.crop(_around(place, scale, grey.size))) or found
    return _centred(_scaled(ink, place))


def _sides(place: Place) -> tuple[int, int]:
    left, top, right, bottom = place
    return right - left, bottom - top


def _around(place: Place, scale: float, size: tuple[int, int]) -> Place:
    """That part of the full image, with so much paper around that it is more than the ink."""
    left, top, right, bottom = place
    margin = max(_sides(place)) // 3 + 2
    return (
        max(0, int((left - margin) * scale)),
        max(0, int((top - margin) * scale)),
        min(size[0], int((right + margin) * scale)),
        min(size[1], int((bottom + margin) * scale)),
    )


def _find(grey: Image.Image) -> tuple[Grid, Place] | None:
    """The ink, 0 to 1, of the image at WORK or less, and where in it it is."""
    if max(grey.size) > WORK:
        grey = grey.copy()
        grey.thumbnail((WORK, WORK), Resampling.BOX, reducing_gap=None)
    above, noise = _above_paper(numpy.asarray(grey, dtype=numpy.float64))
    light, dark = (numpy.clip(sign * above - 3 * noise, 0, None) for sign in (1, -1))
    ink = light if light.sum() > dark.sum() else dark
    if ink.max() < max(LEAST, 2 * noise):
        return None
    # The darkest few are no measure of a pencil's strokes.
    full = float(numpy.percentile(ink[ink > ink.max() / 2], 75))
    ink = numpy.clip(ink / (full if full < 240 else 255), 0, 1)
    if noise:  # then what is faint is the paper too
        ink = numpy.clip((ink - EDGE) / (1 - EDGE), 0, 1)
    ink[_specks(ink)] = 0
    columns, rows = (numpy.flatnonzero((ink >= EDGE).any(axis=axis)) for axis in (0, 1))
    return ink, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _above_paper(values: Grid) -> tuple[Grid, float]:
    """How much lighter than the paper each pixel is, and the paper's noise, as a standard
    deviation; 0 for one that was drawn.

    The paper is what most of the image is, and of its rim even more so. Where it is not the same
    all over, it is taken to be lit evenly: as a curved surface, fitted to all but the strokes.
    """
    height, width = values.shape
    rows, columns = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    step = max(1, max(values.shape) // FEW)
    y, x, few = (each[::step, ::step].ravel() for each in (rows, columns, values))
    rim = (abs(y) > 0.9) | (abs(x) > 0.9)
    y, x, few = (numpy.concatenate([each, each[rim], each[rim]]) for each in (y, x, few))
    level, flat = _level(few)
    if flat <= CLEAN:
        return values - level, 0.0
    surface = numpy.stack([each.ravel() for each in _curves(x, y)], axis=1)
    fitted: Grid = numpy.zeros(6)
    off, noise = few - level, flat
    for _ in range(20):
        share = numpy.clip(1 - (off / (OUTLIER * max(noise, 1.0))) ** 2, 0, None)
        fitted = numpy.linalg.lstsq(surface * share[:, None], few * share, rcond=None)[0]
        off = few - surface @ fitted
        noise = _noise(off)
    if noise > 0.8 * flat:  # it is not the light
        return values - level, flat
    paper = sum(part * each for part, each in zip(fitted, _curves(columns, rows), strict=True))
    return values - paper, noise


def _level(values: Grid) -> tuple[float, float]:
    """Of a paper that is the same all over: its grey level and its noise. Where there are two kinds
    of pixels, clearly apart (by Otsu's method), it is that of which there are more."""
    if values.min() == values.max():
        return float(values[0]), 0.0
    counts, edges = numpy.histogram(values, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    below, above = counts.cumsum()[:-1], counts[::-1].cumsum()[::-1][1:]
    sums = (counts * middles).cumsum()[:-1]
    means = sums / below, ((counts * middles).sum() - sums) / above
    best = int((below * above * (means[1] - means[0]) ** 2).argmax())
    split = values <= edges[best + 1]
    one, other = values[split], values[~split]
    within = ((one.var() * one.size + other.var() * other.size) / values.size) ** 0.5
    if other.size and other.mean() - one.mean() > APART * within:
        values = one if one.size > other.size else other
    level = float(numpy.median(values))
    return level, _noise(values - level)


def _noise(off: Grid) -> float:
    """A standard deviation that strokes have no part in, from the median."""
    return 1.4826 * float(numpy.median(abs(off)))


def _curves(x: Grid, y: Grid) -> tuple[Grid, ...]:
    return (numpy.ones_like(x), x, y, x * x, x * y, y * y)


def _specks(ink: Grid) -> NDArray[numpy.bool_]:
    """The pixels of what hangs together and has next to no ink."""
    left = {(int(y), int(x)) for y, x in numpy.argwhere(ink >= EDGE)}
    parts: list[tuple[float, list[tuple[int, int]]]] = []
    while left:
        part = [left.pop()]
        for y, x in part:  # grows meanwhile
            near = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            part.extend(near)
        parts.append((sum(float(ink[place]) for place in part), part))
    most = max(mass for mass, _ in parts)
    specks = numpy.zeros(ink.shape, dtype=bool)
    for mass, part in parts:
        if mass < SPECK * most:
            specks[tuple(zip(*part, strict=True))] = True
    return specks


def _scaled(ink: Grid, place: Place) -> Grid:
    """The ink there, its longer side BOX and the other as long as that makes it, 0 to 1."""
    sides = _sides(place)
    size = [max(1, round(side * BOX / max(sides))) for side in sides]
    image = Image.fromarray(ink.astype(numpy.float32)).crop(place)
    smaller = max(sides) > BOX
    method = Resampling.BOX if smaller else Resampling.BICUBIC
    resized = image.resize((size[0], size[1]), method)
    scaled = numpy.clip(numpy.asarray(resized, dtype=numpy.float64), 0, 1)
    return scaled / scaled.max()  # MNIST's strokes are black somewhere, and thin ones fade here


def _centred(ink: Grid) -> bytes:
    """In 28×28 with its centre of mass in the middle, as far as nothing is cut off."""
    field = numpy.zeros((SIDE, SIDE))
    height, width = ink.shape
    starts = []
    for axis, side in ((1, height), (0, width)):
        mass = ink.sum(axis=axis)
        centre = float((mass * (numpy.arange(side) + 0.5)).sum() / mass.sum())
        starts.append(min(max(MIDDLE - int(centre), 0), SIDE - side))
    top, left = starts
    field[top : top + height, left : left + width] = ink
    return (field * 255).round().astype(numpy.uint8).tobytes()
