"""Plain pictures of one digit: nothing but the digit and what it is written on.

Each function takes a random generator, a digit of MNIST (28, 28) and its label.
"""

from __future__ import annotations

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
    pen,
    photograph,
    place,
    place_digit,
    scale_strokes,
    sheet,
    spot,
    thin,
    turn,
    white_page,
    write,
)
from PIL import Image, ImageFilter
from PIL.Image import Resampling


def _on_paper(random: Random, digit: Array, size=(640, 480), share=0.6) -> tuple[Array, Array]:
    """Return paper and strokes that fill a share of its shorter side."""
    side = round(min(size) * share * random.uniform(0.9, 1.1) * 1.4)
    strokes = place_digit(digit, side, size, spot(random))
    return sheet(random, size), strokes


def mnist(random: Random, digit: Array, label: int) -> Picture:
    return Picture(Image.fromarray(digit), (label,))


def mnist_dark_on_light(random: Random, digit: Array, label: int) -> Picture:
    return Picture(Image.fromarray(255 - digit), (label,))


def tiny(random: Random, digit: Array, label: int) -> Picture:
    side = int(random.integers(18, 24))
    small = Image.fromarray(255 - digit).resize((side, side), Resampling.BOX)
    return Picture(small, (label,))


def canvas(random: Random, digit: Array, label: int) -> Picture:
    """A black brush on a white canvas."""
    strokes = scale_strokes(digit, 280)
    return drawn(draw(numpy.full((280, 280, 3), 255.0), strokes, (0, 0, 0)), (label,))


def inverted(random: Random, digit: Array, label: int) -> Picture:
    strokes = scale_strokes(digit, 320)
    return drawn(draw(numpy.full((320, 320, 3), 12.0), strokes, (250, 250, 245)), (label,))


def paper(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    return write(random, light(random, page), strokes, (label,))


def marker(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit, share=0.75)
    image = Image.fromarray((strokes * 255).astype(numpy.uint8)).filter(ImageFilter.MaxFilter(9))
    strokes = numpy.asarray(image, dtype=float) / 255
    return photograph(random, draw(light(random, page), strokes, (20, 20, 20)), (label,))


def thin_pen(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    strokes = thin(strokes, 9)
    return write(random, light(random, page), strokes, (label,))


def pencil(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    grain = random.uniform(0.45, 1.0, strokes.shape)
    strokes = thin(strokes, 5) * grain
    return photograph(random, draw(light(random, page), strokes, (125, 125, 128)), (label,))


def whiteboard(random: Random, digit: Array, label: int) -> Picture:
    size = (800, 600)
    board = sheet(random, size, (225, 230, 232), 2.0)
    strokes = place_digit(digit, 420, size, spot(random))
    colour = ((30, 60, 160), (170, 30, 40), (20, 110, 60))[random.integers(3)]
    return photograph(random, draw(light(random, board, 0.4), strokes, colour), (label,))


def blackboard(random: Random, digit: Array, label: int) -> Picture:
    size = (800, 600)
    board = sheet(random, size, (45, 62, 54), 5.0)
    strokes = place_digit(digit, 420, size, spot(random))
    strokes = strokes * random.uniform(0.6, 1.0, strokes.shape)
    return photograph(random, draw(light(random, board, 0.4), strokes, (225, 225, 215)), (label,))


def alpha(random: Random, digit: Array, label: int) -> Picture:
    strokes = (scale_strokes(digit, 300) * 255).astype(numpy.uint8)
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    image.putalpha(Image.fromarray(strokes))
    return Picture(image, (label,))


def exif_turn(random: Random, digit: Array, label: int) -> Picture:
    made = paper(random, digit, label)
    tag, degrees = ((6, 90), (8, 270), (3, 180))[random.integers(3)]
    exif = Image.Exif()
    exif[274] = tag
    turned = made.image.rotate(degrees, expand=True)
    return Picture(turned, (label,), ".jpg", (("exif", exif), ("quality", 88)))


def sixteen_bit(random: Random, digit: Array, label: int) -> Picture:
    strokes = scale_strokes(digit, 300)
    values = (3000 - 2300 * strokes + random.normal(0, 20, strokes.shape)).astype(numpy.uint16)
    return Picture(Image.fromarray(values), (label,))


def one_bit(random: Random, digit: Array, label: int) -> Picture:
    strokes = scale_strokes(digit, 300)
    return Picture(Image.fromarray(strokes < 0.5), (label,))


def large_photo(random: Random, digit: Array, label: int) -> Picture:
    """24 megapixels."""
    page, strokes = _on_paper(random, digit, (1000, 667), 0.5)
    small = write(random, light(random, page), strokes, (label,)).image
    return Picture(small.resize((6000, 4000)), (label,), ".jpg", (("quality", 80),))


def tilt(random: Random, digit: Array, label: int) -> Picture:
    page, _ = _on_paper(random, digit)
    strokes = turn(scale_strokes(digit, 400), random.uniform(-12, 12))
    strokes = place(strokes, (640, 480), spot(random))
    return write(random, light(random, page), strokes, (label,))


def vignette(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    y, x = numpy.mgrid[-1:1:480j, -1:1:640j]
    dim = 1 - 0.55 * (x * x + y * y)[:, :, None] / 2
    return photograph(random, draw(page, strokes, pen(random)) * dim, (label,))


def specks(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    page = draw(page, strokes, pen(random))
    for _ in range(12):
        x, y, r = random.uniform(0, 640), random.uniform(0, 480), random.uniform(1, 3)
        page = draw(page, mask((640, 480), "ellipse", (x - r, y - r, x + r, y + r)), (60, 60, 60))
    return photograph(random, light(random, page), (label,))


def faint_ruled(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    page = draw(page, lines((640, 480), 48, 2, random.uniform(-2, 2)) * 0.8, (222, 224, 232))
    return write(random, light(random, page), strokes, (label,))


def faint_squared(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    for degrees in (0, 90):
        page = draw(page, lines((640, 480), 26, 1, degrees) * 0.8, (215, 222, 230))
    return write(random, light(random, page), strokes, (label,))


def tight_crop(random: Random, digit: Array, label: int) -> Picture:
    """A margin of 2 to 6% around the digit."""
    strokes = scale_strokes(digit, 400)
    rows, columns = (numpy.flatnonzero((strokes > 0.1).any(axis=axis)) for axis in (1, 0))
    margin = int(random.integers(6, 20))
    box = (
        slice(max(0, rows[0] - margin), rows[-1] + margin),
        slice(max(0, columns[0] - margin), columns[-1] + margin),
    )
    strokes = strokes[box]
    page = sheet(random, strokes.shape[::-1])
    return write(random, page, strokes, (label,))


def small_on_a4(random: Random, digit: Array, label: int) -> Picture:
    size = (1240, 1754)
    strokes = place_digit(digit, 110, size, spot(random, 0.3))
    return write(random, white_page(random, size), strokes, (label,))


def coloured_paper(random: Random, digit: Array, label: int) -> Picture:
    colours = ((240, 210, 90), (170, 210, 235), (240, 170, 180), (170, 220, 160))
    size = (640, 480)
    page = sheet(random, size, colours[random.integers(4)])
    strokes = place_digit(digit, 400, size, spot(random))
    return write(random, light(random, page), strokes, (label,))


def blurred(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    made = write(random, light(random, page), strokes, (label,))
    return Picture(made.image.filter(ImageFilter.GaussianBlur(6)), (label,), ".jpg")


def low_contrast(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit)
    seen = draw(light(random, page), strokes * 0.3, pen(random))
    return photograph(random, seen, (label,), 2.0)


def poor_jpeg(random: Random, digit: Array, label: int) -> Picture:
    page, strokes = _on_paper(random, digit, (320, 240))
    return write(random, page, strokes, (label,), 6.0, 20)


PLAIN = (
    *(mnist, mnist_dark_on_light, tiny, canvas, inverted, paper, marker, thin_pen, pencil),
    *(whiteboard, blackboard, alpha, exif_turn, sixteen_bit, one_bit, large_photo, tilt, vignette),
    *(specks, faint_ruled, faint_squared, tight_crop, small_on_a4, coloured_paper, blurred),
    *(low_contrast, poor_jpeg),
)
