"""Digits are found amid other things, and those of one picture are read in order."""

import numpy
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core.data.segmentation.search import find_digits

SIZE = (480, 360)


def strokes(*places: tuple[int, int, int]) -> Image.Image:
    """Return a mask of an angular 2 at each place: left, top and height."""
    mask = Image.new("L", SIZE, 0)
    for left, top, high in places:
        right, bottom = left + high * 6 // 10, top + high
        zigzag = [(left, top), (right, top), (left, bottom), (right, bottom)]
        ImageDraw.Draw(mask).line(zigzag, fill=255, width=max(2, high // 9), joint="curve")
    return mask.filter(ImageFilter.GaussianBlur(0.7))


def page(level: int = 230) -> Image.Image:
    return Image.new("L", SIZE, level)


def write(image: Image.Image, mask: Image.Image, ink: int = 30) -> Image.Image:
    image.paste(ink, mask=mask)
    return image


def with_noise(image: Image.Image) -> Image.Image:
    noise = numpy.random.default_rng(1).normal(0, 2, SIZE[::-1])
    return Image.fromarray((numpy.asarray(image) + noise).clip(0, 255).astype(numpy.uint8))


def darken(image: Image.Image, shape: Image.Image, share: float) -> Image.Image:
    dim = 1 - share * numpy.asarray(shape) / 255
    return Image.fromarray((numpy.asarray(image) * dim).astype(numpy.uint8))


def polygon(*corners: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    return mask


def ruled(image: Image.Image, *directions: str) -> Image.Image:
    draw = ImageDraw.Draw(image)
    for place in range(20, 480, 40):
        if "across" in directions:
            draw.line([(0, place), (480, place + 6)], fill=120, width=2)
        if "down" in directions:
            draw.line([(place, 0), (place - 6, 360)], fill=120, width=2)
    return image


def framed(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).rectangle((120, 60, 340, 300), outline=30, width=4)
    return image


def with_pen(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).line([(400, 40), (430, 360)], fill=70, width=16)
    return image


DIGIT = (190, 110, 140)
HOLD_MORE = {
    "a desk in the corner": lambda: write(
        with_noise(darken(page(), polygon((480, 150), (480, 360), (270, 360)), 0.75)),
        strokes(DIGIT),
    ),
    "a note on a dark desk": lambda: write(
        write(with_noise(page(60)), polygon((100, 40), (380, 55), (370, 320), (95, 310)), 235),
        strokes(DIGIT),
    ),
    "a note on a light wall": lambda: write(
        write(with_noise(page(160)), polygon((100, 40), (380, 55), (370, 320), (95, 310)), 235),
        strokes(DIGIT),
    ),
    "a grey note on a light wall": lambda: write(
        write(with_noise(page(225)), polygon((100, 40), (380, 55), (370, 320), (95, 310)), 150),
        strokes(DIGIT),
    ),
    "a dark card, light ink": lambda: write(
        write(with_noise(page(220)), polygon((100, 40), (380, 55), (370, 320), (95, 310)), 40),
        strokes(DIGIT),
        235,
    ),
    "a hard shadow across": lambda: darken(
        write(with_noise(page()), strokes(DIGIT)),
        polygon((0, 0), (260, 0), (200, 360), (0, 360)),
        0.5,
    ),
    "ruled lines": lambda: write(with_noise(ruled(page(), "across")), strokes(DIGIT)),
    "squares": lambda: write(with_noise(ruled(page(), "across", "down")), strokes(DIGIT)),
    "a printed cell": lambda: write(with_noise(framed(page())), strokes(DIGIT)),
    "a pen": lambda: write(with_noise(with_pen(page())), strokes(DIGIT)),
    "half a digit at the edge": lambda: write(with_noise(page()), strokes(DIGIT, (445, 100, 150))),
    "a window around a canvas": lambda: write(
        write(page(40), polygon((90, 30), (390, 30), (390, 330), (90, 330)), 255), strokes(DIGIT), 0
    ),
}


def only(image: Image.Image):
    (found,) = find_digits(image)[1]
    return found


@pytest.mark.parametrize("kind", HOLD_MORE)
def test_digit_is_found_amid_other_things(kind):
    """The network receives nearly what it receives of the same digit on an empty page."""
    plain = only(write(with_noise(page()), strokes(DIGIT)))
    found = only(HOLD_MORE[kind]())
    a, b = (numpy.frombuffer(each.pixels, numpy.uint8).astype(float) for each in (plain, found))
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]  # centred by mass
    a, b = a.reshape(28, 28), b.reshape(28, 28)
    assert min(abs(a - numpy.roll(b, shift, (0, 1))).mean() for shift in shifts) < 10
    assert all(abs(one - other) < 6 for one, other in zip(plain.box, found.box, strict=True))


def test_digits_are_read_by_line_and_from_the_left():
    places = [(60, 40, 100), (190, 60, 110), (330, 45, 90), (80, 220, 100), (250, 210, 110)]
    _, found = find_digits(write(with_noise(page()), strokes(*places)))
    assert len(found) == 5
    for (left, top, high), digit in zip(places, found, strict=True):
        assert abs(digit.box[0] - left) < 12
        assert abs(digit.box[1] - top) < 12
        assert abs(digit.box[3] - digit.box[1] - high) < 20
    assert not any(digit.warnings for digit in found)


def test_parts_of_a_digit_stay_together():
    """A bar that is apart from its 5, and the side of a 4."""
    for lines in (
        [[(200, 150), (190, 200), (240, 210), (230, 270), (180, 275)], [(215, 135), (270, 130)]],
        [[(200, 100), (180, 180), (236, 182)], [(246, 130), (240, 270)]],
    ):
        image = page()
        for line in lines:
            ImageDraw.Draw(image).line(line, fill=30, width=14, joint="curve")
        box = only(with_noise(image)).box
        places = [place for line in lines for place in line]
        assert box[0] < min(x for x, _ in places) + 3
        assert box[2] > max(x for x, _ in places) - 3
        assert box[1] < min(y for _, y in places) + 3


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (lambda: write(page(), strokes((240, -60, 200))), "touches the edge"),
        (lambda: write(page(), polygon((75, 50), (405, 50), (405, 305), (75, 305))), "half of the"),
        (lambda: write(page(), polygon((200, 100), (300, 100), (300, 200), (200, 200))), "solid"),
        (lambda: write(page(), strokes(DIGIT), 216), "almost no ink"),
        (lambda: write(page(), polygon((90, 180), (300, 150), (300, 165), (90, 200))), "wider"),
    ],
)
def test_doubtful_ink_has_a_warning(image, why):
    assert why in " ".join(only(image()).warnings)


def test_large_images_are_cut_at_their_own_size():
    """The box is in the image's pixels, and detail comes from them."""
    small = write(page(), strokes((200, 120, 60)))
    large = small.resize((4800, 3600), Image.Resampling.BICUBIC).convert("RGB")
    grey, (found,) = find_digits(large)
    scale = 4800 / grey.width
    want = only(small)
    for one, other in zip(found.box, want.box, strict=True):
        assert abs(one * scale - other * 10) < 25
    assert large.size == (4800, 3600), "the image itself is not changed"


def dash(image: Image.Image, ink: int = 30) -> Image.Image:
    ImageDraw.Draw(image).line([(340, 200), (440, 198)], fill=ink, width=15)
    return image


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (lambda: write(page(), strokes(DIGIT, (380, 60, 30))), "smaller marks"),
        (lambda: write(page(), strokes(DIGIT, (380, 60, 30), (410, 62, 30))), "smaller marks"),
        (lambda: dash(write(page(), strokes(DIGIT))), None),
        (lambda: write(framed(page()), strokes(DIGIT)), None),
    ],
)
def test_marks_beside_a_digit_have_a_warning(image, why):
    """Of marks that may be digits: not of a dash and a frame."""
    warnings = " ".join(only(with_noise(image())).warnings)
    assert why in warnings if why else not warnings


@pytest.mark.parametrize(("ink", "wide"), [(130, 15), (90, 17), (30, 40)])
def test_mark_of_other_ink_has_a_warning(ink, wide):
    """A tick in a lighter colour or of a wider pen beside a digit is not another digit."""
    image = write(page(), strokes((90, 100, 150)))
    assert not only(with_noise(image)).warnings
    tick = [(270, 170), (310, 240), (390, 110)]
    ImageDraw.Draw(image).line(tick, fill=ink, width=wide, joint="curve")
    found = find_digits(with_noise(image))[1]
    assert "ink differs" in " ".join(found[0].warnings) or len(found) == 1
    assert any(digit.warnings for digit in found)


def test_page_of_many_digits_warns_of_those_left_out():
    image = Image.new("L", (1400, 1000), 230)
    draw = ImageDraw.Draw(image)
    for number in range(180):
        x, y = 30 + 76 * (number % 18), 30 + 96 * (number // 18)
        zigzag = [(x, y), (x + 30, y), (x, y + 54), (x + 30, y + 54)]
        draw.line(zigzag, fill=20, width=8, joint="curve")
    found = find_digits(image)[1]
    assert 100 < len(found) <= 150
    assert "the smallest were left out" in " ".join(found[-1].warnings)
    assert not any("smallest" in " ".join(digit.warnings) for digit in found[:-1])
