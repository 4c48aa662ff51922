"""The folder that a run's digits were read from, and what to report where it has gone."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

from core.checkpoints.header import CheckpointInfo
from core.class_names import describe_difference
from core.data import datasets
from core.data.drawn.dataset import DRAWN
from core.data.record import describe_change, find_change, record_content
from core.errors import CheckpointError, DataError, UsageError, printable
from core.events import Event, Notice
from core.user import expand


def _has_files(dataset: str) -> bool:
    """Return whether a dataset is read from the folder of --data; False for an unknown one."""
    try:
        return datasets.find_dataset(datasets.resolve_auto(dataset)).files is not None
    except DataError:
        return False


def choose_stored_data(dataset: str, data: str | None) -> dict[str, str]:
    """Return the dataset to store for imported weights, to evaluate them on, and its folder.

    For "auto" that is MNIST if it is on this machine, else the sample where that is. Raises
    DataError for a folder `data` that has not all files of the dataset.
    """
    if not _has_files(dataset):
        return {"dataset": dataset}
    name = datasets.resolve_auto(dataset)
    known = datasets.find_dataset(name)
    if data:
        if problem := _find_folder_problem(data):
            raise DataError(f"--data {printable(data)} {problem}")
        if fault := known.find_fault(data):
            raise DataError(f"--data: {fault}")
        return {"dataset": name, "data": os.path.abspath(expand(data))}
    sample = datasets.find_dataset("sample")
    if dataset == "auto" and not known.is_complete(None) and sample.missing(None) is None:
        name = "sample"
    return {"dataset": name}


def _find_folder_problem(folder: str) -> str | None:
    """Return why there is no such folder; the text continues its name. Raises UsageError."""
    path = expand(folder)
    if not os.path.lexists(path):
        return "does not exist"
    return None if os.path.isdir(path) else "is not a folder"


def digits_folder(dataset: str, stored: dict[str, Any]) -> str | None:
    """Return the data folder of a run if its images are still complete there: MNIST's where its
    dataset has no files. Nothing is downloaded to a folder that only a file names."""
    folder = stored.get("data")
    if not isinstance(folder, str) or not folder:
        return None
    name = dataset if _has_files(dataset) else "auto"
    known = datasets.find_dataset(datasets.resolve_auto(name))
    return folder if known.is_complete(folder) else None


def describe_lost(dataset: str, stored: dict[str, Any], data: str | None) -> str | None:
    """Return that the data folder in a run's config no longer has its digits.

    None where it has them, where `data` is used instead, and where the run needed no folder.
    """
    folder = stored.get("data")
    if data or not _has_files(dataset) or not isinstance(folder, str) or not folder:
        return None
    if digits_folder(dataset, stored):
        return None
    try:
        files = f"the files of {datasets.dataset_title(dataset)}"
        what = _find_folder_problem(folder) or f"no longer has {files}"
    except UsageError:
        what = "does not exist"
    return f"the run's data folder {printable(folder)} {what}"


def check_folder(dataset: str, data: str | None) -> None:
    """Raise DataError where a data folder is given that does not exist: a mistyped name would be
    created, and MNIST downloaded to it. Only a new run does that."""
    if not data or not _has_files(dataset):
        return
    if problem := _find_folder_problem(data):
        name = datasets.resolve_auto(dataset)
        option = "" if name == datasets.AUTO[0] else f" --dataset {name}"
        raise DataError(
            f"the data folder {printable(data)} {problem}: {datasets.find_dataset(name).hint}, or "
            f"no --data to use the cache folder; `mnist-tui train{option} --data DIR` downloads "
            f"{datasets.dataset_title(name)} to DIR"
        )


def check_classes(checkpoint: str | os.PathLike[str], info: CheckpointInfo) -> None:
    """Raise CheckpointError where the classes of the checkpoint's network are not those of its
    dataset on this machine. A dataset that is not here is reported later."""
    try:
        names = datasets.find_dataset(info.dataset).class_names
    except (DataError, UsageError):
        return
    if names != info.class_names:
        theirs, here = describe_difference(info.class_names, names)
        changed = _find_change(DRAWN, info.config) if info.dataset == DRAWN else None
        raise CheckpointError(
            f"{checkpoint} has the classes {printable(theirs)}; {printable(info.dataset)} has "
            f"{printable(here)}" + (f": {changed}" if changed else "")
        )


def _find_change(dataset: str, stored: dict[str, Any]) -> str | None:
    """Return that a run's images have changed since; None where that is not known."""
    try:
        return find_change(dataset, stored)
    except (DataError, UsageError):
        return None


def load_run_data(
    dataset: str, stored: dict[str, Any], data: str | None, *, exact: bool = False
) -> Generator[Event, None, tuple[str, datasets.Tensors]]:
    """Load the dataset of a run as `load_dataset` does: from the folder `data`, by default from
    the one in the run's config, else from the user's cache folder.

    Raises DataError, which names the run's folder where that has gone. `stored` is empty for a new
    run, which can use another dataset, and creates the folder `data`. Of images of the user's own
    that have changed since, a Notice says so; with `exact` they are refused.
    """
    if stored:
        check_folder(dataset, data)
    lost = describe_lost(dataset, stored, data)
    known = datasets.find_dataset(datasets.resolve_auto(dataset))
    was_complete = not lost or known.is_complete(None)
    folder = data or digits_folder(dataset, stored)
    try:
        loaded = yield from datasets.load_dataset(dataset, folder, is_new=not stored)
    except DataError as error:
        lost = lost or _find_change(dataset, stored)
        raise DataError(f"{lost}; {error}" if lost else str(error)) from None
    if not was_complete:
        title = datasets.dataset_title(dataset)
        yield Notice(message=f"{lost}: {title} was downloaded to {known.find_folder(None)}")
    if exact:
        check_unchanged(dataset, stored, loaded)
    elif changed := describe_change(dataset, stored, record_content(*loaded)):
        yield Notice(message=f"{changed}; it is used as it is now")
    return loaded


def check_unchanged(
    dataset: str, stored: dict[str, Any], loaded: tuple[str, datasets.Tensors]
) -> None:
    """Raise DataError where images of the user's own have changed since a run was trained."""
    if not stored:  # a new run: nothing to compare their digest with
        return
    if changed := describe_change(dataset, stored, record_content(*loaded)):
        raise DataError(f"{changed}; restore it, or start a new run")
