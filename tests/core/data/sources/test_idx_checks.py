"""Files that are not what their names say: each is named, with what is wrong with it."""

import gzip
import os
import struct
from dataclasses import replace

import numpy
import pytest

from core.data.datasets import find_dataset, load_dataset
from core.data.local_datasets import load_local
from core.data.sources.idx_datasets import MNIST_TRAIN
from tests.support.dataset_files import (
    TABLES,
    TEST,
    TRAIN,
    idx,
    make_small,
    put_small,
    refusal,
    refuse_network,
)
from tests.support.fakes import loaded


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    refuse_network(monkeypatch, tmp_path)


TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = TABLES["fashion"]


def changed(content: bytes, at: int, byte: int) -> bytes:
    return content[:at] + bytes([byte]) + content[at + 1 :]


BAD = {
    "empty": (TRAIN_IMAGES, lambda small: b"", "is empty"),
    "cut": (
        TRAIN_IMAGES,
        lambda small: small[TRAIN_IMAGES][:-1],
        f"is truncated: it has {16 + TRAIN * 784 - 1:,} of {16 + TRAIN * 784:,} bytes",
    ),
    "cut-header": (TRAIN_IMAGES, lambda small: small[TRAIN_IMAGES][:9], "is truncated: its header"),
    "long": (
        TRAIN_LABELS,
        lambda small: small[TRAIN_LABELS] + b"1",
        "is damaged: it has more than",
    ),
    "page": (TRAIN_LABELS, lambda small: b"<html>", "is damaged: it is no IDX file"),
    "swapped": (
        TRAIN_IMAGES,
        lambda small: small[TEST_IMAGES],
        f"has {TEST} images, as the file of the other split, not {TRAIN}",
    ),
    "other-kind": (TRAIN_IMAGES, lambda small: small[TRAIN_LABELS], "it has labels, not images"),
    "other-kind-2": (TRAIN_LABELS, lambda small: small[TRAIN_IMAGES], "it has images, not labels"),
    "turned": (
        TRAIN_IMAGES,
        lambda small: (
            small[TRAIN_IMAGES][:4] + struct.pack(">3I", 28, 28, TRAIN) + small[TRAIN_IMAGES][16:]
        ),
        f"is transposed: it has 28×28×{TRAIN} values, not {TRAIN}×28×28",
    ),
    "label": (
        TEST_LABELS,
        lambda small: changed(small[TEST_LABELS], 8 + 5, 10),
        "has the label 10 (image 5): labels are 0 to 9",
    ),
    "bad-gz": (TRAIN_IMAGES, lambda small: b"\x1f\x8b" + b"rubbish" * 9, "it cannot be unpacked"),
    "cut-gz": (
        TRAIN_IMAGES,
        lambda small: gzip.compress(small[TRAIN_IMAGES])[:-20],
        "it cannot be unpacked",
    ),
}


@pytest.mark.parametrize(("file", "make", "said"), BAD.values(), ids=BAD)
def test_bad_file_is_named(monkeypatch, tmp_path, file, make, said):
    """In torchvision's folder, where it would be replaced, and in one of a person's own."""
    small = make_small(monkeypatch, "fashion")
    raw = put_small(tmp_path, small)
    (raw / file).write_bytes(make(small.files))
    for data, then in ((tmp_path, "and the download failed"), (tmp_path / "own", "not replaced")):
        message = refusal("fashion", data)
        assert f"/{file} " in message
        assert said in message
        assert then in message
        assert not find_dataset("fashion").is_complete(str(data))
        assert load_local("fashion", str(data)) is None
        raw.rename(tmp_path / "own") if data == tmp_path else None


def test_damaged_pixels_of_a_packed_file_are_found(monkeypatch, tmp_path):
    """Only reading all of it shows that."""
    small = make_small(monkeypatch, "fashion")
    raw = put_small(tmp_path, small)
    packed = bytearray(gzip.compress(small.files[TRAIN_IMAGES], compresslevel=0))
    packed[5000] ^= 1
    (raw / TRAIN_IMAGES).unlink()
    (raw / f"{TRAIN_IMAGES}.gz").write_bytes(packed)
    said = refusal("fashion", tmp_path)
    assert f"{raw / TRAIN_IMAGES}.gz is damaged: delete it, and it is downloaded again" in said


def test_letters_begin_at_1(monkeypatch, tmp_path):
    small = make_small(monkeypatch, "emnist-letters")
    raw = put_small(tmp_path, small)
    file = list(small.files)[1]
    (raw / file).write_bytes(changed(small.files[file], 8 + 3, 0))
    assert "has the label 0 (image 3): labels are 1 to 26" in refusal("emnist-letters", tmp_path)


def test_swapped_splits_of_qmnist_are_found(monkeypatch, tmp_path):
    """Both splits have as many images."""
    small = make_small(monkeypatch, "qmnist")
    files, table = list(small.files), TABLES["qmnist"]
    numbers = numpy.zeros((TEST, 8), numpy.int32)
    numbers[:10, 0] = MNIST_TRAIN
    raw = put_small(tmp_path, small)
    (raw / files[3]).write_bytes(idx(numbers))
    assert "it has the labels of the other split" in refusal("qmnist", tmp_path)
    monkeypatch.setitem(table, files[3], replace(table[files[3]], not_first=()))
    (raw / files[3]).write_bytes(idx(numbers) + b"")
    os.utime(raw / files[3], (1, 1))
    assert loaded(load_dataset("qmnist", str(tmp_path)))[0][1].test_labels[0] == 5
