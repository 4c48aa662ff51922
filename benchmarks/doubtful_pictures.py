"""Pictures without a whole digit: correct is to find none, or to warn of each that is found.

Each function takes a random generator, a digit of MNIST (28, 28) and its label.
"""

from __future__ import annotations

from dataclasses import replace

from painting import Array, Picture, Random, mask, place_digit, spot, white_page, write

SIZE = (600, 800)


def _cut(random: Random, digit: Array, side: str) -> Picture:
    """Paint a digit on paper, and cut the picture through the middle of its strokes."""
    strokes = place_digit(digit, 420, SIZE, spot(random, 0.03))
    paper = white_page(random, SIZE)
    picture = write(random, paper, strokes, ())
    columns, rows = (strokes.max(axis=axis).nonzero()[0] for axis in (0, 1))
    x, y = int(columns[0] + columns[-1]) // 2, int(rows[0] + rows[-1]) // 2
    width, height = SIZE
    box = {
        "left": (x, 0, width, height),
        "right": (0, 0, x, height),
        "top": (0, y, width, height),
        "bottom": (0, 0, width, y),
    }[side]
    return replace(picture, image=picture.image.crop(box))


def cut_left(random: Random, digit: Array, label: int) -> Picture:
    return _cut(random, digit, "left")


def cut_right(random: Random, digit: Array, label: int) -> Picture:
    return _cut(random, digit, "right")


def cut_top(random: Random, digit: Array, label: int) -> Picture:
    return _cut(random, digit, "top")


def cut_bottom(random: Random, digit: Array, label: int) -> Picture:
    return _cut(random, digit, "bottom")


def face(random: Random, digit: Array, label: int) -> Picture:
    """Two eyes and a mouth in a ring."""
    x, y = random.uniform(270, 330), random.uniform(360, 440)
    far, wide = random.uniform(100, 240), int(random.integers(8, 22))
    eye = wide * random.uniform(0.7, 1.3)
    strokes = mask(SIZE, "ellipse", (x - far, y - far, x + far, y + far), wide)
    for side in (-0.4, 0.4):
        left, top = x + side * far, y - 0.3 * far
        strokes += mask(SIZE, "ellipse", (left - eye, top - eye, left + eye, top + eye))
    mouth = mask(
        SIZE, "ellipse", (x - far * 0.5, y - far * 0.3, x + far * 0.5, y + far * 0.6), wide
    )
    mouth[: int(y + far * 0.25)] = 0
    paper = white_page(random, SIZE)
    return write(random, paper, (strokes + mouth).clip(0, 1), ())


DOUBTFUL = (cut_left, cut_right, cut_top, cut_bottom, face)
