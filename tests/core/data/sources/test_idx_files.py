"""Find the files of MNIST where people keep them, here with a few bytes for each."""

import bz2
import gzip
import os

import pytest

from core.data.datasets import find_dataset, load_dataset
from core.data.sources import mnist
from core.data.sources.idx_files import LARGEST_FILE, read_file, unpack
from core.errors import DataError
from tests.support.fakes import loaded
from tests.support.idx_files import put, tiny_mnist

MNIST = find_dataset("mnist")


@pytest.fixture
def contents(monkeypatch, tmp_path) -> dict[str, bytes]:
    return tiny_mnist(monkeypatch, tmp_path / "cache")


def files_below(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def repacked(content: bytes) -> bytes:
    """Return a .gz as another packer makes it: two members, a name and a time."""
    return gzip.compress(content[:9], 1, mtime=77) + gzip.compress(content[9:], 9, mtime=78)


def dotted(name: str) -> str:
    return name.replace("-idx", ".idx")


@pytest.mark.parametrize("below", [".", "raw", "MNIST", "MNIST/raw"])
@pytest.mark.parametrize(
    ("spell", "pack"),
    [
        (str, bytes),
        (dotted, bytes),
        (lambda name: f"{name}.gz", repacked),
        (lambda name: f"{dotted(name)}.gz", repacked),
        (lambda name: f"{name}.gz", bytes),  # unpacked by a browser that kept the name
    ],
    ids=["dashed", "dotted", "gz", "dotted-gz", "gz-unpacked"],
)
def test_files_are_read_where_they_are(tmp_path, contents, below, spell, pack):
    root = tmp_path / "digits"
    put(root / below, contents, spell, pack)
    before = files_below(root)
    assert MNIST.is_complete(str(root))
    assert MNIST.missing(str(root)) is None
    assert MNIST.find_problem(str(root)) is None
    assert MNIST.find_folder(str(root)) == root / below
    tensors, _ = loaded(mnist.load_mnist(str(root)))
    assert tensors.train_images.shape == (4, 28, 28)
    assert tensors.test_labels.tolist() == list(contents["t10k-labels-idx1-ubyte"][8:])
    assert files_below(root) == before, "nothing is written"


def test_damaged_file_is_replaced_by_its_packed_one(tmp_path, contents):
    put(tmp_path / "MNIST" / "raw", contents, pack=lambda content: content[:-1])
    put(tmp_path, contents, lambda name: f"{name}.gz", gzip.compress)
    assert loaded(mnist.load_mnist(str(tmp_path)))[0].train_labels.tolist() == [0, 1, 2, 3]
    put(tmp_path, contents, lambda name: f"{name}.gz", lambda content: repacked(content)[:-3])
    assert not MNIST.is_complete(str(tmp_path)), "no cached answer for a changed file"


def test_missing_files_name_where_they_were_looked_for(tmp_path, contents):
    with pytest.raises(DataError) as caught:
        loaded(load_dataset("mnist", str(tmp_path)))
    assert str(caught.value).startswith(
        f"MNIST is not in {tmp_path} (looked for train-images-idx3-ubyte or "
        "train-images.idx3-ubyte, also .gz, there and in MNIST/raw, raw, MNIST), and the download "
    )
    del contents["t10k-labels-idx1-ubyte"]
    put(tmp_path, contents)
    with pytest.raises(DataError, match=f"{tmp_path}/t10k-labels-idx1-ubyte is missing, and the"):
        loaded(load_dataset("mnist", str(tmp_path)))


def test_other_datasets_files_are_not_replaced(tmp_path, contents, monkeypatch):
    """Fashion-MNIST has files of the same names."""
    monkeypatch.setattr("core.data.download.fetch_file", None)  # is not called
    root = tmp_path / "FashionMNIST"
    put(root / "raw", contents, pack=lambda content: content[::-1])
    for data in (root, root / "raw"):
        fault = (
            "is not the file of MNIST: it is damaged, or of another dataset, and is not replaced"
        )
        assert fault in MNIST.find_problem(str(data))
        with pytest.raises(DataError, match=fault):
            loaded(mnist.load_mnist(str(data)))


def test_hostile_files_are_not_unpacked_whole(tmp_path, contents):
    bomb = gzip.compress(bytes(2**20)) * 80  # 80 MB from 80 KB
    assert len(bomb) < 2**18
    put(tmp_path, contents, lambda name: f"{name}.gz", lambda content: bomb)
    assert not MNIST.is_complete(str(tmp_path))
    with pytest.raises(ValueError, match="too large"):
        unpack(bomb)
    with pytest.raises(ValueError, match="damaged"):
        unpack(bz2.compress(b"other"))
    os.truncate(tmp_path / "train-images-idx3-ubyte.gz", LARGEST_FILE + 1)
    with pytest.raises(ValueError, match="too large"):
        read_file(tmp_path / "train-images-idx3-ubyte.gz")
