"""Import weights that another program saved: make them a checkpoint in a folder of its own."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.checkpoints.import_weights import ImportedWeights, read_weights
from core.errors import UsageError
from core.models.architectures import ARCHITECTURES
from core.runs.description import write_description
from core.runs.disk import explain_unwritable
from core.runs.layout import IMPORTED, LONGEST_NAME, find_length_problem
from core.runs.run_writer import claim_folder, versions


@dataclass(frozen=True)
class Imported:
    """The checkpoint made; `note` says what is not as in the file or was assumed."""

    path: Path
    arch: str
    note: str = ""


def import_file(
    path: Path,
    folder: Path,
    name: str | None = None,
    *,
    key: str | None = None,
    arch: str | None = None,
) -> Imported:
    """Import the weights in a file into a folder of runs. Their own folder is called by `name`,
    else as the file is; with a number where there is one so called. `key` names one of several
    networks in the file, `arch` one of several architectures that its tensors fit.

    Raises UsageError, and CheckpointError; then nothing has been made.
    """
    if name is not None and (problem := find_length_problem(name)):
        raise UsageError(f"--name {problem}")
    if name is not None and safe_name(name) != name:
        allowed = "letters, digits, dots, dashes and underscores"
        raise UsageError(f"--name must be {allowed}, not {name!r}")
    weights = read_weights(path, key, arch)
    with explain_unwritable(folder):
        run = claim_folder(folder, name or safe_name(path.stem))
        try:
            _write_files(run, path, weights)
        except BaseException:
            rmtree(run, ignore_errors=True)
            raise
    return Imported(run / IMPORTED, weights.arch, weights.note)


def _write_files(run: Path, path: Path, weights: ImportedWeights) -> None:
    info = CheckpointInfo(
        run=run.name,
        arch=weights.arch,
        dataset="mnist",
        config={"arch": weights.arch},
        epoch=0,
        step=0,
        test_loss=None,
        test_accuracy=None,
        parameters=ARCHITECTURES[weights.arch].parameters,
        saved_at=time.time(),
    )
    # No status, seed or device: nothing has been trained here.
    description = {
        "run": run.name,
        "imported_from": os.path.abspath(path),
        "imported_at": info.saved_at,
        "config": info.config | {"dataset": info.dataset},
        "versions": versions(),
    }
    write_description(run, description)
    checkpoints.save(run / IMPORTED, checkpoints.snapshot(weights.tensors), info)


def safe_name(text: str) -> str:
    """Return a folder's name that is as similar to the text as possible."""
    kept = "".join(each if each.isalnum() or each in "-_." else "-" for each in text)
    return kept.strip("-.").encode()[:LONGEST_NAME].decode(errors="ignore") or "imported"
