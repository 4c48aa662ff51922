"""Blank pictures are refused, and faint digits are not."""

import numpy
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core.data.segmentation.search import find_digits

SIZE = (320, 240)


def page(level: float = 215) -> numpy.ndarray:
    return numpy.full(SIZE[::-1], level)


def save(values: numpy.ndarray, seed: int = 0, noise: float = 3.0) -> Image.Image:
    """Return the values as a camera records them, with noise."""
    grain = numpy.random.default_rng(seed).normal(0, noise, values.shape)
    return Image.fromarray((values + grain).clip(0, 255).astype(numpy.uint8))


def blobs(seed: int, amount: float, dots: int) -> numpy.ndarray:
    """Return noise whose spots are that many pixels wide."""
    few = numpy.random.default_rng(seed).normal(0, amount, [side // dots for side in SIZE[::-1]])
    large = Image.fromarray(few.astype(numpy.float32)).resize(SIZE, Image.Resampling.BICUBIC)
    return numpy.asarray(large, dtype=float)


def ruled(ink: float, squared: bool) -> numpy.ndarray:
    image = Image.fromarray(page().astype(numpy.uint8))
    draw = ImageDraw.Draw(image)
    for place in range(11, 320, 24):
        draw.line([(0, place), (320, place + 5)], fill=int(ink), width=2)
        if squared:
            draw.line([(place, 0), (place - 4, 240)], fill=int(ink), width=2)
    return numpy.asarray(image, dtype=float)


def shaded(blur: float) -> numpy.ndarray:
    """Return a page of which the shadow of something outside covers the left part."""
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).polygon([(0, 0), (190, 0), (110, 240), (0, 240)], fill=255)
    dark = numpy.asarray(mask.filter(ImageFilter.GaussianBlur(blur)), dtype=float) / 255
    return page() * (1 - 0.45 * dark)


def vignette() -> numpy.ndarray:
    y, x = numpy.mgrid[-1:1:240j, -1:1:320j]
    return page() * (1 - 0.6 * (x * x + y * y) / 2)


BLANK = {
    "paper": lambda seed: save(page() + blobs(seed, 4, 20), seed),
    "fine noise": lambda seed: save(page(), seed, 18),
    "coarse noise": lambda seed: save(page(150) + blobs(seed, 18, 5), seed),
    "very coarse noise": lambda seed: save(page(150) + blobs(seed, 14, 14), seed),
    "black": lambda seed: save(page(4), seed, 4),
    "gradient": lambda seed: save(page() * numpy.linspace(0.2, 1, 320), seed),
    "vignette": lambda seed: save(vignette(), seed),
    "hard shadow": lambda seed: save(shaded(1.5), seed),
    "soft shadow": lambda seed: save(shaded(15), seed),
    "ruled": lambda seed: save(ruled(120, squared=False), seed),
    "squared": lambda seed: save(ruled(150, squared=True), seed),
}


@pytest.mark.parametrize("kind", BLANK)
def test_blank_picture_has_no_digit(kind):
    found = [find_digits(BLANK[kind](seed))[1] for seed in range(3)]
    assert found == [[], [], []]


def test_digit_on_the_same_pictures_is_found():
    """What refuses blank pictures leaves the ink on them."""
    for kind, make in BLANK.items():
        image = make(0)
        ink = 90 if kind == "black" else 0
        places = [(130, 60), (190, 60), (130, 180), (190, 180)]
        ImageDraw.Draw(image).line(places, fill=ink, width=16, joint="curve")
        (digit,) = find_digits(image)[1]
        assert all(
            abs(one - other) < 16 for one, other in zip(digit.box, (123, 52, 198, 188), strict=True)
        ), (kind, digit.box)


@pytest.mark.parametrize("contrast", [16, 25])
def test_faint_digit_is_found(contrast):
    mask = Image.new("L", SIZE, 0)
    places = [(130, 60), (190, 60), (130, 180), (190, 180)]
    ImageDraw.Draw(mask).line(places, fill=255, width=14, joint="curve")
    strokes = numpy.asarray(mask.filter(ImageFilter.GaussianBlur(1)), dtype=float) / 255
    (digit,) = find_digits(save(page() - contrast * strokes, 1, 2.0))[1]
    is_warned = "almost no ink stands out from the background" in digit.warnings
    assert is_warned == (contrast < 20)
    assert abs(digit.box[1] - 53) < 8
    assert abs(digit.box[3] - 187) < 8
