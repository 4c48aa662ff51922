"""Trains some steps again from a checkpoint, and says whether they go as they went.

A run with the same settings on the same machine gives the same bits, so the losses that its record
has and the checkpoints that it left later say whether a checkpoint is what it claims, and whether
this machine still computes as it did.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from core import checkpoints, datasets
from core.config import TrainConfig
from core.devices import choose_device, choose_precision
from core.errors import CheckpointError, DeviceError, UsageError, explain
from core.events import Event, LearningRateChanged, Notice, Progress, RunStarted
from core.headers import CheckpointInfo, read_info
from core.learner import Learner
from core.listing import list_run
from core.record import read_events
from core.resume import digits_folder, stored_config
from core.runs import read_description, versions
from core.schedules import PLANNED, SCHEDULES


@dataclass(frozen=True)
class Difference:
    """Where it goes otherwise: in a step from `first` to `last`, both counted from 1. Without
    losses it is the state after the last one."""

    first: int
    last: int
    expected: float | None = None
    found: float | None = None


@dataclass(frozen=True)
class Replayed:
    """Steps `first` to `last`, counted from 1. So many `losses` of the record and the `saved`
    checkpoints were held against them; where there were none, they were trained twice."""

    first: int
    last: int
    losses: int
    saved: tuple[str, ...]
    difference: Difference | None = None

    @property
    def identical(self) -> bool:
        return self.difference is None

    @property
    def twice(self) -> bool:
        return not self.losses and not self.saved

    @property
    def in_words(self) -> str:
        there = self.difference
        if there is None:
            how = "trained twice, since the run has told nothing of them"
            if not self.twice:
                known = [f"the record's losses ({self.losses:,})"] if self.losses else []
                how = "as in " + ", ".join([*known, *self.saved])
            return f"identical: steps {self.first:,} to {self.last:,}, {how}"
        where = f"step {there.first:,}"
        if there.last > there.first:
            where = f"a step between {there.first:,} and {there.last:,}"
        if there.expected is None:
            return f"differs first at {where}: the weights or the optimizer's state are others"
        return f"differs first at {where}: the loss was {there.expected}, and now is {there.found}"


@dataclass(frozen=True)
class Stretch:
    """What the record says of the steps from `first` to `last`, counted from 1: their mean loss."""

    first: int
    last: int
    loss: float


def replay(path: Path, steps: int, data: str | None = None) -> Iterator[Event | Replayed]:
    """Trains so many steps from the checkpoint on, and gives events and at last what came of it.
    Files are read only. Raises CheckpointError, UsageError, DataError and DeviceError.
    """
    info, state = checkpoints.load(path)
    if "rng.torch" not in state:
        raise CheckpointError(f"{path} holds weights alone: there is no training to go on with")
    record = _record(path.parent)
    config = _config(path, info, record)
    device = yield from _device(record, info)
    precision = choose_precision(config.precision, config.arch, device)
    _, tensors = yield from datasets.load(config.dataset, data or digits_folder(info.config))
    learner = Learner(config, precision, tensors, device)
    known, expected = (
        {name: each for name, each in found.items() if name != "rng.cuda"}
        for found in (state, learner.state())
    )
    what = f"{config.arch} trained by {config.optimizer}"
    checkpoints.check_fit(path, what, known, expected)
    count = len(tensors.train_labels)
    last = _last(path, info, config, steps, count)
    stretches = [each for each in _stretches(record, info.step) if each.last <= last]
    saved = _saved_later(path, info, last)
    if why := learner.capture():
        yield Notice(message=f"steps are made one by one, since a graph cannot be had: {why}")
    learner.restore(state)
    yield from _differing_versions(path.parent)
    run = _Replay(learner, config, info.step, last, _rates(record, info.step), count)
    replayed = Replayed(
        info.step + 1, last, len(stretches), tuple(each.stem for each in saved.values())
    )
    if stretches or saved:
        yield replace(replayed, difference=run.against(stretches, saved))
        return
    losses, end = run.losses()
    learner.restore(state)
    yield replace(replayed, difference=run.against_itself(losses, end))


@dataclass
class _Replay:
    learner: Learner
    config: TrainConfig
    step: int  # where it begins
    last: int
    rates: dict[int, float]  # from those steps on
    count: int  # of training digits

    def train(self) -> Iterator[tuple[int, Tensor]]:
        """Each step's number, counted from 1, and its loss."""
        per_epoch = -(-self.count // self.config.batch_size)
        step, rate = self.step, self.config.learning_rate
        shape, total = SCHEDULES[self.config.schedule], per_epoch * self.config.epochs
        while step < self.last:
            for images, labels in self.learner.batches(step // per_epoch, step % per_epoch):
                rate = self.rates.get(step, rate)
                loss = self.learner.step(images, labels, rate * shape(step, total))
                step += 1
                yield step, loss
                if step == self.last:
                    return

    def against(self, stretches: list[Stretch], saved: dict[int, Path]) -> Difference | None:
        ends = {each.last: each for each in stretches}
        pending: list[Tensor] = []
        clean = self.step  # until here all is as it was
        for step, loss in self.train():
            pending.append(loss)
            if stretch := ends.get(step):
                losses = torch.stack(pending[stretch.first - step - 1 :]).tolist()
                pending.clear()
                loss_now = sum(losses) / len(losses)
                if loss_now != stretch.loss:
                    return Difference(stretch.first, step, stretch.loss, loss_now)
                clean = step
            if step in saved and self.digest() != read_info(saved[step]).digest:
                return Difference(clean + 1 if clean < step else step, step)
        return None

    def losses(self) -> tuple[list[float], str]:
        """Each step's, and the digest of the state that they end in."""
        return torch.stack([loss for _, loss in self.train()]).tolist(), self.digest()

    def against_itself(self, losses: list[float], end: str) -> Difference | None:
        again, end_now = self.losses()
        for step, (was, now) in enumerate(zip(losses, again, strict=True), self.step + 1):
            if was != now:
                return Difference(step, step, was, now)
        return None if end == end_now else Difference(self.last, self.last)

    def digest(self) -> str:
        return checkpoints.digest(checkpoints.snapshot(self.learner.state()))


def _record(folder: Path) -> list[Event]:
    """Raises CheckpointError."""
    try:
        return [each for each in read_events(folder) if each]
    except OSError as error:
        raise CheckpointError(f"the record in {folder} cannot be read ({explain(error)})") from None


def _config(path: Path, info: CheckpointInfo, record: list[Event]) -> TrainConfig:
    """As it was trained: with the threads and in the arithmetic that the record tells of."""
    described = read_description(path.parent).get("config")
    planned = described.get("epochs") if isinstance(described, dict) else None
    further = {"epochs": planned} if planned is not None else {}
    config = stored_config(path, info.config | {"dataset": info.dataset} | further)
    for event in record:
        if isinstance(event, RunStarted) and event.step <= info.step:
            config = replace(config, threads=max(1, event.threads), precision=event.precision)
    return config


def _device(record: list[Event], info: CheckpointInfo) -> Generator[Event, None, torch.device]:
    started = [e for e in record if isinstance(e, RunStarted) and e.step <= info.step]
    wanted = started[-1].device if started else "auto"
    try:
        return choose_device(wanted)
    except (DeviceError, UsageError):
        yield Notice(message=f"the run was trained on {wanted}, which is not here: bits may differ")
        return choose_device("auto")


def _last(path: Path, info: CheckpointInfo, config: TrainConfig, steps: int, count: int) -> int:
    """The last step. Raises UsageError where the plan has none left."""
    if config.schedule not in PLANNED:
        return info.step + steps
    end = -(-count // config.batch_size) * config.epochs
    if info.step >= end:
        raise UsageError(
            f"{path} is at the end of its run, whose schedule {config.schedule} has no step left "
            "to train again: take an earlier checkpoint"
        )
    return min(info.step + steps, end)


def _stretches(record: list[Event], step: int) -> Iterator[Stretch]:
    """Those of the record that begin at the step or later."""
    begin = 0
    for event in record:
        if isinstance(event, RunStarted):
            begin = event.step
        elif isinstance(event, Progress):
            if begin >= step:
                yield from _parts(begin, event)
            begin = event.step


def _parts(begin: int, event: Progress) -> Iterator[Stretch]:
    """As core.session tells them: the means over equal parts of the steps since `begin`."""
    count, parts = event.step - begin, len(event.losses)
    edges = [begin + count * part // parts for part in range(parts + 1)] if parts else []
    for (start, end), loss in zip(pairwise(edges), event.losses, strict=True):
        if end > start:
            yield Stretch(start + 1, end, loss)


def _rates(record: list[Event], step: int) -> dict[int, float]:
    changes = [each for each in record if isinstance(each, LearningRateChanged)]
    return {each.step: each.learning_rate for each in changes if each.step >= step}


def _saved_later(path: Path, info: CheckpointInfo, last: int) -> dict[int, Path]:
    """By its step, a checkpoint of the same run; of those of one step that of its epoch."""
    return {
        each.info.step: each.path
        for each in sorted(list_run(path.parent), key=lambda each: each.kind == "epoch")
        if each.info and info.step < each.info.step <= last and each.info.arch == info.arch
    }


def _differing_versions(folder: Path) -> Iterator[Event]:
    before = read_description(folder).get("versions")
    was = before.get("torch") if isinstance(before, dict) else None
    if was and was != versions()["torch"]:
        message = f"torch was {was} and is {versions()['torch']}: the last bits may differ"
        yield Notice(message=message)
