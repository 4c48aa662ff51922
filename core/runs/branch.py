"""A new run that is an old one until one of its checkpoints, and goes on from there otherwise.

No torch here: a checkpoint's tensors are copied as they are, under a header of the branch's own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import CheckpointInfo, read_info, score_of
from core.checkpoints.io import copy_as
from core.commands import ResumePoint
from core.config import FIELDS, TrainConfig, flag
from core.errors import CheckpointError, UsageError, explain
from core.events import LearningRateChanged
from core.files import PARTIAL, open_no_follow, replace_file
from core.runs.catalog import list_run
from core.runs.description import read_description
from core.runs.layout import BEST, DESCRIPTION, EVENTS_FILE, LAST
from core.runs.resolve import is_run
from core.runs.resume import (
    check_trained_here,
    digits_folder,
    same_run,
    stored_config,
)
from core.runs.run_writer import RunWriter, cannot_be_written, new_folder

# What a run can go on with otherwise than it began. The network, its digits, the size of a batch
# and the optimizer are what a checkpoint's tensors and steps are of.
CHANGEABLE = (
    "learning_rate",
    "epochs",
    "weight_decay",
    "momentum",
    "beta2",
    "label_smoothing",
    "shift",
    "schedule",
    "seed",
    "precision",
    "device",
    "threads",
    "save_every",
    "keep",
)


def branch(
    checkpoint: Path, changes: Mapping[str, Any], folder: Path
) -> tuple[TrainConfig, ResumePoint]:
    """Makes a run in a folder of runs, that has the old run's record until the checkpoint, and the
    checkpoint as its last; with its best until there, if that is still in a file. What is given
    back is what to start it with. The old run is only read, so it may be going on.

    Raises UsageError for changes that cannot be meant, and CheckpointError; then nothing is left.
    """
    info, old = read_info(checkpoint), checkpoint.parent
    if not is_run(old):
        raise CheckpointError(f"{checkpoint} is in no run's folder, so there is no run to branch")
    described = read_description(old)
    check_trained_here(checkpoint, described)
    before = _config_before(checkpoint, info, described, folder)
    config = _changed(before, info, changes)
    try:
        claimed = new_folder(config)
    except OSError as error:
        raise cannot_be_written(folder, error) from None
    # Until it is whole it has a name that nobody takes for a run's.
    growing = claimed.with_name(f".{claimed.name}{PARTIAL}")
    try:
        growing.mkdir()
        _fill(growing, checkpoint, info, described, config)
        _begin_record(growing, old, info, before.learning_rate, config.learning_rate)
        if sys.platform == "win32":  # where a folder cannot take the place of an empty one
            claimed.rmdir()
        growing.replace(claimed)
    except BaseException as error:
        for each in (growing, claimed):
            shutil.rmtree(each, ignore_errors=True)
        if isinstance(error, OSError):
            raise cannot_be_written(folder, error) from None
        raise
    return config, ResumePoint(claimed, claimed / LAST)


def _config_before(
    checkpoint: Path, info: CheckpointInfo, described: dict[str, Any], folder: Path
) -> TrainConfig:
    """What the old run would go on with from there."""
    planned = described.get("config")
    # Its end may have been set further away since the checkpoint.
    planned = planned if isinstance(planned, dict) else {}
    further = {"epochs": planned["epochs"]} if "epochs" in planned else {}
    here = {"checkpoints": str(folder), "data": digits_folder(info.config)}
    return stored_config(checkpoint, info.config | {"dataset": info.dataset} | further | here)


def _changed(before: TrainConfig, info: CheckpointInfo, changes: Mapping[str, Any]) -> TrainConfig:
    """Raises UsageError."""
    for name in changes:
        if name not in CHANGEABLE:
            kept = flag(name) if name in FIELDS else name
            can = ", ".join(map(flag, CHANGEABLE))
            raise UsageError(
                f"a branch keeps the {kept} of the run that it leaves; what it can change is {can}"
            )
    config = replace(before, **changes)
    if config.epochs <= info.epoch:
        raise UsageError(
            f"--epochs must be more than {info.epoch}, which the checkpoint has behind it"
        )
    if config.optimizer == "sgd" and bool(config.momentum) != bool(before.momentum):
        # Without momentum SGD keeps nothing of its gradients that it could go on with.
        raise UsageError("a branch of --optimizer sgd cannot take --momentum up, or lay it down")
    return config


def _fill(
    growing: Path,
    checkpoint: Path,
    info: CheckpointInfo,
    described: dict[str, Any],
    config: TrainConfig,
) -> None:
    """All but the record. Raises OSError and CheckpointError."""
    name = growing.name.removeprefix(".").removesuffix(PARTIAL)
    stored = asdict(config)
    sources = {LAST: (checkpoint, info)}
    if best := _best_until(checkpoint.parent, info):
        sources[BEST] = best
    for file, (source, there) in sources.items():
        copy_as(source, growing / file, replace(there, run=name, config=stored))
    description = described | {
        "run": name,
        "status": "stopped",
        "pid": os.getpid(),
        "config": stored,
        "seed": config.seed,
        "branched_from": checkpoint.parent.name,
        "branched_at": info.step,
    }
    replace_file(growing / DESCRIPTION, json.dumps(description, indent=2).encode() + b"\n")


def _best_until(old: Path, info: CheckpointInfo) -> tuple[Path, CheckpointInfo] | None:
    """The old run's best checkpoint before that one; None where that one is the best."""
    scored = [
        (each.path, each.info)
        for each in list_run(old)
        if each.info and same_run(each.info, info) and each.info.test_loss is not None
    ]
    # Of equals the first is best.
    found = [(path, each) for path, each in reversed(scored) if each.step < info.step]
    best = max(found, key=lambda row: score_of(row[1]), default=None)
    return best if best and score_of(best[1]) >= score_of(info) else None


def _begin_record(
    growing: Path, old: Path, info: CheckpointInfo, rate_before: float, rate: float
) -> None:
    """`rate_before` is the checkpoint's. The old run may have changed it later, at the same step.
    Raises OSError."""
    _copy_record(old / EVENTS_FILE, growing / EVENTS_FILE)
    with RunWriter(growing) as run:
        kept = run.rewind(info.step, evaluated=info.test_loss is not None)
        rates = [each.learning_rate for each in kept if isinstance(each, LearningRateChanged)]
        if rate != (rates[-1] if rates else rate_before):
            # Where a run is taken up, the record decides.
            run.record(LearningRateChanged(step=info.step, learning_rate=rate))
        run.sync()


def _copy_record(source: Path, path: Path) -> None:
    """Where there is one. Raises OSError and CheckpointError."""
    try:
        number = open_no_follow(source, os.O_RDONLY)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CheckpointError(f"{source} cannot be read ({explain(error)})") from None
    with open(number, "rb") as record, path.open("xb") as copy:
        shutil.copyfileobj(record, copy, 2**20)
