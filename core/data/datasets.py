"""The datasets. To add one: a function that loads its four tensors, and an entry of DATASETS.

A loading function is a generator: it yields events that show its progress and returns the tensors.
torch is imported inside, so that listing the datasets does not load it.
"""

import string
from collections.abc import Callable, Generator
from functools import partial

from core.class_names import DIGITS
from core.data.dataset import Dataset, Loading, Tensors
from core.data.drawn import dataset as drawn
from core.data.drawn.dataset import DRAWN
from core.data.folder.source import find_folder_dataset, is_folder
from core.data.sources import emnist, idx_datasets, mnist, usps
from core.data.sources.file_set import FileSet, find_missing
from core.data.sources.provide import as_files
from core.data.sources.sample import load_sample, sample_missing
from core.errors import DataError
from core.events import Event, Notice

# What "auto" stands for: the first of these that is available.
AUTO = "mnist", "sample"
OR_SAMPLE = ", or use the dataset sample"


def _from_files(
    files: FileSet,
    load: Callable[[str | None], Loading],
    train_samples: int,
    description: str,
    class_names: tuple[str, ...] = DIGITS,
) -> Dataset:
    """Return a dataset of files that are found in a folder, or downloaded."""
    missing = partial(find_missing, files)
    return Dataset(
        description, missing, load, train_samples, class_names, files.title, as_files(files)
    )


DATASETS = {
    "mnist": _from_files(
        mnist.MNIST,
        mnist.load_mnist,
        60_000,
        "60,000 training and 10,000 test images of handwritten digits",
    ),
    "sample": Dataset(
        "4,000 training and 1,000 test images of MNIST",
        sample_missing,
        load_sample,
        train_samples=4000,
    ),
    "fashion": _from_files(
        idx_datasets.FASHION,
        idx_datasets.load_fashion,
        60_000,
        "60,000 training and 10,000 test images of clothing",
        idx_datasets.CLOTHES,
    ),
    "kmnist": _from_files(
        idx_datasets.KMNIST,
        idx_datasets.load_kmnist,
        60_000,
        "60,000 training and 10,000 test images of 10 hiragana characters",
        idx_datasets.KANA,
    ),
    "emnist-digits": _from_files(
        emnist.EMNIST_DIGITS,
        emnist.load_digits,
        240_000,
        "240,000 training and 40,000 test images of digits",
    ),
    "emnist-letters": _from_files(
        emnist.EMNIST_LETTERS,
        emnist.load_letters,
        124_800,
        "124,800 training and 20,800 test images of letters, A to Z",
        tuple(string.ascii_uppercase),
    ),
    "emnist-balanced": _from_files(
        emnist.EMNIST_BALANCED,
        emnist.load_balanced,
        112_800,
        "112,800 training and 18,800 test images of digits and letters",
        emnist.BALANCED_NAMES,
    ),
    "qmnist": _from_files(
        idx_datasets.QMNIST,
        idx_datasets.load_qmnist,
        60_000,
        "60,000 training and 60,000 test images: MNIST with more tests",
    ),
    "usps": _from_files(
        usps.USPS,
        usps.load_usps,
        7291,
        "7,291 training and 2,007 test images of digits on envelopes",
    ),
    # What it has changes while the program runs: `find_dataset` looks.
    DRAWN: Dataset(
        drawn.DESCRIPTION,
        drawn.find_missing,
        drawn.load_drawn,
        train_samples=0,
    ),
}


def find_dataset(name: str) -> Dataset:
    """Return the dataset of that name. Raises DataError where there is none."""
    if is_folder(name):
        return find_folder_dataset(name)
    if name not in DATASETS:
        here = ", ".join(DATASETS)
        raise DataError(f"there is no dataset {name!r}; the datasets are {here} and folder:DIR")
    return drawn.find_drawn_dataset() if name == DRAWN else DATASETS[name]


def is_dataset(value: object) -> bool:
    """Return whether a setting names a dataset: "auto", one of DATASETS or "folder:DIR"."""
    return value in ["auto", *DATASETS] or is_folder(value)


def resolve_auto(name: str) -> str:
    """Return the name of a dataset; of "auto" the first of AUTO."""
    return AUTO[0] if name == "auto" else name


def dataset_title(name: str) -> str:
    """Return what a dataset is called in a sentence: its title, else its name."""
    known = DATASETS.get(resolve_auto(name))
    return known.title if known and known.title else name


def add_hint(why: str, name: str, *, is_new: bool) -> str:
    """Return why a dataset is not available and what to do; only a new run can use another one."""
    hint = find_dataset(name).hint
    return "; ".join(filter(None, (why, hint + OR_SAMPLE * (is_new and name == AUTO[0]))))


def class_names_of(dataset: str) -> tuple[str, ...]:
    """Return the names of a dataset's classes. Raises DataError."""
    return find_dataset(resolve_auto(dataset)).class_names


def load_dataset(
    name: str, data: str | None, *, is_new: bool = True
) -> Generator[Event, None, tuple[str, Tensors]]:
    """Load a dataset and return its name and its tensors.

    For "auto" that is MNIST if available, else the sample, after a Notice with the reason. An old
    run, which is not new, can use no other dataset. Raises DataError.
    """
    wanted = resolve_auto(name)
    try:
        return wanted, (yield from find_dataset(wanted).load(data))
    except DataError as error:
        if name != "auto":
            raise DataError(add_hint(str(error), name, is_new=is_new)) from None
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
