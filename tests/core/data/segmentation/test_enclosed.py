"""Paper between strokes is not ink, whichever of the two is lighter."""

import numpy
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from core.data.segmentation.search import find_digits

INK = 30
EIGHT = [(0, 0), (22, 12), (0, 34), (8, 52), (24, 40), (2, 14), (0, 0)]


def draw(size: tuple[int, int] = (480, 480)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("L", size, 225)
    return image, ImageDraw.Draw(image)


def photographed(image: Image.Image) -> Image.Image:
    noise = numpy.random.default_rng(2).normal(0, 3, image.size[::-1])
    blurred = numpy.asarray(image.filter(ImageFilter.GaussianBlur(0.8)))
    return Image.fromarray((blurred + noise).clip(0, 255).astype(numpy.uint8))


def half_a_six() -> Image.Image:
    """A 6 whose left half is outside the image: the paper in its loop is like a 1."""
    image, pen = draw((300, 800))
    pen.ellipse((-160, 400, 61, 580), outline=INK, width=12)
    pen.line((-10, 320, 40, 270), fill=INK, width=12)
    return image


def face() -> Image.Image:
    image, pen = draw()
    pen.ellipse((110, 110, 370, 370), outline=INK, width=12)
    for x in (190, 270):
        pen.ellipse((x, 190, x + 24, 216), fill=INK)
    pen.arc((170, 180, 310, 320), 20, 160, fill=INK, width=12)
    return image


def table(fill: int | None = None, gap: int = 0) -> Image.Image:
    """Cells with printed words, perhaps filled, and a written 8 in one without."""
    image, pen = draw((900, 700))
    for number in range(4 if fill else 0):
        left = 100 + 175 * number
        pen.rectangle((left + gap, 100 + gap, left + 175 - gap, 220 - gap), fill=fill)
    for number in range(5):
        pen.line((100, 100 + 120 * number, 800, 100 + 120 * number), fill=INK, width=3)
        pen.line((100 + 175 * number, 100, 100 + 175 * number, 580), fill=INK, width=3)
    for number, word in enumerate(("Name", "Date", "Score", "Sign")):
        pen.text((115 + 175 * number, 140), word, fill=225 if fill else INK, font_size=36)
    pen.line([(345 + 1.6 * x, 240 + 1.6 * y) for x, y in EIGHT], fill=INK, width=9, joint="curve")
    return image


@pytest.fixture(params=(False, True), ids=("dark ink", "light ink"))
def see(request):
    def find(image: Image.Image):
        return find_digits(ImageOps.invert(image) if request.param else image)[1]

    return find


def test_paper_in_half_a_digit_is_no_digit(see):
    found = see(photographed(half_a_six()))
    assert found
    assert all(any("edge" in each for each in digit.warnings) for digit in found)


def test_inside_of_a_face_is_no_digit(see):
    for digit in see(photographed(face())):
        assert digit.box[2] - digit.box[0] < 200, "a part of the drawing, not the paper in it"
        assert digit.warnings


@pytest.mark.parametrize(("fill", "gap"), [(None, 0), (60, 0), (60, 6), (110, 8)])
def test_digit_in_a_table_is_found(see, fill, gap):
    """Neither a cell nor a filled one is a digit, nor another mark that might be."""
    (digit,) = see(photographed(table(fill, gap)))
    for one, other in zip(digit.box, (341, 236, 388, 328), strict=True):
        assert abs(one - other) < 10
    assert not any("as large" in each for each in digit.warnings)


def test_filled_table_without_words_is_no_digit(see):
    image = table(90)
    for left in range(110, 800, 175):
        image.paste(90, (left, 110, left + 155, 210))
    (digit,) = see(image)
    assert digit.box[3] - digit.box[1] < 110


@pytest.mark.parametrize(("margin", "turned"), [(14, 0), (60, 0), (60, 45)])
def test_light_ink_on_a_card_is_found(margin, turned):
    """A card is not a stroke, however close its edges are."""
    card = Image.new("L", (90 + 2 * margin, 140 + 2 * margin), 40)
    places = [(0, 0), (90, 0), (0, 140), (90, 140)]
    ImageDraw.Draw(card).line(
        [(x + margin, y + margin) for x, y in places], fill=235, width=14, joint="curve"
    )
    mask = Image.new("L", card.size, 255).rotate(turned, expand=True)
    image, _ = draw((640, 520))
    image.paste(card.rotate(turned, expand=True), (200, 110), mask)
    (digit,) = find_digits(photographed(image))[1]
    middle = 200 + mask.width / 2, 110 + mask.height / 2
    assert abs((digit.box[0] + digit.box[2]) / 2 - middle[0]) < 14
    assert abs((digit.box[1] + digit.box[3]) / 2 - middle[1]) < 14
    assert digit.box[3] - digit.box[1] < 190
