"""Trains a few steps again from a checkpoint, and says whether they come out as they did."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.compute.devices import choose_device, choose_precision
from core.data import datasets
from core.data.batches import steps_per_epoch
from core.errors import CheckpointError, DeviceError, UsageError
from core.events import Event, Notice
from core.optim.schedules import PLANNED
from core.replay.reference import Reference, Start, read_reference
from core.replay.rerun import (
    Origin,
    Rerun,
    StepDifference,
    StepSettings,
    compare,
    compare_twice,
    known_after,
)
from core.runs.description import read_description
from core.runs.resume import digits_folder, stored_config
from core.runs.run_writer import versions


@dataclass(frozen=True)
class ReplayResult:
    """Steps `first` to `last`, counted from 1. So many means of `losses` and so many `scores` of
    the record, and the `saved` checkpoints, were held against them. `twice` says that they were
    made a second time too, since the record does not reach so far."""

    first: int
    last: int
    losses: int
    scores: int
    saved: tuple[str, ...]
    twice: bool
    difference: StepDifference | None
    notes: tuple[str, ...]
    causes: tuple[str, ...]  # what is not as it was, and may be why there is a difference

    @property
    def identical(self) -> bool:
        return self.difference is None

    @property
    def in_words(self) -> str:
        return "; ".join([self._result(), *self.notes])

    def _result(self) -> str:
        if self.difference:
            return self.difference.in_words
        held = [_count(self.last - self.first + 1, "step", "steps")]
        if self.losses:
            held.append(f"{_count(self.losses, 'loss', 'losses')} of the record")
        if self.scores:
            held.append(_count(self.scores, "test score", "test scores"))
        if self.saved:
            held.append(f"{' and '.join(self.saved)} to the bit")
        if self.twice:
            held.append("made twice, each loss and the state at the end")
        return f"identical: {', '.join(held)}"


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def replay(path: Path, steps: int, data: str | None = None) -> Iterator[Event | ReplayResult]:
    """Tells how far it is, and as the last what came of it. The run's folder is only read.

    Raises UserError.
    """
    info, state = checkpoints.load(path)
    if "rng.torch" not in state:
        raise CheckpointError(f"{path} holds weights alone: there is no training to go on with")
    recorded, notes = _record_of(path, info)
    _, tensors = yield from datasets.load_dataset(info.dataset, data or digits_folder(info.config))
    starts = recorded.starts_from(info.step, info.step + steps)
    settings, causes = _settings(path, info, starts, len(tensors.train_labels))
    causes += _changes(path.parent)
    for each in causes:
        yield Notice(message=f"{each}: the last bits may differ")
    origin = Origin(path, info, state, tensors, settings, recorded)
    until = _until(origin, info.step + steps)
    if until < info.step + steps:
        notes.append(f"its schedule {settings[-1].config.schedule} ends at step {until:,}")
    known = known_after(origin, until)
    again = Rerun(origin)
    losses, difference = yield from compare(again, known, until)
    twice = difference is None and known.end < until
    if twice:
        first_time = checkpoints.snapshot(again.learner.state())
        del again  # its digits are in memory too
        difference = yield from compare_twice(Rerun(origin), losses, first_time)
    yield ReplayResult(
        first=info.step + 1,
        last=until,
        losses=len(known.stretches),
        scores=len(known.scores),
        saved=tuple(known.compared),
        twice=twice,
        difference=difference,
        notes=(*notes, *known.notes),
        causes=tuple(causes),
    )


def _record_of(path: Path, info: CheckpointInfo) -> tuple[Reference, list[str]]:
    """The record that goes on from the checkpoint; of another way no more than on what it was."""
    recorded = read_reference(path.parent)
    if not recorded.starts:
        return Reference(), ["it has no record beside it"]
    if not recorded.is_of(info):
        return Reference(), ["the record beside it is of another run"]
    if not recorded.has(info):
        last = [each for each in recorded.starts if each.step <= info.step] or recorded.starts
        start = replace(last[-1], step=info.step, config=info.config)
        return Reference(starts=[start]), ["the run went another way from there"]
    return recorded, []


def _settings(
    path: Path, info: CheckpointInfo, starts: list[Start], count: int
) -> tuple[tuple[StepSettings, ...], list[str]]:
    """For each start of the run, and what of that cannot be had here. Raises CheckpointError and
    DeviceError."""
    settings, lacking = [], dict[str, None]()
    for start in starts or [Start(info.step, info.config, "auto", "auto", None)]:
        here = {"dataset": info.dataset, "checkpoints": ".", "data": None}
        threads = {} if start.threads is None else {"threads": max(1, start.threads)}
        config = stored_config(path, {**start.config, **here, **threads})
        if config.batch_size > count:
            raise CheckpointError(
                f"{path} was trained in batches of {config.batch_size:,}, and there are "
                f"{count:,} digits"
            )
        try:
            device = choose_device(start.device)
        except DeviceError as error:
            device = choose_device("auto")
            lacking[f"the run was trained on {start.device}, which is not here ({error})"] = None
        if start.ranks > 1:
            lacking[f"{start.ranks} processes trained the run together, and here it is one"] = None
        wanted = config.precision if start.precision == "auto" else start.precision
        precision = choose_precision(wanted, config.arch, device)
        settings.append(StepSettings(start.step, config, precision, device))
    return tuple(settings), list(lacking)


def _until(origin: Origin, wanted: int) -> int:
    """The last step that there is. Raises UsageError where there is none after the origin."""
    # To the end of a stretch that the record has one mean of.
    ends = [each.last for each in origin.recorded.stretches if each.first <= wanted <= each.last]
    wanted = max(wanted, *ends, 0)
    config = origin.settings[-1].config
    if config.schedule not in PLANNED:
        return wanted
    per_epoch = steps_per_epoch(len(origin.tensors.train_labels), config.batch_size)
    until = min(wanted, per_epoch * config.epochs)
    if until <= origin.info.step:
        raise UsageError(
            f"{origin.path} is at the end of its run, whose schedule {config.schedule} has no step "
            "left to train again: take an earlier checkpoint"
        )
    return until


def _changes(folder: Path) -> list[str]:
    """What the run was made with that is not here. What is known of a run is in its run.json."""
    described = read_description(folder)
    changes = []
    known = described.get("versions")
    before = known.get("torch") if isinstance(known, dict) else None
    if isinstance(before, str) and before != versions()["torch"]:
        changes.append(f"torch was {before} and is {versions()['torch']}")
    host = described.get("host")
    if isinstance(host, str) and host != platform.node():
        changes.append(f"it was trained on another machine, {host}")
    return changes
