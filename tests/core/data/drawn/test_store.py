"""Keep drawings as files: by several programs at once, and beside what others have put there."""

import errno
import os
import subprocess
import sys
import zlib
from collections import Counter

import pytest
from PIL import Image

from core.data.drawn import store
from core.data.drawn.images import LARGEST, encode_drawing
from core.data.drawn.listing import list_drawings
from core.data.drawn.store import delete_drawing, drawings_folder, keep_drawing, restore_drawing
from core.data.folder.source import find_folder_dataset
from core.errors import DataError
from tests.support.fakes import loaded

KEEP = """
import sys
from core.data.drawn.store import keep_drawing
sys.stdin.readline()
for number in range(40):
    pixels = bytes([int(sys.argv[1]), number + 1] + [200] * 782)
    keep_drawing(pixels, str(number % 2))
"""


def pixels(number=1):
    """Return a drawing that differs from those of other numbers."""
    return bytes([255] * 40 + [number % 256, number // 256] + [0] * 742)


def kept():
    return [(each.path, each.pixels) for each in list_drawings().drawings]


def test_kept_drawing_is_a_png_of_its_pixels():
    found = keep_drawing(pixels(), "7")
    assert (found.path, found.label, found.number) == ("7/000001.png", "7", 1)
    with Image.open(drawings_folder() / found.path) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (28, 28))
        assert image.tobytes() == pixels()
    assert list_drawings().drawings == (found,)


def test_numbers_rise_over_all_labels():
    paths = [keep_drawing(pixels(number), label).path for number, label in enumerate("7T7")]
    assert paths == ["7/000001.png", "T/000002.png", "7/000003.png"]
    assert [each.number for each in list_drawings().drawings] == [1, 3, 2]


def test_drawings_are_a_folder_of_images_too(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(10):
        keep_drawing(pixels(number), "T-shirt/top" if number % 2 else "7")
    dataset = find_folder_dataset(f"folder:{drawings_folder()}")
    assert dataset.class_names == ("7", "T-shirt%2Ftop")
    tensors, _events = loaded(dataset.load(None))
    assert len(tensors.train_images) == 8
    assert tensors.train_images[0].numpy().tobytes() == pixels(0), "to the pixel"


def test_two_programs_at_once_lose_nothing():
    command = [sys.executable, "-c", KEEP]
    both = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, text=True)
        for number in (1, 2)
    ]
    for each in both:  # both are waiting by now, or start within the 40 drawings of the other
        each.stdin.write("\n")
        each.stdin.flush()
    for each in both:
        each.communicate(timeout=60)
        assert each.returncode == 0
    listed = list_drawings()
    assert len({each.pixels for each in listed.drawings}) == 80
    assert Counter(each.label for each in listed.drawings) == {"0": 40, "1": 40}
    assert len({each.path for each in listed.drawings}) == 80
    for program in (1, 2):  # each one's drawings of a label are in its order
        for label in "01":
            mine = [each for each in listed.drawings if each.label == label]
            order = [each.pixels[1] for each in mine if each.pixels[0] == program]
            assert order == sorted(order)
    assert not list(drawings_folder().rglob("*.partial"))


def test_file_system_without_hard_links_overwrites_nothing(monkeypatch):
    def refuse(*names):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(store, "_highest_number", lambda root: 0)  # the other program is first
    paths = [keep_drawing(pixels(number), "7").path for number in range(3)]
    assert paths == ["7/000001.png", "7/000002.png", "7/000003.png"]
    assert [each for _, each in kept()] == [pixels(0), pixels(1), pixels(2)]


def test_deleted_drawing_is_restored_in_its_place():
    drawings = [keep_drawing(pixels(number), "7") for number in range(3)]
    delete_drawing(drawings[2])
    delete_drawing(drawings[0])
    keep_drawing(pixels(9), "7")
    assert restore_drawing(drawings[0]) == drawings[0]
    again = restore_drawing(drawings[2])
    assert again.path == "7/000004.png", "another drawing has its number by now"
    assert [each for _, each in kept()] == [pixels(0), pixels(1), pixels(9), pixels(2)]
    delete_drawing(again)
    delete_drawing(again)  # by another program before
    assert len(kept()) == 3


def test_long_labels_are_kept_apart():
    labels = ["お" * 99 + end for end in "ab"]
    for number, label in enumerate(labels):
        keep_drawing(pixels(number), label)
        keep_drawing(pixels(number + 10), label)
    listed = list_drawings()
    assert Counter(each.label for each in listed.drawings) == dict.fromkeys(labels, 2)
    assert not listed.left_out


def test_what_is_no_drawing_is_left_out_and_named(tmp_path):
    keep_drawing(pixels(), "7")
    root = drawings_folder()
    folder, outside = root / "7", tmp_path / "outside.png"
    outside.write_bytes(encode_drawing(pixels(5)))
    Image.new("L", (28, 28), 0).save(folder / "black.png")
    Image.new("L", (29, 28), 9).save(folder / "wide.png")
    Image.new("RGB", (28, 28), "red").save(folder / "red.png")
    (folder / "long.png").write_bytes(encode_drawing(pixels()) + bytes(LARGEST))
    (folder / "empty.png").touch()
    (folder / "cut.png").write_bytes(encode_drawing(pixels())[:60])
    (folder / "notes.txt").write_text("no drawing")
    (folder / "dir.png").mkdir()
    (folder / "link.png").symlink_to(outside)
    (root / "8").symlink_to(folder)
    (root / "stray.png").write_bytes(encode_drawing(pixels()))
    os.mkfifo(folder / "pipe.png")
    (root / "%FF").mkdir()
    (root / "%FF" / "1.png").write_bytes(encode_drawing(pixels()))
    (folder / "anna.png").write_bytes(encode_drawing(pixels(3)))
    listed = list_drawings()
    assert [each.path for each in listed.drawings] == ["7/anna.png", "7/000001.png"]
    why = dict(listed.left_out)
    assert len(why) == 13
    assert (why["7/empty.png"], why["7/black.png"]) == ("is empty", "has no ink")
    assert why["7/long.png"] == "is too large for a drawing"
    assert (why["7/link.png"], why["8"], why["7/dir.png"]) == (
        *["is a link"] * 2,
        "is a folder",
    )
    assert listed.report.startswith("left out 13 files that are no drawings in ")
    assert f"{root} (such as %FF" in listed.report
    assert "\n" not in listed.report


def test_png_of_very_many_pixels_is_not_decoded():
    """A file of less than LARGEST bytes that would take 400 MB."""
    keep_drawing(pixels(), "7")
    path = drawings_folder() / "7" / "bomb.png"
    whole = encode_drawing(pixels())
    header = bytearray(whole[16:29])
    header[:8] = (60_000).to_bytes(4, "big") * 2
    crc = zlib.crc32(b"IHDR" + header).to_bytes(4, "big")
    path.write_bytes(whole[:16] + bytes(header) + crc + whole[33:])
    (left_out,) = list_drawings().left_out
    assert left_out[0] == "7/bomb.png"


def test_folder_of_another_kind_is_refused_in_one_line(tmp_path):
    root = drawings_folder()
    root.mkdir(parents=True)
    (root / "7").touch()
    (tmp_path / "elsewhere").mkdir()
    (root / "8").symlink_to(tmp_path / "elsewhere")
    for label, why in (("7", "File exists"), ("8", "8 is a link, and links are not followed here")):
        with pytest.raises(DataError) as caught:
            keep_drawing(pixels(), label)
        assert str(caught.value) == f"the drawing cannot be kept in {root} ({why})"
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_full_or_read_only_disk_is_reported_and_loses_nothing(monkeypatch, code):
    keep_drawing(pixels(), "7")

    def fail(number):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError) as caught:
        keep_drawing(pixels(2), "7")
    folder = drawings_folder()
    assert str(caught.value) == f"the drawing cannot be kept in {folder} ({os.strerror(code)})"
    assert [path.name for path in (folder / "7").iterdir()] == ["000001.png"]


def test_empty_canvas_and_labels_are_not_kept():
    for image, label in ((bytes(784), "7"), (b"", "7"), (pixels(), ""), (pixels(), "x" * 101)):
        with pytest.raises(DataError):
            keep_drawing(image, label)
    assert not drawings_folder().exists()
    assert list_drawings().drawings == ()
