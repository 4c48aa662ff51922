"""Decode photos of many megapixels, refuse what needs too much memory, count frames."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageDraw

from core.data.image_decoding import decode_image
from core.data.images import read_image
from core.errors import DataError


def seven(width: int, height: int) -> Image.Image:
    """Return a 7, dark on light, whose strokes reach from 3/10 to 7/10 of the image."""
    image = Image.new("L", (width, height), 230)
    lines = [(0.3, 0.3), (0.7, 0.3), (0.45, 0.7)]
    places = [(x * width, y * height) for x, y in lines]
    ImageDraw.Draw(image).line(places, fill=30, width=height // 25, joint="curve")
    return image


def jpeg(image: Image.Image, **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    file.seek(0)
    return file


def test_photo_of_50_megapixels_is_read_in_its_own_pixels(tmp_path):
    """Stored on its side, as phones do: the box is in pixels of the upright image."""
    exif = Image.Exif()
    exif[274] = 6
    upright = seven(6144, 8192)
    path = tmp_path / "photo.jpg"
    upright.rotate(90, expand=True).save(path, exif=exif)
    (digit,) = read_image(path)
    assert digit.size == (6144, 8192)
    for edge, share, side in zip(digit.box, (0.3, 0.3, 0.7, 0.7), digit.size * 2, strict=True):
        assert abs(edge - share * side) < 0.04 * side
    upright.resize((192, 256)).save(tmp_path / "small.png")
    (small,) = read_image(tmp_path / "small.png")
    difference = [abs(a - b) for a, b in zip(digit.pixels, small.pixels, strict=True)]
    assert sum(difference) / len(difference) < 4


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((28, 28), (28, 28)), ((2048, 90), (2048, 90)), ((4032, 301), (2016, 151)), ((5000, 1),) * 2],
)
def test_only_large_jpegs_are_decoded_reduced(size, decoded):
    found = decode_image(jpeg(Image.new("RGB", size)))
    assert (found.image.size, found.size) == (decoded, size)


def claim(width: int, height: int, *, progressive: bool = False) -> io.BytesIO:
    """Return a small JPEG whose header claims that many pixels."""
    content = jpeg(Image.new("RGB", (16, 16)), progressive=progressive).getvalue()
    marker = b"\xff\xc2" if progressive else b"\xff\xc0"
    place = content.index(marker) + 5
    return io.BytesIO(content[:place] + struct.pack(">HH", height, width) + content[place + 4 :])


def png(width: int, height: int, colours: int = 2) -> io.BytesIO:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    data = struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 8) + b"IDAT" + bytes(12)
    return io.BytesIO(head + data)


def test_too_many_pixels_are_refused_with_the_limit():
    for file, text in (
        (claim(60_000, 60_000), "has more than 500,000,000 pixels: make it smaller"),
        (png(60_000, 60_000), "has more than 500,000,000 pixels: make it smaller"),
        (
            png(16_000, 12_000),
            "has 16,000×12,000 pixels, which take 1.5 GB of memory to decode, more than 1 GB: "
            "make it smaller",
        ),
        (
            png(10_000, 9_000, colours=4),  # grey with transparency
            "has 10,000×9,000 pixels, which take 1.1 GB of memory to decode, more than 1 GB: "
            "make it smaller",
        ),
        (
            claim(20_000, 16_000, progressive=True),
            "has 20,000×16,000 pixels, which take 1.3 GB of memory to decode, more than 1 GB: "
            "make it smaller",
        ),
    ):
        with pytest.raises(DataError) as caught:
            decode_image(file)
        assert str(caught.value) == text


def test_largest_photos_are_within_the_limits():
    """They are as large in the header alone: the decoders find too little data, not too much."""
    for is_progressive in (False, True):
        found = decode_image(claim(16_320, 12_240, progressive=is_progressive))
        assert found.size == (16_320, 12_240)
        assert found.image.size == (2_040, 1_530)
    with pytest.raises(OSError, match=r"truncated|broken"):
        decode_image(png(12_000, 9_000))


def test_first_of_several_frames_has_a_warning(tmp_path):
    for name, text in {
        "moving.gif": "only the first of 3 frames was read",
        "moving.png": "only the first of 3 frames was read",
        "moving.webp": "only the first of 3 frames was read",
        "scan.tif": "only the first of 3 pages was read",
    }.items():
        image = seven(200, 160)
        others = [Image.new("L", image.size, level) for level in (250, 20)]
        image.save(tmp_path / name, save_all=True, append_images=others)
        (digit,) = read_image(tmp_path / name)
        assert digit.warnings == (text,), name
        image.save(tmp_path / name)
        (still,) = read_image(tmp_path / name)
        assert still.warnings == (), name
        assert digit.box == still.box
    image.save(tmp_path / "hdr.jpg", "MPO", save_all=True, append_images=others)
    (photo,) = read_image(tmp_path / "hdr.jpg")
    assert photo.warnings == (), "the second image of a phone's JPEG is its brightness map"
