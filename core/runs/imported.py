"""Import weights that another program saved: make them a checkpoint in a folder of its own."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.checkpoints.import_scaling import choose_scaling
from core.checkpoints.import_weights import ImportedWeights, read_weights
from core.errors import CheckpointError, UsageError
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.models.networks import resolve_network
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
    stored = choose_stored_data(dataset, data)
    weights = read_weights(path, key, arch)
    choice = choose_scaling(path, weights.arch, weights.tensors, dataset, data, scaling)
    with explain_unwritable(folder):
        run = claim_folder(folder, name or safe_name(path.stem), is_exact=name is not None)
        try:
            _write_files(run, path, weights, choice.scaling, stored)
        except BaseException:
            rmtree(run, ignore_errors=True)
            raise
    note = choice.note + COMPARE * (weights.is_renamed and choice.how in ("clear", "tied"))
    found = choice.scaling.mean, choice.scaling.std, choice.how, note
    is_sample = (dataset, stored["dataset"]) == ("auto", "sample")
    instead = NO_MNIST if is_sample else ""
    return Imported(run / IMPORTED, weights.arch, weights.note, *found, stored["dataset"], instead)


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
    config = {"arch": weights.arch, **stored}
    info = CheckpointInfo(
        run=run.name,
        arch=weights.arch,
        dataset=config["dataset"],
        config={key: value for key, value in config.items() if key != "dataset"},
        epoch=0,
        step=0,
        test_loss=None,
        test_accuracy=None,
        parameters=resolve_network(weights.arch).parameters,
        saved_at=time.time(),
        input_mean=scaling.mean,
        input_std=scaling.std,
    )
    # No status, seed or device: nothing has been trained here.
    description = {
        "run": run.name,
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
