"""Small files of every downloaded dataset, each in the exact layout of the real ones."""

import bz2
import gzip
import hashlib
import io
import struct
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy
import pytest

from core.data.datasets import load_dataset
from core.data.sources import emnist, idx_datasets, remotes, usps
from core.data.sources.idx_checks import INTEGERS
from core.errors import DataError
from tests.support.fakes import loaded

TRAIN, TEST = 30, 12
TABLES = {
    "fashion": idx_datasets.FASHION_FILES,
    "kmnist": idx_datasets.KMNIST_FILES,
    "qmnist": idx_datasets.QMNIST_FILES,
    "emnist-digits": emnist.DIGITS_FILES,
    "emnist-letters": emnist.LETTERS_FILES,
    "emnist-balanced": emnist.BALANCED_FILES,
}
FOLDERS = {"fashion": "FashionMNIST", "kmnist": "KMNIST", "qmnist": "QMNIST", "usps": "USPS"}
NAMES = (*TABLES, "usps")


@dataclass
class Small:
    """A dataset of a few images: its files as they are unpacked, those on a server by their paths
    there, its folder below a root, and the tensors that loading them must give."""

    files: dict[str, bytes]
    web: dict[str, bytes]
    folder: str
    tensors: tuple[numpy.ndarray, ...]


def idx(values: numpy.ndarray) -> bytes:
    """Return an IDX file with these values, bytes or integers."""
    kind = 8 if values.dtype == numpy.uint8 else INTEGERS
    head = bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()


def make_small(monkeypatch, name: str, seed: int = 0) -> Small:
    """Make few images those of a dataset, until the test ends."""
    found = _make_usps(monkeypatch, seed) if name == "usps" else _make_idx(monkeypatch, name, seed)
    table = [
        ((f"http://127.0.0.1:9/{path}",), hashlib.md5(content).hexdigest())
        for path, content in found.web.items()
    ]
    monkeypatch.setattr(remotes, "read_table", lambda asked: table)
    return found


def _make_idx(monkeypatch, name: str, seed: int) -> Small:
    table, random = TABLES[name], numpy.random.default_rng(seed)
    files, tensors = {}, []
    for each, count in zip(list(table), (TRAIN, TRAIN, TEST, TEST), strict=True):
        wanted = table[each]
        if wanted.is_images:
            values = random.integers(0, 256, (count, 28, 28), numpy.uint8)
            tensors.append(values.transpose(0, 2, 1) if name.startswith("emnist") else values)
        else:
            classes = wanted.highest - wanted.lowest + 1
            labels = (numpy.arange(count) + count) % classes
            tensors.append(labels)
            values = (labels + wanted.lowest).astype(numpy.uint8)
            if wanted.type == INTEGERS:
                rest = random.integers(0, 2**20, (count, 7))
                values = numpy.hstack((labels[:, None], rest)).astype(numpy.int32)
        files[each] = idx(values)
        small = replace(wanted, sizes=(count, *wanted.sizes[1:]), other=TRAIN + TEST - count)
        monkeypatch.setitem(table, each, small)
    if name.startswith("emnist"):
        return Small(files, {"EMNIST/gzip.zip": _zip(files)}, "EMNIST/raw", tuple(tensors))
    web = {f"{FOLDERS[name]}/{each}.gz": gzip.compress(files[each]) for each in files}
    return Small(files, web, f"{FOLDERS[name]}/raw", tuple(tensors))


def _zip(files: dict[str, bytes]) -> bytes:
    """Return EMNIST's archive: of the other splits only that there is something."""
    target = io.BytesIO()
    splits = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("gzip/emnist-balanced-mapping.txt", "0 48\n")
        for each in (name for split in splits for name in emnist.make_names(split)):
            archive.writestr(f"gzip/{each}.gz", gzip.compress(files.get(each, b"of another")))
    return target.getvalue()


def usps_text(values: numpy.ndarray, labels: numpy.ndarray) -> bytes:
    """Return images (N, 256) and labels 1 to 10 as the lines of a file, unpacked."""
    rows = zip(values, labels, strict=True)
    return b"".join(
        (
            f"{label} " + " ".join(f"{i}:{each:.6g}" for i, each in enumerate(row, 1)) + " \n"
        ).encode()
        for row, label in rows
    )


def _make_usps(monkeypatch, seed: int) -> Small:
    random, files, tensors = numpy.random.default_rng(seed), {}, []
    for name, count in zip(list(usps.USPS_FILES), (TRAIN, TEST), strict=True):
        monkeypatch.setitem(usps.USPS_FILES, name, count)
        greys = random.integers(0, 256, (count, 1, 1)) * numpy.ones((1, 16, 16))
        labels = numpy.arange(count) % 10
        # A middle value of each grey, which rounding down restores.
        values = ((greys + 0.5) / 255 * 2 - 1).clip(-1, 1).reshape(count, 256)
        files[name] = bz2.compress(usps_text(values, labels + 1))
        tensors += [
            numpy.broadcast_to(greys[:, :1, :1], (count, 28, 28)).astype(numpy.uint8),
            labels,
        ]
    return Small(files, {f"USPS/{each}": files[each] for each in files}, "USPS", tuple(tensors))


def put_small(root: Path, small: Small) -> Path:
    """Write the files to where torchvision keeps them, and return their folder."""
    folder = root / small.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in small.files.items():
        (folder / name).write_bytes(content)
    return folder


def refuse_network(monkeypatch, tmp_path) -> None:
    """Use no server but this machine, and an empty cache folder."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def refusal(name: str, data: object) -> str:
    """Return the one line with which loading a dataset fails."""
    with pytest.raises(DataError) as caught:
        loaded(load_dataset(name, str(data)))
    assert "\n" not in str(caught.value)
    return str(caught.value)
