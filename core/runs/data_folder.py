"""The folder that a run's digits were read from, and what to report where it has gone."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

from core.data import datasets
from core.errors import DataError, UsageError, printable
from core.events import Event, Notice
from core.user import expand


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
        exists = os.path.isdir(expand(folder))
    except UsageError:
        exists = False
    what = "no longer has the files of MNIST" if exists else "does not exist"
    return f"the run's data folder {printable(folder)} {what}"


def load_run_data(
    dataset: str, stored: dict[str, Any], data: str | None
) -> Generator[Event, None, tuple[str, datasets.Tensors]]:
    """Load the dataset of a run as `load_dataset` does: from the folder `data`, by default from
    the one in the run's config, else from the user's cache folder.

    Raises DataError, which names the run's folder where that has gone.
    """
    lost = describe_lost(dataset, stored, data)
    was_complete = not lost or datasets.is_mnist_complete(None)
    try:
        loaded = yield from datasets.load_dataset(dataset, data or digits_folder(stored))
    except DataError as error:
        raise (DataError(f"{lost}; {error}") if lost else error) from None
    if not was_complete:
        yield Notice(message=f"{lost}: MNIST was downloaded to {datasets.mnist_folder(None)}")
    return loaded
