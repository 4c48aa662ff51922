"""Prepare to resume a run: find its checkpoint, and the settings that it continues with.

No torch here: headers and run.json have it all, so that what cannot be resumed is refused at once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import SUFFIX, CheckpointInfo, read_info
from core.commands import ResumePoint
from core.config import TrainConfig, flag, read_config
from core.errors import CheckpointError, UsageError
from core.models.architectures import ARCHITECTURES
from core.models.network_file.named import is_file_spec
from core.models.networks import check_spec
from core.optim.schedules import PLANNED
from core.runs.data_folder import check_classes, digits_folder
from core.runs.description import config_in, is_imported, read_description
from core.runs.layout import DESCRIPTION, LAST_FIRST
from core.runs.resolve import find_recorded, is_run, resolve_checkpoint, with_own_name

# Settings that cannot change within a run; all others may.
OPTIMIZER = ("optimizer", "momentum", "beta2", "weight_decay", "schedule")
FIXED_IN_A_RUN = ("arch", "dataset", "batch_size", "seed", *OPTIMIZER, "label_smoothing", "shift")


def prepare_resume(
    name: str,
    folder: Path,
    epochs: int | None = None,
    data: str | None = None,
    device: str | None = None,
) -> tuple[TrainConfig, ResumePoint]:
    """Return how to resume the run that RUN_OR_CHECKPOINT means: with its own settings, but more
    epochs, another data folder or another device where those are given.

    Raises CheckpointError and UsageError.
    """
    run, checkpoint, info = find_recorded(name, folder), None, None
    if run is not None:
        check_trained_here(run, read_description(run))
    if run is None or any(run.glob("*" + SUFFIX)):
        checkpoint = resolve_checkpoint(name, folder, LAST_FIRST)
        run, info = with_own_name(checkpoint.parent), read_info(checkpoint)
        if not is_run(run):
            problem = "is not in a run's folder, so no run can be resumed"
            raise CheckpointError(f"{checkpoint} {problem}")
    source, description = checkpoint or run / DESCRIPTION, read_description(run)
    check_trained_here(checkpoint or run, description)
    if not info and not config_in(description):
        raise CheckpointError(f"{run} has no checkpoint, and no {DESCRIPTION} to start from")
    planned = planned_config(source, info, description, run.parent)
    options: dict[str, Any] = {"epochs": epochs, "data": data, "device": device}
    given = {key: value for key, value in options.items() if value is not None}
    config = replace(planned, **given)
    _check_same_run(source, run, planned, config_in(description))
    done = info.epoch if info else 0
    _check_epochs(run.name, planned, config, done, description.get("status") == "finished")
    return config, ResumePoint(run, checkpoint)


def check_trained_here(place: Path, description: dict[str, Any]) -> None:
    """Raise CheckpointError where the folder has imported weights and no run."""
    if is_imported(description):
        problem = (
            "was imported and has weights only: there is no training to resume; to train it "
            "further, branch from it (b in the app's checkpoints)"
        )
        raise CheckpointError(f"{place} {problem}")


def planned_config(
    source: Path, info: CheckpointInfo | None, description: dict[str, Any], folder: Path
) -> TrainConfig:
    """Return what a run continues with from a checkpoint, or starts with where it has none.

    Raises CheckpointError.
    """
    if info:
        check_classes(source, info)
    described = config_in(description)
    stored = info.config | {"dataset": info.dataset} if info else described
    # The run may have got more epochs since the checkpoint.
    epochs = {"epochs": described["epochs"]} if "epochs" in described else {}
    places = {"checkpoints": str(folder), "data": digits_folder(str(stored.get("dataset")), stored)}
    return stored_config(source, stored | epochs | places)


def stored_config(source: Path, stored: dict[str, Any]) -> TrainConfig:
    """Return the config that a file stores.

    Raises CheckpointError, and UsageError where a person has to name the file of its network.
    """
    arch = stored.get("arch")
    if (why := check_spec(arch)) and isinstance(arch, str) and is_file_spec(arch):
        raise UsageError(f"{source}: {why.partition(': ')[2]}")
    if why:
        here = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"{source} has the architecture {arch!r}; this mnist-tui has {here}")
    try:
        return read_config(stored)
    except UsageError as error:
        raise CheckpointError(f"{source} has invalid settings: {error}") from None


def is_same_run(one: CheckpointInfo, other: CheckpointInfo) -> bool:
    """Return whether two checkpoints can be of one run, which may have been renamed between."""
    here, there = (each.config | vars(each) for each in (one, other))
    names = (*FIXED_IN_A_RUN, "input_mean", "input_std", "source_digest")
    return all(here.get(name) == there.get(name) for name in names)


def _check_same_run(
    source: Path, run: Path, planned: TrainConfig, described: dict[str, Any]
) -> None:
    """Refuse a checkpoint that was copied from another run."""
    for name in FIXED_IN_A_RUN:
        here = getattr(planned, name)
        there = described.get(name, here)
        if there != here:
            raise CheckpointError(
                f"{source} is from another run: its {flag(name)} is {here}, that of {run} {there}"
            )


def _check_epochs(
    run: str, planned: TrainConfig, config: TrainConfig, done: int, finished: bool
) -> None:
    """Raise UsageError where no epoch is left; `done` is how many the checkpoint has trained."""
    if config.epochs != planned.epochs and config.schedule in PLANNED:
        raise UsageError(
            f"the {config.schedule} schedule of {run} was planned for --epochs "
            f"{planned.epochs} and cannot be resumed with --epochs {config.epochs}"
        )
    if config.epochs != planned.epochs and config.epochs <= done:
        raise UsageError(f"{run} has trained {done} epochs; --epochs must be more")
    if finished and config.epochs <= done:
        epochs = "its epoch" if done == 1 else f"its {done} epochs"
        how = "start a new run" if config.schedule in PLANNED else f"add --epochs {done + 1}"
        raise UsageError(f"{run} has finished {epochs}; to train more, {how}")
