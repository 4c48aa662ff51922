"""Pictures without a digit: blank pages and surfaces, lines, shadows and noise.

Each function takes a random generator; the digit and its label are left out. The kinds in DEVELOPED
were looked at while the test for ink was written, those in MEASURED only measured.
"""

from __future__ import annotations

import io

import numpy
from painting import (
    Array,
    Picture,
    Random,
    draw,
    drawn,
    light,
    lines,
    mask,
    photograph,
    shade,
    sheet,
    wood,
)
from PIL import Image, ImageFilter

SIZES = ((640, 480), (480, 640), (900, 700), (320, 240), (200, 200))
PAPERS = ((238, 236, 228), (215, 205, 180), (240, 210, 90), (170, 210, 235), (160, 160, 165))


def _size(random: Random) -> tuple[int, int]:
    return SIZES[random.integers(len(SIZES))]


def _page(random: Random, size: tuple[int, int], strength: float = 0.2) -> Array:
    page = sheet(random, size, PAPERS[random.integers(len(PAPERS))], random.uniform(1, 5))
    return light(random, page, strength)


def _photograph(random: Random, picture: Array) -> Picture:
    noise, quality = random.uniform(1, 6), int(random.integers(50, 96))
    return photograph(random, picture, (), noise, quality)


def _grain(random: Random, size: tuple[int, int], amount: float, dots: float) -> Array:
    """Return noise (height, width, 1) whose blobs are that many pixels wide."""
    few = random.normal(0, amount, [max(2, round(side / dots)) for side in reversed(size)])
    large = Image.fromarray(few.astype(numpy.float32)).resize(size, Image.Resampling.BICUBIC)
    return numpy.asarray(large, dtype=float)[:, :, None]


def blank_page(random: Random, *_) -> Picture:
    return _photograph(random, _page(random, _size(random)))


def blank_desk(random: Random, *_) -> Picture:
    return _photograph(random, light(random, wood(random, _size(random))))


def blank_in_shadow(random: Random, *_) -> Picture:
    """The hard shadow of something outside falls on the page."""
    width, height = size = _size(random)
    a, b = random.uniform(0.2, 0.8, 2) * width
    where = mask(
        size, "polygon", [(0, 0), (a, 0), (b, height), (0, height)], blur=random.uniform(1, 6)
    )
    return _photograph(random, shade(_page(random, size), where, random.uniform(0.2, 0.6)))


def blank_gradient(random: Random, *_) -> Picture:
    return _photograph(random, _page(random, _size(random), random.uniform(0.5, 1.3)))


def blank_ruled(random: Random, *_) -> Picture:
    size = _size(random)
    gap, ink = random.uniform(0.06, 0.14) * size[1], random.uniform(90, 215)
    rules = lines(size, gap, int(random.integers(1, 4)), random.uniform(-4, 4))
    return _photograph(random, draw(_page(random, size), rules, (ink, ink, ink + 20)))


def blank_poor_jpeg(random: Random, *_) -> Picture:
    """Blocks of 8 by 8 pixels, and rings in them."""
    return photograph(
        random,
        _page(random, _size(random), 0.6),
        (),
        random.uniform(2, 10),
        int(random.integers(4, 25)),
    )


def blank_noise(random: Random, *_) -> Picture:
    """Noise of a sensor, fine to coarse, weak to strong."""
    size = _size(random)
    page = numpy.full((size[1], size[0], 3), random.uniform(60, 220))
    grain = _grain(random, size, random.uniform(2, 25), numpy.exp(random.uniform(0, 3.2)))
    return drawn(page + grain, ())


def blank_black(random: Random, *_) -> Picture:
    """The lens is covered, or the page is black."""
    size = _size(random)
    page = numpy.full((size[1], size[0], 3), random.uniform(0, 30))
    return photograph(random, page, (), random.uniform(0.5, 6), int(random.integers(50, 96)))


def blank_wall(random: Random, *_) -> Picture:
    """Rough plaster: bumps of several sizes, lit from the side."""
    size = _size(random)
    bumps = sum(_grain(random, size, 1.0, dots) for dots in (2, 4, 9, 20))
    amount = random.uniform(1, 6)
    wall = sheet(random, size, (222, 216, 204), 4.0) + amount * (
        bumps - numpy.roll(bumps, 2, (0, 1))
    )
    return _photograph(random, light(random, wall, 0.5))


def blank_vignette(random: Random, *_) -> Picture:
    width, height = size = _size(random)
    y, x = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    dim = 1 - random.uniform(0.3, 0.8) * ((x * x + y * y) / 2) ** random.uniform(0.8, 2)
    return _photograph(random, _page(random, size) * dim[:, :, None])


def blank_squared(random: Random, *_) -> Picture:
    size = _size(random)
    page, gap = _page(random, size), random.uniform(0.05, 0.12) * size[1]
    tilt, ink = random.uniform(-5, 5), random.uniform(100, 215)
    for more in (0, 90):
        page = draw(
            page, lines(size, gap, int(random.integers(1, 3)), tilt + more), (ink, ink, ink)
        )
    return _photograph(random, page)


def blank_soft_shadow(random: Random, *_) -> Picture:
    """A head or an arm keeps the light off the page."""
    width, height = size = _size(random)
    x, y = random.uniform(-0.1, 0.8) * width, random.uniform(0.2, 0.8) * height
    place = (x, y, x + random.uniform(0.3, 0.9) * width, y + height)
    where = mask(size, "ellipse", place, blur=random.uniform(8, 40))
    return _photograph(random, shade(_page(random, size), where, random.uniform(0.2, 0.6)))


def blank_denoised(random: Random, *_) -> Picture:
    """A noisy photo after a phone's denoising: blotches with sharp edges."""
    made = photograph(random, _page(random, _size(random), 0.4), (), random.uniform(8, 25))
    image = made.image.filter(ImageFilter.MedianFilter(int(random.choice((3, 5, 7)))))
    return Picture(image, (), ".jpg", (("quality", 70),))


def blank_colour_noise(random: Random, *_) -> Picture:
    size = _size(random)
    page, dots = _page(random, size), numpy.exp(random.uniform(0, 2.3))
    grain = [_grain(random, size, random.uniform(2, 18), dots) for _ in range(3)]
    return drawn(page + numpy.concatenate(grain, axis=2), ())


def blank_margin(random: Random, *_) -> Picture:
    """A ruled page with a red margin."""
    width, height = size = _size(random)
    page = draw(_page(random, size), lines(size, 0.09 * height, 2), (170, 180, 205))
    x, slope = random.uniform(0.1, 0.25) * width, random.uniform(-0.03, 0.03) * width
    margin = mask(size, "line", (x, 0, x + slope, height), 2)
    return _photograph(random, draw(page, margin, (205, 90, 90)))


def blank_in_the_dark(random: Random, *_) -> Picture:
    """A dim room: few photons, which the camera amplifies, saved as a small JPEG and enlarged."""
    size = _size(random)
    page = _page(random, size, 0.8) * random.uniform(0.1, 0.4)
    photons = random.uniform(0.3, 3)
    seen = random.poisson(page.clip(0) * photons) / photons
    small = io.BytesIO()
    factor = int(random.integers(1, 3))
    image = drawn(seen, ()).image
    image.resize((size[0] // factor, size[1] // factor)).save(small, "JPEG", quality=60)
    return Picture(Image.open(small).resize(size), ())


def blank_spotlight(random: Random, *_) -> Picture:
    """A lamp lights a round part of the page."""
    width, height = size = _size(random)
    x, y = random.uniform(0.2, 0.8) * width, random.uniform(0.2, 0.8) * height
    reach = random.uniform(0.2, 0.5) * max(size)
    away = numpy.hypot(*(numpy.mgrid[:height, :width] - numpy.array([[[y]], [[x]]])))
    dim = 1 - random.uniform(0.2, 0.6) / (1 + numpy.exp((reach - away) / (0.15 * reach)))
    return _photograph(random, _page(random, size) * dim[:, :, None])


def blank_folded(random: Random, *_) -> Picture:
    """Folded twice: each quarter is lit differently, and the folds are a little rounded."""
    width, height = size = _size(random)
    page, (x, y) = _page(random, size), random.uniform(0.4, 0.6, 2)
    softness = random.uniform(1, 4)
    across = numpy.tanh((numpy.arange(width) - x * width) / softness)
    down = numpy.tanh((numpy.arange(height) - y * height) / softness)[:, None]
    dim = 1 + random.uniform(-0.1, 0.1) * across + random.uniform(-0.1, 0.1) * down
    return _photograph(random, page * dim[:, :, None])


def blank_cloth(random: Random, *_) -> Picture:
    """A tablecloth with a weave."""
    size = _size(random)
    y, x = numpy.mgrid[: size[1], : size[0]]
    period, tilt = random.uniform(2.5, 9), random.uniform(-0.1, 0.1)
    weave = numpy.sin(2 * numpy.pi * (x + tilt * y) / period)
    weave = weave * numpy.sin(2 * numpy.pi * (y - tilt * x) / period)
    cloth = sheet(random, size, (188, 180, 165), 4.0) + random.uniform(3, 16) * weave[:, :, None]
    return _photograph(random, light(random, cloth, 0.4))


# The first count of the vignette and the soft shadow was used to correct the test for ink.
DEVELOPED = (
    *(blank_page, blank_desk, blank_in_shadow, blank_gradient, blank_ruled, blank_poor_jpeg),
    *(blank_noise, blank_black, blank_vignette, blank_soft_shadow),
)
MEASURED = (
    *(blank_wall, blank_squared, blank_denoised, blank_colour_noise, blank_margin),
    *(blank_in_the_dark, blank_spotlight, blank_folded, blank_cloth),
)
