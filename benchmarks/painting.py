"""Paint pictures of digits: strokes from MNIST, paper, light, shadows, ink, lines and noise.

Pictures are float arrays (height, width, 3) of 0 to 255, strokes are (height, width) of 0 to 1.
Random choices come from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from PIL import Image, ImageDraw, ImageFilter
from PIL.Image import Resampling

Array = numpy.ndarray
Random = numpy.random.Generator

PENS = ((20, 20, 24), (25, 35, 120), (60, 20, 20), (15, 60, 40))
WOODS = ((70, 50, 36), (40, 38, 42), (110, 80, 55), (62, 66, 74))


@dataclass(frozen=True)
class Picture:
    """An image, how to save it, and the digits in it in reading order."""

    image: Image.Image
    digits: tuple[int, ...]
    suffix: str = ".png"
    options: tuple[tuple[str, object], ...] = ()


def scale_strokes(digit: Array, side: int) -> Array:
    """Return the strokes of a 28×28 digit at side × side, their edges smooth but not blurred."""
    large = Image.fromarray(digit).resize((side, side), Resampling.BICUBIC)
    blurred = large.filter(ImageFilter.GaussianBlur(side / 80))
    values = numpy.asarray(blurred, dtype=float) / 255
    sharpness = max(2.0, min(12.0, side / 14))
    return 1 / (1 + numpy.exp(-sharpness * (values - 0.42) * 2))


def thin(strokes: Array, times: int) -> Array:
    """Return thinner strokes, eroded by 3×3 that often; never less than their middle."""
    image = Image.fromarray((strokes * 255).astype(numpy.uint8))
    for _ in range(times):
        eroded = image.filter(ImageFilter.MinFilter(3))
        if numpy.asarray(eroded).max() < 200:
            break
        image = eroded
    return numpy.asarray(image, dtype=float) / 255


def turn(strokes: Array, degrees: float) -> Array:
    image = Image.fromarray((strokes * 255).astype(numpy.uint8))
    return numpy.asarray(image.rotate(degrees, Resampling.BICUBIC), dtype=float) / 255


def place(strokes: Array, size: tuple[int, int], centre: tuple[float, float]) -> Array:
    """Return a canvas of width × height with the strokes about a centre, cut at its border."""
    width, height = size
    canvas = Image.new("L", size, 0)
    side = strokes.shape[0]
    left, top = round(centre[0] * width - side / 2), round(centre[1] * height - side / 2)
    canvas.paste(Image.fromarray((strokes * 255).astype(numpy.uint8)), (left, top))
    return numpy.asarray(canvas, dtype=float) / 255


def place_digit(
    digit: Array, side: int, size: tuple[int, int], centre: tuple[float, float]
) -> Array:
    """Return a canvas with the strokes of a 28×28 digit, side × side, about a centre."""
    return place(scale_strokes(digit, side), size, centre)


def spot(random: Random, wander: float = 0.06) -> tuple[float, float]:
    """Return a place near the middle."""
    x, y = random.uniform(-wander, wander, 2)
    return 0.5 + x, 0.5 + y


def texture(random: Random, size: tuple[int, int], amount: float, coarse: int = 12) -> Array:
    """Return a cloudy pattern (height, width, 1) around 0."""
    few = random.normal(0, 1, (max(2, size[1] * coarse // max(size)), coarse))
    cloud = Image.fromarray(few.astype(numpy.float32)).resize(size, Resampling.BICUBIC)
    return amount * numpy.asarray(cloud, dtype=float)[:, :, None]


def sheet(random: Random, size: tuple[int, int], colour=(238, 236, 228), clouds=3.0) -> Array:
    """Return a surface of that colour with a cloudy texture."""
    width, height = size
    flat = numpy.broadcast_to(numpy.array(colour, dtype=float), (height, width, 3))
    return flat + texture(random, size, clouds)


def wood(random: Random, size: tuple[int, int]) -> Array:
    """Return a desk with grain."""
    colour = WOODS[random.integers(len(WOODS))]
    desk = sheet(random, size, colour, 4.0)
    rows = numpy.arange(size[1])[:, None, None]
    waves = texture(random, size, 9.0, 5)
    return desk + 5 * numpy.sin(rows / random.uniform(4, 9) + waves / 3)


def draw(picture: Array, strokes: Array, colour) -> Array:
    """Return the picture with ink where there are strokes."""
    part = strokes[:, :, None]
    return picture * (1 - part) + numpy.array(colour, dtype=float) * part


def pen(random: Random) -> tuple[int, int, int]:
    return PENS[random.integers(len(PENS))]


def mask(size: tuple[int, int], shape: str, where, width: int = 0, blur: float = 0.7) -> Array:
    """Return where a polygon, line, ellipse or rectangle of ImageDraw is, antialiased."""
    image = Image.new("L", size, 0)
    options = {"width": width} if width else {}
    if shape in ("ellipse", "rectangle") and width:
        getattr(ImageDraw.Draw(image), shape)(where, outline=255, **options)
    else:
        getattr(ImageDraw.Draw(image), shape)(where, fill=255, **options)
    blurred = image.filter(ImageFilter.GaussianBlur(blur))
    return numpy.asarray(blurred, dtype=float) / 255


def lines(
    size: tuple[int, int], gap: float, width: int, degrees: float = 0.0, start: float = 0.5
) -> Array:
    """Return parallel lines through the whole picture; 0 degrees is horizontal."""
    across, down = size
    image = Image.new("L", size, 0)
    painter = ImageDraw.Draw(image)
    angle = numpy.radians(degrees)
    along = numpy.array((numpy.cos(angle), numpy.sin(angle)))
    away = numpy.array((-along[1], along[0]))
    reach = across + down
    for number in range(-round(reach / gap), round(reach / gap)):
        middle = numpy.array((across / 2, down / 2)) + away * gap * (number + start)
        ends = [tuple(middle + along * reach), tuple(middle - along * reach)]
        painter.line(ends, fill=255, width=width)
    return numpy.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), dtype=float) / 255


def light(random: Random, picture: Array, strength: float = 0.25) -> Array:
    """Return the picture under a lamp at one side."""
    height, width = picture.shape[:2]
    y, x = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.uniform(0, 2 * numpy.pi)
    ramp = (x * numpy.cos(angle) + y * numpy.sin(angle)) / 1.5
    return picture * (1 - strength / 2 + strength / 2 * ramp)[:, :, None]


def white_page(random: Random, size: tuple[int, int]) -> Array:
    """Return white paper in nearly even light."""
    return light(random, sheet(random, size), 0.15)


def shade(picture: Array, where: Array, depth: float) -> Array:
    """Return the picture with a shadow that takes that share of the light."""
    return picture * (1 - depth * where[:, :, None])


def photograph(
    random: Random, picture: Array, digits: tuple[int, ...], noise: float = 3.0, quality: int = 85
) -> Picture:
    """Return the picture as a camera saves it."""
    height, width = picture.shape[:2]
    grain = random.normal(0, noise, (height, width, 1)).astype(numpy.float32)
    seen = (picture + grain).clip(0, 255).astype(numpy.uint8)
    return Picture(Image.fromarray(seen), digits, ".jpg", (("quality", quality),))


def write(
    random: Random, picture: Array, strokes: Array, digits: tuple[int, ...], *camera: float
) -> Picture:
    """Return a photo of the picture with strokes of a pen; `camera` is noise and quality."""
    return photograph(random, draw(picture, strokes, pen(random)), digits, *camera)


def drawn(picture: Array, digits: tuple[int, ...]) -> Picture:
    """Return the picture as a program saves it."""
    return Picture(Image.fromarray(picture.clip(0, 255).astype(numpy.uint8)), digits)
