"""Datasets that are downloaded, each as small files in its exact layout on a server."""

import bz2
import gzip
import hashlib
import os
import shutil
from dataclasses import replace

import numpy
import pytest
import torch

from core.class_names import find_names_problem
from core.data import datasets
from core.data.datasets import DATASETS, find_dataset, load_dataset
from core.data.sources import remotes, usps
from core.data.sources.mnist import MNIST_FILES
from core.errors import DataError
from core.events import Notice
from tests.support.dataset_files import (
    NAMES,
    TABLES,
    Small,
    make_small,
    put_small,
    refusal,
    refuse_network,
)
from tests.support.fakes import loaded
from tests.support.web import serve

IDX = tuple(TABLES)


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    refuse_network(monkeypatch, tmp_path)


def is_equal(tensors: datasets.Tensors, small: Small) -> bool:
    assert [each.dtype for each in tensors] == [torch.uint8, torch.int64] * 2
    pairs = zip(tensors, small.tensors, strict=True)
    return all(numpy.array_equal(each.numpy(), wanted) for each, wanted in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_dataset_is_downloaded_and_loaded(name, monkeypatch, tmp_path):
    small, dataset = make_small(monkeypatch, name), find_dataset(name)
    folder = tmp_path / "cache" / "mnist-tui" / small.folder
    assert dataset.find_folder(None) == folder
    assert "downloaded on first use" in (dataset.missing(None) or "")
    assert not dataset.is_complete(None)
    assert "does not respond" in (dataset.find_problem(None) or "")
    with serve({f"/{path}": each for path, each in small.web.items()}) as site:
        monkeypatch.setenv("MNIST_TUI_MIRROR", site.address)
        assert dataset.find_problem(None) is None
        assert not folder.exists()
        (found, tensors), events = loaded(load_dataset(name, None))
        notices = [each.message for each in events if isinstance(each, Notice)]
        assert len(notices) == 1
        assert f"downloading {dataset.title} to {folder} (" in notices[0]
        assert [path for path, _ in site.asked[-len(small.web) :]] == [f"/{a}" for a in small.web]
        asked = len(site.asked)
        (_, again), _ = loaded(load_dataset(name, None))
        assert len(site.asked) == asked, "nothing is downloaded twice"
    assert found == name
    assert again is tensors, "read once"
    assert is_equal(tensors, small)
    assert dataset.is_complete(None)
    assert dataset.missing(None) is None
    assert not [each for each in os.listdir(folder) if each.startswith(".") or "zip" in each]


@pytest.mark.parametrize("name", NAMES)
def test_torchvision_reads_the_same(name, monkeypatch, tmp_path):
    """Of a root folder in which torchvision has put the files: its readers know the layout."""
    from torchvision import datasets as theirs

    small = make_small(monkeypatch, name, seed=1)
    folder = put_small(tmp_path, small)
    (_, tensors), _ = loaded(load_dataset(name, str(tmp_path)))
    assert is_equal(tensors, small)
    for is_train, images, labels in ((True, *tensors[:2]), (False, *tensors[2:])):
        if name == "usps":
            read = theirs.USPS(str(folder), train=is_train)
            assert numpy.array_equal(read.data[:, 0, 0], images[:, 14, 14])
            assert list(read.targets) == labels.tolist()
            continue
        if name.startswith("emnist"):
            read = theirs.EMNIST(str(tmp_path), name.partition("-")[2], train=is_train)
            stored, first = read.data.transpose(1, 2), int(name == "emnist-letters")
        else:
            kind = {"fashion": theirs.FashionMNIST, "kmnist": theirs.KMNIST}.get(name)
            read = (kind or theirs.QMNIST)(str(tmp_path), train=is_train)
            stored, first = read.data, 0
        targets = read.targets[:, 0] if name == "qmnist" else read.targets - first
        assert torch.equal(images, stored)
        assert torch.equal(labels, targets)


def test_tables_of_torchvision_name_the_files(monkeypatch):
    """Each file that a dataset needs is in them, with an MD5."""
    monkeypatch.delenv("MNIST_TUI_MIRROR")
    for name in NAMES:
        files = find_dataset(name).files
        assert files
        file_set = files.find_folder.args[0]
        found = remotes.list_remotes(file_set.name, file_set.files, file_set.packed)
        assert {file_set.remote(each) for each in file_set.files} == set(found)
        for each in found.values():
            assert len(each.md5 or "") == 32
            assert all(url.startswith("http") and url.endswith(each.name) for url in each.urls)
    monkeypatch.setattr("torchvision.datasets.KMNIST", object())
    with pytest.raises(DataError, match="torchvision does not say where KMNIST is"):
        remotes.list_remotes("KMNIST", (), 1)


def test_registry_fits_the_files():
    for name in NAMES:
        dataset = DATASETS[name]
        assert find_names_problem(dataset.class_names) is None
        assert f"{dataset.train_samples:,} " in dataset.description
        if name != "usps":
            images, labels, *_ = TABLES[name].values()
            assert images.sizes == (dataset.train_samples, 28, 28)
            assert labels.highest - labels.lowest + 1 == len(dataset.class_names)
    assert len(DATASETS["emnist-balanced"].class_names) == 47
    assert usps.USPS_FILES["usps.bz2"] == DATASETS["usps"].train_samples


@pytest.mark.parametrize("name", NAMES)
def test_files_are_read_where_they_are(name, monkeypatch, tmp_path):
    """In the folder itself, and packed or not, whatever packed them."""
    small, dataset = make_small(monkeypatch, name), find_dataset(name)
    for file, content in small.files.items():
        if name == "usps":
            (tmp_path / file.removesuffix(".bz2")).write_bytes(bz2.decompress(content))
        else:
            half = len(content) // 2
            packed = gzip.compress(content[:half]) + gzip.compress(content[half:])
            (tmp_path / f"{file}.gz").write_bytes(packed)
    before = sorted(os.listdir(tmp_path))
    assert dataset.find_fault(str(tmp_path)) is None
    assert is_equal(loaded(load_dataset(name, str(tmp_path)))[0][1], small)
    assert sorted(os.listdir(tmp_path)) == before, "nothing is written"


LABELS = "train-labels-idx1-ubyte"


def test_files_of_another_dataset_are_refused(monkeypatch, tmp_path):
    """Fashion-MNIST, KMNIST and MNIST have files of the same names and sizes."""
    small = make_small(monkeypatch, "fashion")
    other = put_small(tmp_path, replace(small, folder="KMNIST/raw"))
    for data in (other, other.parent):
        assert f"the folder {data} is that of KMNIST" in refusal("fashion", data)
    own = put_small(tmp_path, replace(small, folder="own"))
    assert find_dataset("fashion").is_complete(str(own))
    labels = hashlib.sha256(small.files[LABELS]).hexdigest()
    monkeypatch.setitem(MNIST_FILES, LABELS, labels)
    os.utime(own / LABELS, (2, 2))
    assert f"{own / LABELS} is that of MNIST" in refusal("fashion", own)


def test_archive_of_emnist_serves_three_datasets(monkeypatch, tmp_path):
    """One that a person has put there is used, and kept; without one of its files it is damaged."""
    small = make_small(monkeypatch, "emnist-digits")
    raw = tmp_path / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "gzip.zip").write_bytes(small.web["EMNIST/gzip.zip"])
    (_, tensors), events = loaded(load_dataset("emnist-digits", str(tmp_path)))
    assert is_equal(tensors, small)
    assert not [each for each in events if isinstance(each, Notice)]
    assert (raw / "gzip.zip").exists()
    kept = {f"{each}.gz" for name in IDX if name.startswith("emnist") for each in TABLES[name]}
    assert set(os.listdir(raw)) == kept | {"gzip.zip"}
    assert len(kept) == 12
    for each in kept:
        (raw / each).unlink()
    (raw / "gzip.zip").write_bytes(b"PK damaged")
    assert "does not respond" in refusal("emnist-digits", tmp_path)
    bad = {"/EMNIST/gzip.zip": b"PK damaged"}
    with serve(bad) as site:
        monkeypatch.setenv("MNIST_TUI_MIRROR", site.address)
        assert f"the file from {site.address}/EMNIST/ is damaged" in refusal(
            "emnist-digits", tmp_path
        )
    assert os.listdir(raw) == ["gzip.zip"]


def test_too_little_disk_space_is_said_before_a_download(monkeypatch, tmp_path):
    make_small(monkeypatch, "emnist-letters")
    few = shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: few)
    said = refusal("emnist-letters", tmp_path)
    assert f"EMNIST letters needs 712 MB, and 100 MB are free in {tmp_path}/EMNIST/raw" in said
    assert "respond" not in said
    assert "needs 712 MB" in (find_dataset("emnist-letters").find_problem(str(tmp_path)) or "")
