"""Convert an image to grey, separate ink from background, and centre the ink as MNIST does."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

from core.errors import DataError

Grid = NDArray[numpy.floating[Any]]
Rectangle = tuple[int, int, int, int]  # left, top, right, bottom

SIDE = 28
LARGE = 2048  # longest side that is processed: more adds no detail
BOX, MIDDLE = 20, 14  # the longer side of the ink, and the pixel that its centre of mass is in
WORK = 256  # the longer side of the image that is searched: more adds no detail
FEW = 64  # the longer side of the image that the lighting is fitted to
LEAST = 10  # grey levels, of 255, between background and ink
EDGE = 0.12  # of full ink: where a stroke begins
SPECK = 0.03  # of the largest stroke's ink: a connected part with less is dirt
CLEAN = 2.0  # noise of a drawn background, in grey levels; that of a photograph is larger
APART = 4  # standard deviations between two classes of pixels; two halves of noise are 3 apart
OUTLIER = 4.7  # times the noise: pixels beyond are not background (Tukey's biweight)


def to_grey(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to mode L, with the best contrast of its strokes.

    Raises DataError whose text continues the sentence that begins with the file's name.
    """
    if image.mode.startswith(("I", "F")):
        mode = "F" if image.mode == "F" else "I"
    elif image.has_transparency_data:
        mode = "RGBA"
    else:
        mode = "L" if image.mode in ("1", "L") else "RGB"
    if image.mode != mode:  # a copy of a large image takes 200 MB
        image = image.convert(mode)
    if max(image.size) > LARGE:
        image.thumbnail((LARGE, LARGE), Resampling.BOX, reducing_gap=None)
    if mode == "L":
        return image
    if mode == "RGB":
        return _choose_band(image)
    return _from_transparent(image) if mode == "RGBA" else _from_numbers(image)


def _from_numbers(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and float values, whose range differs by file, to 0 to 255."""
    values = numpy.asarray(image, dtype=numpy.float64)
    finite = numpy.isfinite(values)
    if not finite.any():
        raise DataError("has only pixels that are NaN or infinite")
    low, high = values[finite].min(), values[finite].max()
    # Halved, because high - low may be infinite.
    span = high / 2 - low / 2
    scaled = numpy.where(finite, values, low) / 2 - low / 2
    scaled = scaled / span * 255 if span > 0 else scaled * 0
    return Image.fromarray(scaled.round().astype(numpy.uint8))


def _from_transparent(image: Image.Image) -> Image.Image:
    """Return the strokes of an RGBA image, which are in the colours or in the alpha alone."""
    grey = numpy.asarray(_choose_band(image.convert("RGB")))
    alpha = numpy.asarray(image.getchannel("A"))
    solid = grey[alpha >= 128]
    if not solid.size:
        return Image.fromarray(alpha)
    low, paper, high = numpy.percentile(solid, (2, 50, 98))
    if alpha.min() < 128 and (high - low < 32 or solid.size < 0.5 * alpha.size):
        return Image.fromarray(alpha)
    opacity = alpha / 255.0
    return Image.fromarray((grey * opacity + paper * (1 - opacity)).round().astype(numpy.uint8))


def _choose_band(image: Image.Image) -> Image.Image:
    """Return the lightness of an RGB image, or the colour band with a far larger contrast."""
    # Yellow on white differs in blue alone.
    bands = [image.convert("L"), *image.split()]
    spreads = [int(numpy.ptp(numpy.asarray(band))) for band in bands]
    best = max(range(4), key=spreads.__getitem__)
    return bands[best if spreads[best] > 2 * spreads[0] else 0]


def to_mnist(grey: Image.Image) -> tuple[bytes, tuple[float, float, float, float]] | None:
    """Convert an image in mode L to 784 bytes, 0 background and 255 ink; None if it has no ink.

    Also return the rectangle of the image that they show.
    """
    found = _find_ink(grey)
    if found is None:
        return None
    ink, place = found
    scale, start = max(grey.size) / max(ink.shape), (0, 0)
    if scale > 1 and 2 * max(_sides(place)) < max(ink.shape):
        # A small digit on a large sheet: search again, in its neighbourhood.
        near = _around(place, scale, grey.size)
        if closer := _find_ink(grey.crop(near)):
            (ink, place), start = closer, near[:2]
            scale = max(_sides(near)) / max(ink.shape)
    left, top, right, bottom = (
        each * scale + start[number % 2] for number, each in enumerate(place)
    )
    return _centre(_scale(ink, place)), (left, top, right, bottom)


def _sides(place: Rectangle) -> tuple[int, int]:
    left, top, right, bottom = place
    return right - left, bottom - top


def _around(place: Rectangle, scale: float, size: tuple[int, int]) -> Rectangle:
    """Return the rectangle in the full image, with a margin so that most of it is background."""
    margin = max(_sides(place)) // 3 + 2
    left, top, right, bottom = numpy.add(place, (-margin, -margin, margin, margin)) * scale
    return max(0, int(left)), max(0, int(top)), min(size[0], int(right)), min(size[1], int(bottom))


def _find_ink(grey: Image.Image) -> tuple[Grid, Rectangle] | None:
    """Return the ink, 0 to 1, of the image at WORK pixels or less, and the rectangle around it."""
    if max(grey.size) > WORK:
        grey = grey.copy()
        grey.thumbnail((WORK, WORK), Resampling.BOX, reducing_gap=None)
    above, noise = _subtract_background(numpy.asarray(grey, dtype=numpy.float64))
    light, dark = (numpy.clip(sign * above - 3 * noise, 0, None) for sign in (1, -1))
    ink = light if light.sum() > dark.sum() else dark
    if ink.max() < max(LEAST, 2 * noise):
        return None
    # Not the darkest pixels: they are darker than most of a pencil's strokes.
    full = float(numpy.percentile(ink[ink > ink.max() / 2], 75))
    ink = numpy.clip(ink / (full if full < 240 else 255), 0, 1)
    if noise:  # then faint pixels are background
        ink = numpy.clip((ink - EDGE) / (1 - EDGE), 0, 1)
    ink[_find_specks(ink)] = 0
    columns, rows = (numpy.flatnonzero((ink >= EDGE).any(axis=axis)) for axis in (0, 1))
    return ink, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _subtract_background(values: Grid) -> tuple[Grid, float]:
    """Return how much lighter than the background each pixel is, and the background's noise.

    The noise is a standard deviation, 0 for a drawn image. The background is most of the image, and
    even more of its rim. Where it is not uniform, a quadratic surface models the lighting, fitted
    to all but the strokes by iteratively reweighted least squares.
    """
    height, width = values.shape
    rows, columns = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    step = max(1, max(values.shape) // FEW)
    y, x, few = (each[::step, ::step].ravel() for each in (rows, columns, values))
    rim = (abs(y) > 0.9) | (abs(x) > 0.9)
    y, x, few = (numpy.concatenate([each, each[rim], each[rim]]) for each in (y, x, few))
    level, flat = _find_level(few)
    if flat <= CLEAN:
        return values - level, 0.0
    surface = numpy.stack(_terms(x, y), axis=1)
    fitted: Grid = numpy.zeros(6)
    off, noise = few - level, flat
    for _ in range(20):
        weight = numpy.clip(1 - (off / (OUTLIER * max(noise, 1.0))) ** 2, 0, None)
        fitted = numpy.linalg.lstsq(surface * weight[:, None], few * weight, rcond=None)[0]
        off = few - surface @ fitted
        noise = _measure_noise(off)
    if noise > 0.8 * flat:  # the lighting explains little of it
        return values - level, flat
    background = sum(part * each for part, each in zip(fitted, _terms(columns, rows), strict=True))
    return values - background, noise


def _find_level(values: Grid) -> tuple[float, float]:
    """Return the grey level and the noise of a uniform background.

    Where Otsu's method finds two clearly separate classes of pixels, the larger is the background.
    """
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
    return level, _measure_noise(values - level)


def _measure_noise(off: Grid) -> float:
    """Return a standard deviation estimated from the median, which strokes do not affect."""
    return 1.4826 * float(numpy.median(abs(off)))


def _terms(x: Grid, y: Grid) -> tuple[Grid, ...]:
    """Return the terms of a quadratic surface."""
    return (numpy.ones_like(x), x, y, x * x, x * y, y * y)


def _find_specks(ink: Grid) -> NDArray[numpy.bool_]:
    """Return a mask of the connected parts with very little ink."""
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


def _scale(ink: Grid, place: Rectangle) -> Grid:
    """Return the ink in the rectangle, scaled so that its longer side is BOX, 0 to 1."""
    sides = _sides(place)
    size = [max(1, round(side * BOX / max(sides))) for side in sides]
    image = Image.fromarray(ink.astype(numpy.float32)).crop(place)
    method = Resampling.BOX if max(sides) > BOX else Resampling.BICUBIC
    resized = image.resize((size[0], size[1]), method)
    scaled = numpy.clip(numpy.asarray(resized, dtype=numpy.float64), 0, 1)
    return scaled / scaled.max()  # as in MNIST, where each image has full ink somewhere


def _centre(ink: Grid) -> bytes:
    """Return 28×28 bytes with the centre of mass in the middle, as far as no ink is cut off."""
    image = numpy.zeros((SIDE, SIDE))
    height, width = ink.shape
    starts = []
    for axis, side in ((1, height), (0, width)):
        mass = ink.sum(axis=axis)
        centre = float((mass * (numpy.arange(side) + 0.5)).sum() / mass.sum())
        starts.append(min(max(MIDDLE - int(centre), 0), SIDE - side))
    top, left = starts
    image[top : top + height, left : left + width] = ink
    return (image * 255).round().astype(numpy.uint8).tobytes()
