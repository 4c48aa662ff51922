"""What a run is taken up from: which run, which checkpoint, and the settings that it goes on with.

No torch here: headers and run.json say it all, so that what cannot be is refused at once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import SUFFIX, CheckpointInfo, read_info
from core.commands import ResumePoint
from core.config import TrainConfig, flag, read_config
from core.data.datasets import is_mnist_complete
from core.errors import CheckpointError, UsageError
from core.models.architectures import ARCHITECTURES
from core.optim.schedules import PLANNED
from core.runs.description import is_imported, read_description
from core.runs.layout import DESCRIPTION, LAST_FIRST
from core.runs.resolve import find_recorded, is_run, resolve_checkpoint, with_own_name

# What makes a run what it is; all else may change on the way.
SAME_IN_A_RUN = (
    "arch",
    "dataset",
    "batch_size",
    "seed",
    "optimizer",
    "momentum",
    "beta2",
    "weight_decay",
    "schedule",
    "label_smoothing",
    "shift",
)


def prepare_resume(
    name: str,
    folder: Path,
    epochs: int | None = None,
    data: str | None = None,
    device: str | None = None,
) -> tuple[TrainConfig, ResumePoint]:
    """How to go on with the run that is meant by a checkpoint, a run's folder, or its name in a
    folder of runs; with more epochs, and digits or a device elsewhere, where those are given.

    Raises CheckpointError and UsageError.
    """
    place = find_recorded(name, folder)
    if place is not None:
        check_trained_here(place, read_description(place))
    if place is not None and not any(place.glob("*" + SUFFIX)):
        checkpoint, info = None, None
    else:
        checkpoint = resolve_checkpoint(name, folder, LAST_FIRST)
        place, info = with_own_name(checkpoint.parent), read_info(checkpoint)
        if not is_run(place):
            raise CheckpointError(f"{checkpoint} is in no run's folder, so no run can be taken up")
    source, description = checkpoint or place / DESCRIPTION, read_description(place)
    check_trained_here(checkpoint or place, description)
    described = description.get("config")
    described = described if isinstance(described, dict) else {}
    if info:
        # How far the run was to go when it was last begun; its checkpoint may be from before that.
        further = {"epochs": described["epochs"]} if "epochs" in described else {}
        stored = info.config | {"dataset": info.dataset} | further
    elif described:
        stored = described
    else:
        raise CheckpointError(f"{place} has no checkpoint, and no {DESCRIPTION} to start from")
    here = {"checkpoints": str(place.parent), "data": digits_folder(stored)}
    planned = stored_config(source, stored | here)
    changes = {"epochs": epochs, "data": data, "device": device}
    given: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    config = replace(planned, **given)
    _check_same_run(source, place, planned, described)
    done = info.epoch if info else 0
    _check_epochs(place.name, planned, config, done, description.get("status") == "finished")
    return config, ResumePoint(place, checkpoint)


def check_trained_here(place: Path, described: dict[str, Any]) -> None:
    """Raises CheckpointError where the described is no run."""
    if is_imported(described):
        raise CheckpointError(
            f"{place} was imported and holds weights alone: there is no training to go on with"
        )


def digits_folder(stored: dict[str, Any]) -> str | None:
    """Where a run had its digits from, if they are in a folder of their own and still whole: none
    are downloaded to where a file says, nor in the place of what is there."""
    folder = stored.get("data")
    return folder if isinstance(folder, str) and is_mnist_complete(folder) else None


def stored_config(source: Path, stored: dict[str, Any]) -> TrainConfig:
    """The config that `source` tells of. Raises CheckpointError."""
    arch = stored.get("arch")
    if arch not in ARCHITECTURES:
        here = ", ".join(ARCHITECTURES)
        raise CheckpointError(f"{source} is of a network {arch!r}; this mnist-tui has {here}")
    try:
        return read_config(stored)
    except UsageError as error:
        raise CheckpointError(f"{source} has settings that cannot be meant: {error}") from None


def same_run(one: CheckpointInfo, other: CheckpointInfo) -> bool:
    """Whether two checkpoints can be of one run, whatever it was called when they were saved."""
    here, there = (
        each.config | {"arch": each.arch, "dataset": each.dataset} for each in (one, other)
    )
    return all(here.get(name) == there.get(name) for name in SAME_IN_A_RUN)


def _check_same_run(
    source: Path, place: Path, planned: TrainConfig, described: dict[str, Any]
) -> None:
    """A checkpoint that was copied from another run must not go on as this one."""
    for name in SAME_IN_A_RUN:
        here = getattr(planned, name)
        there = described.get(name, here)
        if there != here:
            raise CheckpointError(
                f"{source} is of another run: its {flag(name)} is {here}, that of {place} {there}"
            )


def _check_epochs(
    run: str, planned: TrainConfig, config: TrainConfig, done: int, finished: bool
) -> None:
    """Raises UsageError; `done` is how many epochs the checkpoint has behind it."""
    if config.epochs != planned.epochs and config.schedule in PLANNED:
        raise UsageError(
            f"{run} has the schedule {config.schedule}, which was planned for "
            f"{planned.epochs} epochs and cannot be taken up with {config.epochs}"
        )
    if config.epochs != planned.epochs and config.epochs <= done:
        raise UsageError(f"{run} has gone through {done} epochs; --epochs must be more")
    if finished and config.epochs <= done:
        how = "start a new run" if config.schedule in PLANNED else f"add --epochs {done + 1}"
        raise UsageError(f"{run} has finished its {done} epochs; to train on, {how}")
