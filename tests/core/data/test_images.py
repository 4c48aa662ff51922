"""Read image files of any kind as 28×28 images like those of MNIST."""

import os
import socket
import struct
import zlib
from contextlib import suppress

import numpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from core.data.images import ImageDigit, find_images, read_image, read_label
from core.data.preprocessing import prepare_drawing
from core.errors import DataError

INK = {
    "RGB": (10, 20, 60),
    "RGBA": (10, 20, 60, 255),
    "CMYK": (255, 255, 255, 100),
    "LA": (20, 255),
    "I;16": 900,
    "I": 70_000,
    "F": 0.125,
}
PAPER = {
    "RGB": (240, 235, 220),
    "RGBA": (0, 0, 0, 0),
    "CMYK": (0, 0, 10, 0),
    "LA": (255, 0),
    "I;16": 4000,
    "I": 100_000,
    "F": 1e6,
}


def two(width: int, height: int, mode: str = "L", ink=0, paper=255, left=0.2, top=0.2):
    """Return an image of an angular 2 that fills 60% of it."""
    grey = Image.new("L", (width, height), 0)
    x, y, w, h = width * left, height * top, width * 0.6, height * 0.6
    thick = max(1, round(min(w, h) * 0.16))
    places = [(x, y), (x + w, y), (x, y + h), (x + w, y + h)]
    ImageDraw.Draw(grey).line(places, fill=255, width=thick)
    image = Image.new(mode, grey.size, paper)
    if mode != "I;16":
        image.paste(Image.new(mode, grey.size, ink), mask=grey)
    else:  # Pillow cannot paste into this mode
        image = Image.fromarray(numpy.where(numpy.asarray(grey) > 0, ink, paper).astype("uint16"))
    return image


def read_only(path) -> ImageDigit:
    """Return the digit of an image that has one."""
    (digit,) = read_image(path)
    return digit


def pixels_of(picture) -> numpy.ndarray:
    return numpy.frombuffer(picture.pixels, dtype=numpy.uint8).reshape(28, 28).astype(float)


def as_mnist_is(pixels: numpy.ndarray) -> None:
    rows, columns = (numpy.flatnonzero((pixels > 20).any(axis=axis)) for axis in (1, 0))
    assert max(numpy.ptp(rows), numpy.ptp(columns)) + 1 in (19, 20)
    for axis in (0, 1):
        centre = (pixels.sum(axis=axis) * numpy.arange(28)).sum() / pixels.sum()
        assert abs(centre - 14) <= 0.51
    assert not pixels[:3, :3].any(), "paper is 0"
    assert pixels.max() == 255


@given(
    width=st.integers(40, 400),
    height=st.integers(40, 400),
    inverted=st.booleans(),
    faint=st.booleans(),
    left=st.floats(0.02, 0.38),
    top=st.floats(0.02, 0.38),
)
@settings(max_examples=25, deadline=None)
def test_any_size_place_and_polarity_is_read(
    tmp_path_factory, width, height, inverted, faint, left, top
):
    """Dark on light and light on dark, with strong and faint contrast."""
    # What two edges of the picture cut off is no whole digit, and may be refused.
    half = 0.05 * min(width, height) + 1
    assume((left + 0.6) * width + half < width or (top + 0.6) * height + half < height)
    ink, paper = (190, 70) if faint else (255, 0)
    ink, paper = (ink, paper) if inverted else (paper, ink)
    path = tmp_path_factory.mktemp("any") / "two.png"
    two(width, height, "L", ink, paper, left, top).save(path)
    picture = read_only(path)
    as_mnist_is(pixels_of(picture))
    assert max(picture.width, picture.height) <= 112
    assert len(picture.original) == picture.width * picture.height
    assert picture.size == (width, height)
    assert (picture.position, picture.count) == (0, 1)
    near = 0.01 * max(width, height) + 1
    box_left, box_top, right, bottom = picture.box
    at_edge = min(box_left, box_top, width - right, height - bottom) <= near
    if not at_edge and width <= 1.4 * height:
        assert picture.warnings == ()
    ends = (left, top, left + 0.6, top + 0.6)  # and half a stroke or a blurred pixel beyond
    for edge, end, side in zip(picture.box, ends, (width, height) * 2, strict=True):
        assert abs(edge - end * side) <= 3 + 0.06 * min(width, height)


@pytest.mark.parametrize("mode", INK)
def test_any_image_mode_is_read(tmp_path, mode):
    suffix = "tif" if mode in ("F", "I", "CMYK", "I;16") else "png"
    path = tmp_path / f"two.{suffix}"
    two(150, 150, mode, INK[mode], PAPER[mode]).save(path)
    want = tmp_path / "grey.png"
    two(150, 150).save(want)
    assert abs(pixels_of(read_only(path)) - pixels_of(read_only(want))).mean() < 3


def test_palettes_animations_and_rotation_are_read(tmp_path):
    plain = two(120, 160)
    plain.save(tmp_path / "plain.png")
    want = read_only(tmp_path / "plain.png").pixels
    first = two(120, 160, "P", 0, 1)
    first.putpalette([0, 0, 0, 255, 255, 255])
    first.save(tmp_path / "see through.png", transparency=1)
    frames = {"save_all": True, "append_images": [Image.new("L", (120, 160), 255)]}
    plain.save(tmp_path / "moving.gif", **frames)
    exif = Image.Exif()
    exif[274] = 6  # rotate by 90°
    plain.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    plain.convert("1").save(tmp_path / "bilevel.png")
    for name in ("see through.png", "moving.gif", "turned.png", "bilevel.png"):
        got = numpy.frombuffer(read_only(tmp_path / name).pixels, dtype=numpy.uint8)
        assert abs(got.astype(float) - numpy.frombuffer(want, dtype=numpy.uint8)).mean() < 2, name


def test_uneven_lighting_is_removed(tmp_path):
    """The network receives nearly what it receives of the same digit in even light."""
    two(500, 400).save(tmp_path / "even.png")
    want = read_only(tmp_path / "even.png")
    ink = 1 - numpy.asarray(two(500, 400), dtype=float) / 255
    y, x = numpy.mgrid[0:1:400j, 0:1:500j]
    noise = numpy.random.default_rng(1).normal(0, 4, ink.shape)
    paper = 220 - 110 * x - 30 * y * y  # the dark corner is as dark as ink in the light one
    seen = paper * (1 - 0.6 * ink) + noise
    for name, values in (("dark on light", seen), ("light on dark", 255 - seen)):
        path = tmp_path / f"{name}.jpg"
        Image.fromarray(values.clip(0, 255).astype(numpy.uint8)).save(path, quality=70)
        digit = read_only(path)
        as_mnist_is(pixels_of(digit))
        assert abs(pixels_of(digit) - pixels_of(want)).mean() < 8  # ink in the shade is weaker
        assert all(abs(a - b) <= 4 for a, b in zip(digit.box, want.box, strict=True))


@pytest.mark.mnist
def test_mnist_images_stay_nearly_equal(tmp_path, real_mnist):
    raw = (real_mnist / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()
    digits = numpy.frombuffer(raw[16:], dtype=numpy.uint8).reshape(-1, 28, 28)[:50]
    for digit in digits:
        wide = numpy.pad(255 - digit, 20, constant_values=255)
        for image in (Image.fromarray(digit), Image.fromarray(wide).convert("RGB")):
            image.save(tmp_path / "digit.png")
            difference = abs(pixels_of(read_only(tmp_path / "digit.png")) - digit)
            assert difference.mean() < 3


def bomb() -> bytes:
    """Return a PNG whose header claims 60,000×60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    sizes = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + sizes + struct.pack(">I", 8) + b"IDAT" + bytes(12)


def test_unreadable_image_says_why(tmp_path, monkeypatch):
    two(200, 200).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    Image.new("RGB", (80, 80), "white").save(tmp_path / "blank.png")
    noise = numpy.random.default_rng(1).normal(128, 20, (100, 100)).clip(0, 255)
    Image.fromarray(noise.astype(numpy.uint8)).save(tmp_path / "noise.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("<html>")
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "bomb.png").write_bytes(bomb())
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)  # the path of a socket must be short
        listening.bind("socket.png")
    said = {
        "blank": "no ink stands out",
        "noise": "no ink stands out",
        "empty": "is empty",
        "text": "is not an image",
        "cut": "is damaged",
        "bomb": "has more than 500,000,000 pixels: make it smaller",
        "loop": "symbolic links",
        "pipe": "is not a file",
        "socket": "is not a file",
        "none\x1b[31m\n": "No such file",
        "zero\0": "is not a file name",
    }
    for name, why in said.items():
        with pytest.raises(DataError) as caught:
            read_only(tmp_path / f"{name}.png")
        line = str(caught.value)
        assert why in line, line
        assert name.encode("unicode_escape").decode() in line
        assert line.isprintable()
    with pytest.raises(DataError, match="is a folder"):
        read_only(tmp_path)


def test_damaged_image_is_error_or_image(tmp_path):
    source = numpy.random.default_rng(3)
    for suffix in ("png", "jpg", "gif", "bmp", "tif", "webp", "ppm"):
        path = tmp_path / f"two.{suffix}"
        two(40, 40, "RGB", INK["RGB"], PAPER["RGB"]).save(path)
        whole = path.read_bytes()
        for _ in range(12):
            damaged = bytearray(whole)
            damaged[int(source.integers(len(whole)))] ^= 1 << int(source.integers(8))
            path.write_bytes(bytes(damaged[: int(source.integers(len(whole))) or None]))
            with suppress(DataError):
                assert len(read_only(path).pixels) == 784


def test_folder_yields_images_in_natural_order(tmp_path):
    for name in (
        "10.png",
        "2.PNG",
        "note.txt",
        ".hidden.png",
        "7/b.jpg",
        "7/deep/c.png",
        "x/a.gif",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found = [str(path.relative_to(tmp_path)) for path in find_images([tmp_path])]
    assert found == ["2.PNG", "7/b.jpg", "10.png", "x/a.gif"]
    (tmp_path / "void").mkdir()
    with pytest.raises(DataError, match="contains no image files"):
        list(find_images([tmp_path / "void"]))


def test_web_address_is_no_file():
    """A path has only one of an address's slashes, and the message has both."""
    for address in ("https://example.org/7.png?x=1", "HTTP://example.org/7"):
        with pytest.raises(DataError) as caught:
            list(find_images([address]))
        assert str(caught.value) == f"{address} is a web address, not a file: download it first"
    with pytest.raises(DataError, match=r"^file:///tmp/7\.png is .* alone, /tmp/7\.png"):
        list(find_images(["file:///tmp/7.png"]))


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA", "LA"])
def test_image_as_in_mnist_is_kept_to_the_pixel(tmp_path, mode):
    """Neither moved nor scaled, which a second preparation would do."""
    pixels = numpy.zeros((28, 28), numpy.uint8)
    pixels[3:20, 9:12], pixels[3:6, 9:20], pixels[0, :18] = 190, 255, 40
    Image.fromarray(pixels).convert(mode).save(tmp_path / "image.png")
    digit = read_only(tmp_path / "image.png")
    assert digit.pixels == pixels.tobytes()
    assert (digit.box, digit.size, digit.warnings) == ((0, 0, 28, 28), (28, 28), ())


@pytest.mark.parametrize("kind", ["dark on white", "grey paper", "coloured"])
def test_small_image_unlike_mnist_is_prepared(tmp_path, kind):
    image = two(28, 28, ink=0, paper=255)
    if kind == "grey paper":
        image = two(28, 28, ink=230, paper=40)
    elif kind == "coloured":
        image = two(28, 28, "RGB", ink=(250, 90, 90), paper=(0, 0, 0))
    image.save(tmp_path / "image.png")
    as_mnist_is(pixels_of(read_only(tmp_path / "image.png")))


def test_drawing_is_scaled_and_centred():
    """A small digit at the edge becomes what a large one in the middle is, and a dot fills the box;
    faint ink is none."""
    small, large = numpy.zeros((28, 28), numpy.uint8), numpy.zeros((28, 28), numpy.uint8)
    small[0:10, 26:28] = 200
    large[4:24, 12:16] = 255
    (one, other) = (prepare_drawing(each.tobytes()) for each in (small, large))
    assert one is not None
    assert other is not None
    assert numpy.abs(numpy.frombuffer(one, "u1") - numpy.frombuffer(other, "u1")).max() < 32
    dot = numpy.zeros((28, 28), numpy.uint8)
    dot[27, 0] = 255
    full = numpy.full((28, 28), 255, numpy.uint8)
    for image in (dot, full):
        prepared = numpy.frombuffer(prepare_drawing(image.tobytes()), "u1").reshape(28, 28)
        assert (prepared[4:24, 4:24] == 255).all()
        assert prepared.sum() == 400 * 255
    assert prepare_drawing(bytes(784)) is None
    assert prepare_drawing(bytes([60]) * 784) is None


@pytest.mark.mnist
def test_mnist_digit_as_drawing_stays_equal(real_mnist):
    raw = (real_mnist / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()
    digits = numpy.frombuffer(raw[16:], dtype=numpy.uint8).reshape(-1, 784)[:200]
    prepared = [prepare_drawing(digit.tobytes()) for digit in digits]
    changed = numpy.array([list(each) for each in prepared]) - digits
    assert abs(changed).mean() < 1  # a few are a pixel beside their place


def test_name_of_the_folder_is_a_label(tmp_path):
    names = ("T-shirt/top", "あ", "7")
    folders = ("T-shirt_top", "あ", "7", "8")
    found = [read_label(tmp_path / each / "a.png", names) for each in folders]
    assert found == [0, 1, 2, None]
