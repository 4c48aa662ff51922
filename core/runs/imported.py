"""Import weights that another program saved: make them a checkpoint in a folder of its own."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from core.checkpoints import io as checkpoints
from core.checkpoints.find_network import list_names
from core.checkpoints.header import CheckpointInfo
from core.checkpoints.import_scaling import (
    choose_scaling,
    find_training_images,
    read_scaling,
)
from core.checkpoints.import_weights import ImportedWeights, read_weights
from core.checkpoints.inferred.choose import Images, choose_inferred
from core.class_names import DIGITS
from core.data.datasets import class_names_of
from core.data.folder.source import absolute_name
from core.errors import CheckpointError, DataError, UsageError
from core.models.architectures import CUSTOM
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.runs.data_folder import choose_stored_data
from core.runs.description import write_description
from core.runs.disk import explain_unwritable
from core.runs.layout import IMPORTED, LONGEST_NAME, find_length_problem
from core.runs.run_writer import claim_folder, name_taken, versions

COMPARE = (
    "; compare this with the accuracy that you know: if it is lower, activations or pooling differ"
)
NO_MNIST = (
    "MNIST is not on this machine: the network will be evaluated on the sample; to use MNIST, "
    "import with --data DIR, or with --dataset mnist to download it on first use"
)


@dataclass(frozen=True)
class Imported:
    """The checkpoint made; `note` says what is not as in the file or was assumed.

    `input_scaling` is how the scaling was found, as in ScalingChoice, and `scaling_note` says it.
    `dataset` is what the network is evaluated on; `dataset_note` says so where MNIST is not here.
    """

    path: Path
    arch: str
    note: str = ""
    input_mean: float = DEFAULT_SCALING.mean
    input_std: float = DEFAULT_SCALING.std
    input_scaling: str = "assumed"
    scaling_note: str = ""
    dataset: str = "mnist"
    dataset_note: str = ""
    network: str = ""  # its layers as text


def import_file(
    path: Path,
    folder: Path,
    name: str | None = None,
    *,
    key: str | None = None,
    arch: str | None = None,
    scaling: InputScaling | None = None,
    dataset: str = "auto",
    data: str | None = None,
) -> Imported:
    """Import the weights in a file into a folder of runs. Their own folder is called by `name`,
    else as the file is, with a number where there is one so called. `key` names one of several
    networks in the file, `arch` one of several architectures that its tensors fit.

    The scaling of their input is the given one, else that which fits training images of the
    dataset, "auto" for any that is on this machine in the folder `data` or its default.

    Raises UsageError, DataError for a folder `data` without MNIST, and CheckpointError, also where
    there is a run called `name`; then nothing has been made.
    """
    if name is not None:
        _check_name(folder, name)
    dataset = absolute_name(dataset)
    names = None if dataset == "auto" else class_names_of(dataset)
    weights = read_weights(path, key, arch, names)
    if dataset == "auto" and weights.class_names != DIGITS:
        dataset = weights.dataset  # no other is known to have these classes
        _check_classes(path, weights)
    stored = choose_stored_data(dataset, data)
    if weights.candidates:
        weights = _choose_inferred(path, weights, dataset, data, scaling)
    choice = choose_scaling(path, weights.network, weights.tensors, dataset, data, scaling)
    with explain_unwritable(folder):
        run = claim_folder(folder, name or safe_name(path.stem), is_exact=name is not None)
        try:
            _write_files(run, path, weights, choice.scaling, stored)
        except BaseException:
            rmtree(run, ignore_errors=True)
            raise
    is_guessed = weights.is_renamed or bool(weights.candidates)
    note = choice.note + COMPARE * (is_guessed and choice.how in ("clear", "tied"))
    found = choice.scaling.mean, choice.scaling.std, choice.how, note
    is_sample = (dataset, stored["dataset"]) == ("auto", "sample")
    instead = NO_MNIST if is_sample else ""
    text = weights.network.text
    return Imported(
        run / IMPORTED, weights.arch, weights.note, *found, stored["dataset"], instead, text
    )


def _check_classes(path: Path, weights: ImportedWeights) -> None:
    """Raise CheckpointError where the dataset that a file states has other classes here, as after
    a change of the dataset; one that is not here, such as another person's folder, has any."""
    with suppress(DataError):
        if class_names_of(weights.dataset) != weights.class_names:
            classes = list_names(weights.class_names)
            raise CheckpointError(
                f"{path} has the classes {classes}, and {weights.dataset} has others: pass another "
                "dataset as --dataset NAME"
            )


def _choose_inferred(
    path: Path,
    weights: ImportedWeights,
    dataset: str,
    data: str | None,
    scaling: InputScaling | None,
) -> ImportedWeights:
    """Return the weights of the most plausible candidate. Raises CheckpointError."""
    found = find_training_images(dataset, data)
    try:
        return choose_inferred(weights, found and Images(*found), scaling or read_scaling(path))
    except ValueError as error:
        raise CheckpointError(f"{path} {error}") from None


def _check_name(folder: Path, name: str) -> None:
    """Raise UsageError for what is no name, and CheckpointError for that of another run."""
    if problem := find_length_problem(name):
        raise UsageError(f"--name {problem}")
    if safe_name(name) != name:
        allowed = "letters, digits, dots, dashes and underscores"
        raise UsageError(f"--name must be {allowed}, not {name!r}")
    if os.path.lexists(folder / name):
        raise CheckpointError(name_taken(folder / name))


def _write_files(
    run: Path, path: Path, weights: ImportedWeights, scaling: InputScaling, stored: dict[str, Any]
) -> None:
    config = {"arch": weights.network.spec, **stored}
    file = weights.network.file
    info = CheckpointInfo(
        run=run.name,
        arch=weights.arch,
        network=weights.network.text if weights.network.name == CUSTOM else "",
        source=file.source if file else "",
        source_digest=file.digest if file else "",
        dataset=config["dataset"],
        class_names=weights.class_names,
        config={key: value for key, value in config.items() if key != "dataset"},
        epoch=0,
        step=0,
        test_loss=None,
        test_accuracy=None,
        parameters=weights.network.parameters,
        saved_at=time.time(),
        input_mean=scaling.mean,
        input_std=scaling.std,
    )
    # No status, seed or device: nothing has been trained here.
    description = {
        "run": run.name,
        "arch": weights.arch,
        "imported_from": os.path.abspath(path),
        "imported_at": info.saved_at,
        "imported_names": not weights.is_renamed,  # whether the tensors had the names of ours
        "config": config,
        "input_mean": scaling.mean,
        "input_std": scaling.std,
        "versions": versions(),
    }
    write_description(run, description)
    checkpoints.save(run / IMPORTED, checkpoints.snapshot(weights.tensors), info)


def safe_name(text: str) -> str:
    """Return a folder's name that is as similar to the text as possible."""
    kept = "".join(each if each.isalnum() or each in "-_." else "-" for each in text)
    return kept.strip("-.").encode()[:LONGEST_NAME].decode(errors="ignore") or "imported"
