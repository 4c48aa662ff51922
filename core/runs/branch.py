"""Branch a run: make a new run that is equal to an old one up to a checkpoint, then continues with
other settings. A branch of imported weights starts at step 0, with an optimizer that starts anew.

No torch here: a checkpoint's tensors are copied unchanged, under a header of the branch's own.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import CheckpointInfo, read_info, score_of
from core.checkpoints.io import copy_with_info
from core.commands import ResumePoint
from core.config import FIELDS, TrainConfig, flag
from core.data.record import find_change, stored_record
from core.errors import CheckpointError, UsageError
from core.events import LearningRateChanged
from core.files import PARTIAL, open_no_follow
from core.runs.catalog import list_run_checkpoints
from core.runs.description import IMPORT_KEYS, read_description, write_description
from core.runs.disk import explain_errors, explain_unwritable
from core.runs.layout import BEST, EVENTS_FILE, LAST
from core.runs.resolve import is_run
from core.runs.resume import is_same_run, planned_config
from core.runs.run_writer import RunWriter, new_folder

# What a branch keeps: these settings decide what a checkpoint's tensors and steps mean, or where
# files are.
KEPT = ("arch", "dataset", "batch_size", "optimizer", "data", "checkpoints", "preset")
CHANGEABLE = tuple(name for name in FIELDS if name not in KEPT)


def branch(
    checkpoint: Path, changes: Mapping[str, Any], folder: Path
) -> tuple[TrainConfig, ResumePoint]:
    """Make a run in a folder of runs that has the old run's events up to a checkpoint, and that
    checkpoint as its last; with the old run's best one until then, if a file still has it. Return
    what to start the branch with. The old run is only read, so it may be training.

    Raises UsageError for changes that a branch cannot have, and CheckpointError; then nothing is
    left.
    """
    info, old = read_info(checkpoint), checkpoint.parent
    if not is_run(old):
        problem = "is not in a run's folder, so there is no run to branch"
        raise CheckpointError(f"{checkpoint} {problem}")
    description = read_description(old)
    before = planned_config(checkpoint, info, description, folder)
    config = _changed(before, info, changes)
    if changed := find_change(info.dataset, info.config):
        raise CheckpointError(f"{changed}; restore it, or start a new run")
    with explain_unwritable(folder):
        # The user who named the network may have another machine.
        claimed = new_folder(config, info.arch if info.network else "")
        # A hidden name until the branch is complete: listings leave it out.
        incomplete = claimed.with_name(f".{claimed.name}{PARTIAL}")
        try:
            incomplete.mkdir()
            _write_files(incomplete, checkpoint, info, description, config)
            _write_events(incomplete, old, info, before.learning_rate, config.learning_rate)
            if sys.platform == "win32":  # where renaming does not replace an empty folder
                claimed.rmdir()
            incomplete.replace(claimed)
        except BaseException:
            for each in (incomplete, claimed):
                shutil.rmtree(each, ignore_errors=True)
            raise
    return config, ResumePoint(claimed, claimed / LAST)


def _changed(before: TrainConfig, info: CheckpointInfo, changes: Mapping[str, Any]) -> TrainConfig:
    """Return the config with the changes made. Raises UsageError."""
    for name in changes:
        if name not in CHANGEABLE:
            kept = flag(name) if name in FIELDS else name
            can = ", ".join(map(flag, CHANGEABLE))
            raise UsageError(f"a branch keeps the {kept} of its run; it can change {can}")
    config = replace(before, **changes)
    if config.epochs <= info.epoch:
        raise UsageError(
            f"--epochs must be more than the {info.epoch} epochs that the checkpoint has trained"
        )
    if config.optimizer == "sgd" and bool(config.momentum) != bool(before.momentum):
        # SGD without momentum stores nothing that SGD with momentum could continue from.
        raise UsageError("SGD momentum cannot be switched on or off in a branch")
    return config


def _write_files(
    incomplete: Path,
    checkpoint: Path,
    info: CheckpointInfo,
    description: dict[str, Any],
    config: TrainConfig,
) -> None:
    """Write the checkpoints and run.json. Raises OSError and CheckpointError."""
    name = incomplete.name.removeprefix(".").removesuffix(PARTIAL)
    # A data folder that has gone stays named.
    stored, lost = {**asdict(config), **stored_record(info.config)}, info.config.get("data")
    stored["data"] = config.data or (lost if isinstance(lost, str) else None)
    sources = {LAST: (checkpoint, info)}
    if best := _best_until(checkpoint.parent, info):
        sources[BEST] = best
    for file, (source, source_info) in sources.items():
        copy_with_info(source, incomplete / file, replace(source_info, run=name, config=stored))
    now = {"run": name, "status": "stopped", "pid": os.getpid()}
    now |= {"config": stored, "seed": config.seed}
    now |= {"branched_from": checkpoint.parent.name, "branched_at": info.step}
    kept = {key: each for key, each in description.items() if key not in IMPORT_KEYS}
    write_description(incomplete, kept | now)


def _best_until(old: Path, info: CheckpointInfo) -> tuple[Path, CheckpointInfo] | None:
    """Return the old run's best checkpoint before this one, None where this one is the best."""
    found = [
        (each.path, each.info)
        for each in reversed(list_run_checkpoints(old))  # of equal ones the first is the best
        if each.info and each.info.step < info.step and each.info.test_loss is not None
        if is_same_run(each.info, info)
    ]
    best = max(found, key=lambda row: score_of(row[1]), default=None)
    return best if best and score_of(best[1]) >= score_of(info) else None


def _write_events(
    incomplete: Path, old: Path, info: CheckpointInfo, rate_before: float, rate: float
) -> None:
    """Write events.jsonl. `rate_before` is the learning rate in the checkpoint, which the old run
    may have changed later, at the same step. Raises OSError and CheckpointError."""
    source = old / EVENTS_FILE
    if os.path.lexists(source):
        with explain_errors(f"{source} cannot be read"):
            number = open_no_follow(source, os.O_RDONLY)
        with open(number, "rb") as events, open(incomplete / EVENTS_FILE, "xb") as copy:
            shutil.copyfileobj(events, copy, 2**20)
    with RunWriter(incomplete) as run:
        kept = run.rewind(info.step, evaluated=info.test_loss is not None)
        rates = [each.learning_rate for each in kept if isinstance(each, LearningRateChanged)]
        if rate != (rates[-1] if rates else rate_before):
            # A resumed run has the learning rate of its last event.
            run.record(LearningRateChanged(step=info.step, learning_rate=rate))
        run.sync()
