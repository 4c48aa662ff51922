"""Trains the steps after a checkpoint again and compares them with what the run has recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.compute.routes import Route
from core.config import TrainConfig
from core.data import datasets
from core.data.batches import steps_per_epoch
from core.errors import CheckpointError
from core.events import Evaluated, Event, Preparing
from core.models.metrics import METRICS
from core.optim.schedules import SCHEDULES
from core.replay.reference import MeanLoss, Reference
from core.runs.catalog import CheckpointFile, list_run_checkpoints
from core.runs.layout import MOST_LASTING
from core.training.learner import Learner
from core.training.load_state import load_state

PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class StepDifference:
    """The first difference: between the steps `first` and `last`, counted from 1.

    `expected` is the value of the record or file that `against` names, `found` the new one.
    """

    first: int
    last: int
    what: str
    against: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        where = f"at step {self.first:,}"
        if self.last > self.first:
            where = f"between steps {self.first:,} and {self.last:,}"
        values = f"{self.what} is {self.found}, but {self.expected} in {self.against}"
        return f"first difference {where}: {values}"


@dataclass(frozen=True)
class StepSettings:
    """How the steps after `step` are trained."""

    step: int
    config: TrainConfig
    route: Route
    device: torch.device


@dataclass(frozen=True)
class Origin:
    """The checkpoint to train from, its data and the settings of each segment, in order."""

    path: Path
    info: CheckpointInfo
    state: dict[str, Tensor]
    tensors: datasets.Tensors
    settings: tuple[StepSettings, ...]
    reference: Reference


class Rerun:
    """Trains the steps after a checkpoint again, each with the settings that it had."""

    def __init__(self, origin: Origin) -> None:
        """Raises CheckpointError where the checkpoint does not fit its architecture."""
        self.origin, self.step = origin, origin.info.step
        self._later = list(origin.settings)
        self._begin(origin.state)

    def _begin(self, state: dict[str, Tensor]) -> None:
        """Build a new learner, as resuming a run does."""
        how = self.settings = self._later.pop(0)
        tensors, scaling = self.origin.tensors, self.origin.info.scaling
        self.learner = Learner(how.config, how.route, tensors, how.device, scaling=scaling)
        load_state(self.learner, state, self.origin.path)
        self.learner.capture()

    def losses(self) -> Iterator[Tensor]:
        """Train one step after the other, endlessly, and yield each loss ()."""
        while True:
            config = self.settings.config
            schedule = SCHEDULES[config.schedule]
            per_epoch = steps_per_epoch(len(self.learner.labels), config.batch_size)
            epoch, first = divmod(self.step, per_epoch)
            for images, labels in self.learner.batches(epoch, first):
                peak = self.origin.reference.rate(self.step, config.learning_rate)
                rate = peak * schedule(self.step, per_epoch * config.epochs)
                loss = self.learner.step(images, labels, rate)
                self.step += 1
                yield loss
                if self._later and self._later[0].step == self.step:
                    self._begin(checkpoints.snapshot(self.learner.state()))
                    break


@dataclass
class Expected:
    """The results of the steps after `origin`, of which `against` names the source.

    `end` is the last step with a loss; `stops` are the steps to compare something at. Comparing
    checkpoints fills in `compared` and `notes`.
    """

    origin: int
    mean_losses: list[MeanLoss]
    evaluations: dict[int, Evaluated] = field(default_factory=dict)
    checkpoints: dict[int, CheckpointFile] = field(default_factory=dict)
    against: str = "the record"
    stops: set[int] = field(default_factory=set)
    compared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def end(self) -> int:
        return max((each.last for each in self.mean_losses), default=self.origin)


def expected_after(origin: Origin, until: int) -> Expected:
    """Return what the run recorded of the steps after the origin."""
    reference, step = origin.reference, origin.info.step
    found: dict[int, CheckpointFile] = {}
    listed = list_run_checkpoints(origin.path.parent) if reference.mean_losses else []
    for each in sorted(listed, key=lambda each: MOST_LASTING.index(each.kind)):
        info = each.info
        if info and step < info.step <= until and reference.has(info):
            found.setdefault(info.step, each)
    losses = [each for each in reference.mean_losses if step < each.first and each.last <= until]
    evaluations = {each.step: each for each in reference.evaluations if step < each.step <= until}
    stops = {each.last for each in losses} | evaluations.keys() | found.keys()
    return Expected(step, losses, evaluations, found, stops=stops)


def compare(
    rerun: Rerun, record: Expected, until: int, message: str
) -> Generator[Event, None, tuple[list[float], StepDifference | None]]:
    """Train up to the first difference; return the losses, and the difference if there is one."""
    losses, pending = list[float](), list[Tensor]()
    mean_losses, stops, reported = deque(record.mean_losses), record.stops | {until}, perf_counter()
    for loss in rerun.losses():
        pending.append(loss)
        due = perf_counter() - reported >= PROGRESS_SECONDS
        if due or rerun.step in stops:
            losses += torch.stack(pending).tolist()
            pending.clear()
            while mean_losses and mean_losses[0].last <= rerun.step:
                if difference := _check_mean_loss(mean_losses.popleft(), losses, record):
                    return losses, difference
        if rerun.step in stops:
            if difference := _check_state(rerun, record) or _check_evaluation(rerun, record):
                return losses, difference
            if rerun.step >= until:
                break
        if due:
            reported, since = perf_counter(), record.origin
            done, total = rerun.step - since, until - since
            yield Preparing(message=message, done=done, total=total)
    return losses, None


def _check_mean_loss(
    expected: MeanLoss, losses: list[float], record: Expected
) -> StepDifference | None:
    part = losses[expected.first - 1 - record.origin : expected.last - record.origin]
    # Summed as the training loop does, to get the same rounding. NaN counts as equal to NaN.
    mean = sum(part) / len(part)
    if mean == expected.loss or (isnan(mean) and isnan(expected.loss)):
        return None
    what = "the loss" if len(part) == 1 else "the mean loss"
    values = repr(expected.loss), repr(mean)
    return StepDifference(expected.first, expected.last, what, record.against, *values)


def _check_state(rerun: Rerun, record: Expected) -> StepDifference | None:
    if not (listed := record.checkpoints.get(rerun.step)):
        return None
    name = listed.path.stem
    try:
        info, expected = checkpoints.load(listed.path)
    except CheckpointError as error:
        record.notes.append(f"{name} was not compared: {error}")
        return None
    if info.step != rerun.step:  # replaced by a run in progress
        return None
    record.compared.append(name)
    found = checkpoints.snapshot(rerun.learner.state())
    return check_tensors(found, expected, rerun.step, name)


def check_tensors(
    found: dict[str, Tensor], expected: dict[str, Tensor], step: int, against: str
) -> StepDifference | None:
    """Return the first tensor that is not bit-identical.

    The state of a GPU's random numbers is left out: other devices have none, and none are drawn.
    """
    for name in sorted((found.keys() | expected.keys()) - {"rng.cuda"}):
        now, then = found.get(name), expected.get(name)
        if now is None or then is None or now.shape != then.shape or now.dtype != then.dtype:
            words = ["missing" if each is None else f"{tuple(each.shape)}" for each in (then, now)]
            return StepDifference(step, step, name, against, *words)
        if checkpoints.compute_digest({name: now}) != checkpoints.compute_digest({name: then}):
            # The digests differ; == may not: 0.0 equals -0.0, and NaN does not equal itself.
            places = (now.view(-1) != then.view(-1)).nonzero().view(-1).tolist() or [0]
            values = [repr(each.view(-1)[places[0]].item()) for each in (then, now)]
            what = f"{name} (in {len(places):,} of {now.numel():,} places)"
            return StepDifference(step, step, what, against, *values)
    return None


def _check_evaluation(rerun: Rerun, record: Expected) -> StepDifference | None:
    if not (expected := record.evaluations.get(rerun.step)):
        return None
    learner = rerun.learner
    scored = torch.cat(list(learner.test_logits()))
    for name, value in (("loss", expected.test_loss), ("accuracy", expected.test_accuracy)):
        found = METRICS[name](scored, learner.test_labels)
        if found != value:
            what, step = f"the test {name}", rerun.step
            return StepDifference(step, step, what, "the record", repr(value), repr(found))
    return None
