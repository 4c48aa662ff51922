"""USPS: text of 16×16 pixels."""

import bz2
import re

import numpy
import pytest

from core.data.datasets import load_dataset
from tests.support.dataset_files import (
    TEST,
    TRAIN,
    make_small,
    put_small,
    refusal,
    refuse_network,
    usps_text,
)
from tests.support.fakes import loaded


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    refuse_network(monkeypatch, tmp_path)


def test_usps_is_scaled_upright(monkeypatch, tmp_path):
    """Pixels are numbered row by row, and each quarter keeps its grey."""
    put_small(tmp_path, make_small(monkeypatch, "usps"))
    picture = numpy.full((16, 16), -1.0)
    picture[:8, 8:], picture[8:, :8] = 0.0, 1.0
    values = numpy.broadcast_to(picture.reshape(1, 256), (TEST, 256))
    text = usps_text(values, numpy.arange(TEST) % 10 + 1)
    (tmp_path / "USPS" / "usps.t.bz2").write_bytes(bz2.compress(text))
    image = loaded(load_dataset("usps", str(tmp_path)))[0][1].test_images[0]
    assert image.shape == (28, 28)
    corners = [image[row, column].item() for row in (2, 25) for column in (2, 25)]
    assert corners == [0, 127, 255, 0]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda packed: packed[:-9], "is truncated: it cannot be unpacked to its end"),
        (lambda packed: b"BZh9rubbish", "is damaged: it cannot be unpacked"),
        (lambda packed: b"", "is empty"),
        (lambda packed: b"1 1:0.5 2:1\n", "is not the text of images of 256 pixels"),
        (lambda packed: bz2.decompress(packed).replace(b"7:", b"8:"), "not numbered 1 to 256"),
        (lambda packed: re.sub(rb" 9:\S+", b" 9:1.5", bz2.decompress(packed)), "not -1 to 1"),
        (lambda packed: b"11" + bz2.decompress(packed)[1:], "label 11 (image 0): labels are 1 to"),
        (lambda packed: bz2.decompress(packed) * 2, f"it has {2 * TRAIN} images, not {TRAIN}"),
    ],
    ids=["cut", "rubbish", "empty", "short", "places", "values", "label", "count"],
)
def test_bad_text_of_usps_is_named(monkeypatch, tmp_path, harm, said):
    small = make_small(monkeypatch, "usps")
    folder = put_small(tmp_path, small)
    (folder / "usps.bz2").write_bytes(harm(small.files["usps.bz2"]))
    assert said in refusal("usps", tmp_path)


def test_swapped_files_of_usps_are_named(monkeypatch, tmp_path):
    small = make_small(monkeypatch, "usps")
    folder = put_small(tmp_path, small)
    (folder / "usps.bz2").write_bytes(small.files["usps.t.bz2"])
    said = f"it has {TEST} images, as the file of the other split, not {TRAIN}"
    assert said in refusal("usps", tmp_path)
