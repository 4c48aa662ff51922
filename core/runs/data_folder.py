"""The folder that a run's digits were read from, and what to report where it has gone."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

from core.data import datasets
from core.errors import DataError, UsageError, printable
from core.events import Event, Notice
from core.user import expand

# What to do where the digits of a run cannot be had: its dataset cannot be changed.
HINT = "pass the folder of MNIST as --data"


def choose_stored_data(dataset: str, data: str | None) -> dict[str, str]:
    """Return the dataset to store for imported weights, to evaluate them on, and its folder.

    For "auto" that is MNIST if it is on this machine, else the sample where that is. Raises
    DataError for a folder `data` that has not all of MNIST.
    """
    if dataset not in ("auto", "mnist"):
        return {"dataset": dataset}
    if data:
        if problem := _find_folder_problem(data):
            raise DataError(f"--data {printable(data)} {problem}")
        faults = (datasets.find_fault(each, data) for each in datasets.MNIST_FILES)
        if fault := next(filter(None, faults), None):
            raise DataError(f"--data: {fault}")
        return {"dataset": "mnist", "data": os.path.abspath(expand(data))}
    has_mnist = dataset == "mnist" or datasets.is_mnist_complete(None)
    return {"dataset": "mnist" if has_mnist or datasets.sample_missing(None) else "sample"}


def _find_folder_problem(folder: str) -> str | None:
    """Return why there is no such folder; the text continues its name. Raises UsageError."""
    path = expand(folder)
    if not os.path.lexists(path):
        return "does not exist"
    return None if os.path.isdir(path) else "is not a folder"


def digits_folder(stored: dict[str, Any]) -> str | None:
    """Return the data folder of a run if the digits are still complete there. Nothing is
    downloaded to a folder that only a file names."""
    folder = stored.get("data")
    is_here = isinstance(folder, str) and folder and datasets.is_mnist_complete(folder)
    return folder if is_here else None


def describe_lost(dataset: str, stored: dict[str, Any], data: str | None) -> str | None:
    """Return that the data folder in a run's config no longer has its digits.

    None where it has them, where `data` is used instead, and where the run needed no folder.
    """
    folder = stored.get("data")
    if data or dataset not in ("auto", "mnist") or not isinstance(folder, str) or not folder:
        return None
    if digits_folder(stored):
        return None
    try:
        what = _find_folder_problem(folder) or "no longer has the files of MNIST"
    except UsageError:
        what = "does not exist"
    return f"the run's data folder {printable(folder)} {what}"


def check_folder(dataset: str, data: str | None) -> None:
    """Raise DataError where a data folder is given that does not exist: a mistyped name would be
    created, and MNIST downloaded to it. Only a new run does that."""
    if not data or dataset not in ("auto", "mnist"):
        return
    if problem := _find_folder_problem(data):
        raise DataError(
            f"the data folder {printable(data)} {problem}: {HINT}, or no --data to use the "
            "cache folder; `mnist-tui train --data DIR` downloads MNIST to DIR"
        )


def load_run_data(
    dataset: str, stored: dict[str, Any], data: str | None
) -> Generator[Event, None, tuple[str, datasets.Tensors]]:
    """Load the dataset of a run as `load_dataset` does: from the folder `data`, by default from
    the one in the run's config, else from the user's cache folder.

    Raises DataError, which names the run's folder where that has gone. `stored` is empty for a new
    run, which can use another dataset, and creates the folder `data`.
    """
    if stored:
        check_folder(dataset, data)
    lost = describe_lost(dataset, stored, data)
    was_complete = not lost or datasets.is_mnist_complete(None)
    try:
        loaded = yield from datasets.load_dataset(dataset, data or digits_folder(stored))
    except DataError as error:
        text = str(error).replace(datasets.MNIST_HINT, HINT) if stored else str(error)
        raise DataError(f"{lost}; {text}" if lost else text) from None
    if not was_complete:
        yield Notice(message=f"{lost}: MNIST was downloaded to {datasets.mnist_folder(None)}")
    return loaded
