"""Convert an image to grey, and ink to 28×28 pixels as MNIST does."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

from core.errors import DataError

Grid = NDArray[numpy.floating[Any]]

SIDE = 28
LARGE = 2048  # longest side that is processed: more adds no detail
SEARCHED = 512  # side at which colours are compared
PLAIN = ("1", "L", "P", "RGB", "RGBX", "RGBA", "LA")  # modes with 8 bits or fewer
BLACK, INK = 16, 64  # the background of an image like those of MNIST, and its least contrast
FAINT = 0.1  # of full ink: less at the edge of a drawing is no part of its stroke
BOX, MIDDLE = 20, 14  # the longer side of the ink, and the pixel that its centre of mass is in


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
    if mode in ("L", "RGB") and image.mode in ("L", "RGB", "RGBX", "CMYK", "YCbCr"):
        image = _reduce(image)
    if image.mode != mode:  # a copy of a large image takes 200 MB
        image = image.convert(mode)
    image = _reduce(image)
    if mode == "L":
        return image
    if mode == "RGB":
        return _choose_band(image)
    return _from_transparent(image) if mode == "RGBA" else _from_numbers(image)


def find_mnist(image: Image.Image) -> bytes | None:
    """Return the pixels of an image that is as those of MNIST are: 28×28, grey, with bright ink on
    black. None for any other.

    A part of its border is black even where clothes or letters reach the other part.
    """
    if image.size != (SIDE, SIDE) or image.mode not in PLAIN:
        return None
    if image.has_transparency_data and min(image.convert("RGBA").getchannel("A").tobytes()) < 255:
        return None
    if image.mode not in ("1", "L"):
        bands = [band.tobytes() for band in image.convert("RGB").split()]
        if bands[0] != bands[1] or bands[0] != bands[2]:
            return None
    pixels = image.convert("L").tobytes()
    top, bottom = pixels[:SIDE], pixels[-SIDE:]
    border = sorted(top + bottom + pixels[::SIDE] + pixels[SIDE - 1 :: SIDE])
    is_black = border[len(border) // 4] <= BLACK
    return pixels if is_black and max(pixels) - border[0] >= INK else None


def _reduce(image: Image.Image) -> Image.Image:
    """Return the image, or a smaller copy whose longer side is LARGE or less, by whole factors."""
    factor = -(-max(image.size) // LARGE)
    return image.reduce(factor) if factor > 1 else image


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
    small = image.reduce(max(1, max(image.size) // SEARCHED))
    bands = [small.convert("L"), *small.split()]
    spreads = [int(numpy.ptp(numpy.asarray(band))) for band in bands]
    best = max(range(4), key=spreads.__getitem__)
    return image.getchannel(best - 1) if spreads[best] > 2 * spreads[0] else image.convert("L")


def to_mnist(ink: Grid) -> bytes:
    """Convert ink of 0 to 1, cropped to its digit, to 784 bytes, 0 background and 255 ink."""
    return _centre(_scale(ink))


def prepare_drawing(pixels: bytes) -> bytes | None:
    """Scale and centre a drawing of 784 bytes, 0 paper and 255 ink, as MNIST's digits were.

    None where it has no ink but what an eraser has left.
    """
    if max(pixels) < INK:
        return None
    ink = numpy.frombuffer(pixels, dtype=numpy.uint8).reshape(SIDE, SIDE) / 255
    kept = ink >= FAINT
    columns, rows = (numpy.flatnonzero(kept.any(axis=axis)) for axis in (0, 1))
    return to_mnist(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _scale(ink: Grid) -> Grid:
    """Return the ink scaled so that its longer side is BOX, 0 to 1."""
    longest = max(ink.shape)
    size = [max(1, round(side * BOX / longest)) for side in reversed(ink.shape)]
    image = Image.fromarray(ink.astype(numpy.float32))
    method = Resampling.BOX if longest > BOX else Resampling.BICUBIC
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
