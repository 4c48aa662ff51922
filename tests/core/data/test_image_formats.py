"""Read HEIC and AVIF, and name what is left out of a folder."""

import io
import sys

import numpy
import pytest
from PIL import Image, ImageDraw, features

from core.data import image_formats
from core.data.images import find_images, read_image
from core.errors import DataError

VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(40)
needs_avif = pytest.mark.skipif(
    not image_formats.can_read("AVIF"), reason="this Pillow has no AVIF"
)


def seven() -> Image.Image:
    """Return a 7, dark on light, that no turn and no mirroring maps to itself."""
    image = Image.new("RGB", (160, 120), (240, 236, 225))
    lines = [(45, 25), (110, 25), (70, 100)]
    ImageDraw.Draw(image).line(lines, fill=(20, 25, 60), width=11, joint="curve")
    return image


def encoded(format: str, turn: int | None = None) -> bytes:
    """Return the 7 in that format; with a turn, stored as a camera in that orientation does."""
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    image, options = seven(), {}
    if turn:
        exif = Image.Exif()
        exif[274] = turn
        options["exif"] = exif.tobytes()
        back = {6: Image.Transpose.ROTATE_90, 5: Image.Transpose.TRANSPOSE}
        image = image.transpose(back[turn])
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def pixels(path) -> numpy.ndarray:
    return numpy.frombuffer(read_image(path)[0].pixels, dtype=numpy.uint8).astype(float)


@pytest.mark.parametrize("format", ["HEIF", pytest.param("AVIF", marks=needs_avif)])
def test_phone_formats_are_read_upright(tmp_path, format):
    """By content, whatever the suffix; a turn is applied once, where the file has it twice too:
    in the item's properties and in EXIF."""
    seven().save(tmp_path / "plain.png")
    want = pixels(tmp_path / "plain.png")
    for turn in (None, 6, 5):
        (tmp_path / "IMG_0042.jpg").write_bytes(encoded(format, turn))
        assert abs(pixels(tmp_path / "IMG_0042.jpg") - want).mean() < 4, turn
    content = encoded(format, 6)
    assert b"irot" in content
    assert (b"Exif" in content) or format == "AVIF"
    (tmp_path / "cut.heic").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(DataError, match=r"cut\.heic: is damaged"):
        read_image(tmp_path / "cut.heic")


def test_ten_bit_heic_is_read(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    deep = numpy.asarray(seven()).astype(numpy.uint16) * 257
    image = pillow_heif.from_bytes("RGB;16", (160, 120), deep.tobytes())
    image.save(tmp_path / "deep.heic")
    bits = pillow_heif.open_heif(tmp_path / "deep.heic", convert_hdr_to_8bit=False).info
    assert bits["bit_depth"] == 10
    seven().save(tmp_path / "plain.png")
    assert abs(pixels(tmp_path / "deep.heic") - pixels(tmp_path / "plain.png")).mean() < 4


@pytest.fixture
def activated(monkeypatch):
    """The environment of the program is that of the shell."""
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)


def test_missing_decoder_names_format_and_command(tmp_path, monkeypatch, activated):
    monkeypatch.setattr(image_formats, "find_spec", lambda name: None)
    monkeypatch.setattr(features, "modules", {})
    brands = {"HEIC": b"heicmif1", "AVIF": b"mif1miafavif"}
    reasons = {
        "HEIC": "is a HEIC image, which needs the package pillow-heif (extra photos): "
        "pip install pillow-heif",
        "AVIF": "is an AVIF image, which needs Pillow 11.3 or newer, with AVIF: "
        "pip install --upgrade pillow",
    }
    for name, found in brands.items():
        head = b"ftyp" + found[:4] + bytes(4) + found[4:]
        (tmp_path / "7.jpg").write_bytes((4 + len(head)).to_bytes(4, "big") + head + bytes(99))
        with pytest.raises(DataError) as caught:
            read_image(tmp_path / "7.jpg")
        assert str(caught.value) == f"{tmp_path / '7.jpg'}: {reasons[name]}"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (VIDEO, "a video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera raw file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\xff\x0a..", "a JPEG XL image"),
    ],
)
def test_other_contents_are_named(tmp_path, content, kind):
    (tmp_path / "7.png").write_bytes(content)
    with pytest.raises(DataError, match=f"is {kind}, not an image that can be read"):
        read_image(tmp_path / "7.png")


def test_folder_counts_what_is_left_out(tmp_path, monkeypatch, activated):
    names = ["7/a.png", "a.HEIC", "7/b.heic", "c.heif", "d.avif", "7/e.MOV", "f.mp4", "g.CR2"]
    names += ["notes.txt", ".hidden.heic", "7/deep/h.png", "none", "i.jfif"]
    for name in names:
        path = tmp_path / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    folder, lines = tmp_path / "all", []

    def found() -> list[str]:
        lines.clear()
        return [path.name for path in find_images([folder], lines.append)]

    can_read = dict.fromkeys(("HEIC", "AVIF"), True)
    monkeypatch.setattr(image_formats, "can_read", can_read.__getitem__)
    assert found() == ["a.png", "b.heic", "a.HEIC", "c.heif", "d.avif", "i.jfif"]
    left = "1 camera raw, 2 videos, 2 other files, 1 deeper folder"
    assert lines == [f"{folder}: left out {left}"]
    can_read["HEIC"] = False
    assert found() == ["a.png", "d.avif", "i.jfif"]
    assert lines == [f"{folder}: left out 3 HEIC (pip install pillow-heif), {left}"]
    folder = tmp_path / "all" / "7"
    (folder / "a.png").unlink()
    (folder / "deep" / "h.png").rename(tmp_path / "h.png")
    (folder / "deep").rmdir()
    with pytest.raises(DataError) as caught:
        found()
    left = "left out 1 HEIC (pip install pillow-heif), 1 video"
    assert str(caught.value) == f"{folder}: contains no image files; {left}"
