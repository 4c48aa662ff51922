"""What a run would do: on which device, with which digits, in how many steps, and where to.

Nothing is started, written or downloaded to find out.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from core.checkpoints.header import read_info
from core.commands import ResumePoint
from core.config import TrainConfig
from core.data.batches import steps_per_epoch
from core.data.datasets import (
    DATASETS,
    MNIST_HINT,
    explain_sample,
    find_mnist_problem,
    is_mnist_complete,
    mnist_folder,
)
from core.errors import CheckpointError, DataError, UsageError, explain
from core.files import nearest_existing
from core.models.architectures import ARCHITECTURES
from core.runs.description import lock_run
from core.runs.run_writer import cannot_be_written
from core.training.distributed import Ranks
from core.training.ranks import Place, check_shared, launched


@dataclass(frozen=True)
class Plan:
    """`notes` are what a person should know of it. `threads` are a CPU's, None elsewhere; each of
    the `ranks` processes that train together has as many, and a device of its own. `run` is the
    folder of the run that is taken up, and `step` the one that it goes on from; None and 0 for a
    new run, whose folder gets its name when it begins."""

    config: TrainConfig
    parameters: int
    device: str
    threads: int | None
    precision: str
    dataset: str
    train_samples: int
    downloaded: bool  # the digits are not here yet
    steps_per_epoch: int
    total_steps: int
    step: int = 0
    run: Path | None = None
    checkpoint: Path | None = None
    notes: tuple[str, ...] = ()
    ranks: int = 1


def plan(config: TrainConfig, resume_point: ResumePoint | None = None) -> Plan:
    """What `train` would do with the same arguments. Raises UserError for what would keep it from
    beginning, as far as that can be known by now, in the words of the real thing."""
    from core.compute.devices import choose_device, choose_precision

    place = launched()
    device = Ranks(place).device(config.device) if place else choose_device(config.device)
    precision = choose_precision(config.precision, config.arch, device)
    dataset, notes = _choose_dataset(config)
    count = DATASETS[dataset].train_samples
    if config.batch_size > count:
        raise UsageError(f"--batch-size {config.batch_size} is more than the {count:,} digits")
    if place:
        check_shared(config.batch_size, place.world)
    _check_folders(config, resume_point)
    checkpoint = resume_point.checkpoint if resume_point else None
    steps = steps_per_epoch(count, config.batch_size)
    return Plan(
        config=config,
        parameters=ARCHITECTURES[config.arch].parameters,
        device=str(device),
        threads=_threads(config, place) if device.type == "cpu" else None,
        precision=precision,
        dataset=dataset,
        train_samples=count,
        downloaded=dataset == "mnist" and not is_mnist_complete(config.data),
        steps_per_epoch=steps,
        total_steps=steps * config.epochs,
        step=read_info(checkpoint).step if checkpoint else 0,
        run=resume_point.folder if resume_point else None,
        checkpoint=checkpoint,
        notes=notes,
        ranks=place.world if place else 1,
    )


def _threads(config: TrainConfig, place: Place | None) -> int:
    from core.compute.threads import choose_threads

    return choose_threads(config.threads, config.arch, place.local_world if place else 1)


def _choose_dataset(config: TrainConfig) -> tuple[str, tuple[str, ...]]:
    """Its name, and why it is not the one that is better. Raises DataError."""
    if config.dataset != "sample":
        why = find_mnist_problem(config.data) or _no_place_for_mnist(config.data)
        if why is None:
            return "mnist", ()
        if config.dataset != "auto":
            raise DataError(f"{why}; {MNIST_HINT}")
        return "sample", (explain_sample(why, config.data),)
    if lacking := DATASETS["sample"].missing(config.data):
        raise DataError(lacking)
    return "sample", ()


def _no_place_for_mnist(data: str | None) -> str | None:
    folder = mnist_folder(data)
    error = None if is_mnist_complete(data) else _unwritable(folder)
    return f"{folder} cannot be written ({explain(error)})" if error else None


def _check_folders(config: TrainConfig, resume_point: ResumePoint | None) -> None:
    """Raises CheckpointError where the run could not be written, or is going on already."""
    if resume_point is None:
        if error := _unwritable(config.folder):
            raise cannot_be_written(config.folder, error)
        return
    with lock_run(resume_point.folder):
        if error := _unwritable(resume_point.folder):
            raise CheckpointError(f"{resume_point.folder} cannot be written ({explain(error)})")


def _unwritable(folder: Path) -> OSError | None:
    """Why nothing can be made in a folder that is there, or would have to be made first."""
    try:
        place = nearest_existing(folder)
    except OSError as error:
        return error
    if not os.access(place, os.W_OK | os.X_OK):
        denied = errno.EROFS if _is_read_only(place) else errno.EACCES
        return OSError(denied, os.strerror(denied))
    return None


def _is_read_only(place: Path) -> bool:
    """Whether it is on a file system that nobody can write to."""
    return hasattr(os, "statvfs") and bool(os.statvfs(place).f_flag & os.ST_RDONLY)
