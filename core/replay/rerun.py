"""The steps after a checkpoint, made once more and held against what is known of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.config import TrainConfig
from core.data import datasets
from core.data.batches import steps_per_epoch
from core.errors import CheckpointError
from core.events import Evaluated, Event, Preparing
from core.models.metrics import METRICS
from core.optim.schedules import SCHEDULES
from core.replay.reference import Reference, Stretch
from core.runs.catalog import CheckpointFile, list_run_checkpoints
from core.runs.layout import MOST_LASTING
from core.training.learner import Learner
from core.training.load_state import load_state

TOLD_SECONDS = 0.1


@dataclass(frozen=True)
class StepDifference:
    """Steps are counted from 1, and are the same where the very step is known. `expected` is what
    was found before, in what `against` says, and `found` what there is now."""

    first: int
    last: int
    what: str
    against: str
    expected: str
    found: str

    @property
    def in_words(self) -> str:
        where = f"at step {self.first:,}"
        if self.last > self.first:
            where = f"between steps {self.first:,} and {self.last:,}"
        return (
            f"differs first {where}: {self.what} is {self.found}, and in {self.against} "
            f"{self.expected}"
        )


@dataclass(frozen=True)
class StepSettings:
    """How the steps from `step` on are made."""

    step: int
    config: TrainConfig
    precision: str
    device: torch.device


@dataclass(frozen=True)
class Origin:
    """Where the steps begin, and what they are made of. The first settings are those of there."""

    path: Path
    info: CheckpointInfo
    state: dict[str, Tensor]
    tensors: datasets.Tensors
    settings: tuple[StepSettings, ...]
    recorded: Reference


class Rerun:
    """The steps after a checkpoint, made once more, each as it was then."""

    def __init__(self, origin: Origin) -> None:
        """Raises CheckpointError where the checkpoint does not fit what it says it is of."""
        self.origin, self.step = origin, origin.info.step
        self.tensors = origin.tensors
        self._later = list(origin.settings)
        self._begin(origin.state)

    def _begin(self, state: dict[str, Tensor]) -> None:
        """As where a run is taken up."""
        self.settings = self._later.pop(0)
        each = self.settings
        self.learner = Learner(each.config, each.precision, self.tensors, each.device)
        load_state(self.learner, state, self.origin.path)
        self.learner.capture()

    def losses(self) -> Iterator[Tensor]:
        """Of one step after the other, without an end."""
        while True:
            config = self.settings.config
            shape = SCHEDULES[config.schedule]
            per_epoch = steps_per_epoch(len(self.tensors.train_labels), config.batch_size)
            epoch, first = divmod(self.step, per_epoch)
            for images, labels in self.learner.batches(epoch, first):
                peak = self.origin.recorded.rate(self.step, config.learning_rate)
                rate = peak * shape(self.step, per_epoch * config.epochs)
                loss = self.learner.step(images, labels, rate)
                self.step += 1
                yield loss
                if self._later and self._later[0].step == self.step:
                    self._begin(checkpoints.snapshot(self.learner.state()))
                    break


@dataclass
class Known:
    """What the run has left of the steps after the origin: of which `compared` and `notes` tell
    once they have been made."""

    origin: int
    stretches: list[Stretch]
    scores: dict[int, Evaluated]
    checkpoints: dict[int, CheckpointFile]
    compared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def stops(self) -> set[int]:
        ends = {each.last for each in self.stretches}
        return ends | self.scores.keys() | self.checkpoints.keys()

    @property
    def end(self) -> int:
        """How far the record reaches."""
        return max((each.last for each in self.stretches), default=self.origin)


def known_after(origin: Origin, until: int) -> Known:
    recorded, step = origin.recorded, origin.info.step
    found: dict[int, CheckpointFile] = {}
    listed = list_run_checkpoints(origin.path.parent) if recorded.stretches else []
    for each in sorted(listed, key=lambda each: MOST_LASTING.index(each.kind)):
        info = each.info
        if info and step < info.step <= until and recorded.has(info):
            found.setdefault(info.step, each)
    return Known(
        step,
        [each for each in recorded.stretches if step < each.first and each.last <= until],
        {each.step: each for each in recorded.scores if step < each.step <= until},
        found,
    )


Outcome = Generator[Event, None, "StepDifference | None"]


def compare(
    again: Rerun, known: Known, until: int
) -> Generator[Event, None, tuple[list[float], StepDifference | None]]:
    """Makes the steps, up to the first that is not as it was; gives their losses."""
    losses: list[float] = []
    pending: list[Tensor] = []
    stretches, stops, told = list(known.stretches), known.stops | {until}, perf_counter()
    for loss in again.losses():
        pending.append(loss)
        due = perf_counter() - told >= TOLD_SECONDS
        if due or again.step in stops:
            losses += torch.stack(pending).tolist()
            pending.clear()
        if again.step in stops:
            while stretches and stretches[0].last <= again.step:
                if difference := _check_stretch(stretches.pop(0), losses, known.origin):
                    return losses, difference
            if difference := _check_state(again, known) or _check_score(again, known):
                return losses, difference
            if again.step >= until:
                break
        if due:
            told = perf_counter()
            yield _progress(again, known.origin, until, "training again")
    return losses, None


def _progress(again: Rerun, since: int, until: int, what: str) -> Event:
    return Preparing(message=what, done=again.step - since, total=until - since)


def _check_stretch(stretch: Stretch, losses: list[float], origin: int) -> StepDifference | None:
    part = losses[stretch.first - 1 - origin : stretch.last - origin]
    # As a session makes it.
    mean = sum(part) / len(part)
    if mean == stretch.loss:
        return None
    what = "the loss" if len(part) == 1 else "the mean loss"
    return StepDifference(
        stretch.first, stretch.last, what, "the record", repr(stretch.loss), repr(mean)
    )


def _check_state(again: Rerun, known: Known) -> StepDifference | None:
    listed = known.checkpoints.get(again.step)
    if listed is None:
        return None
    name = listed.path.stem
    try:
        info, expected = checkpoints.load(listed.path)
    except CheckpointError as error:
        known.notes.append(f"{name} was not compared: {error}")
        return None
    if info.step != again.step:  # a run that goes on has replaced it
        return None
    known.compared.append(name)
    found = checkpoints.snapshot(again.learner.state())
    return _check_tensors(found, expected, again.step, name)


def _check_tensors(
    found: dict[str, Tensor], expected: dict[str, Tensor], step: int, against: str
) -> StepDifference | None:
    """The first tensor that is not the same to the bit. A GPU's random numbers are not had on
    other devices, and nothing is drawn from them."""
    for name in sorted((found.keys() | expected.keys()) - {"rng.cuda"}):
        now, then = found.get(name), expected.get(name)
        if now is None or then is None or now.shape != then.shape or now.dtype != then.dtype:
            words = ["missing" if each is None else f"{tuple(each.shape)}" for each in (then, now)]
            return StepDifference(step, step, name, against, *words)
        if checkpoints.compute_digest({name: now}) != checkpoints.compute_digest({name: then}):
            # To the bit: to == a zero and a negative one are the same, and no NaN is the same.
            places = (now.view(-1) != then.view(-1)).nonzero().view(-1).tolist() or [0]
            values = [repr(each.view(-1)[places[0]].item()) for each in (then, now)]
            what = f"{name} (in {len(places):,} of {now.numel():,} places)"
            return StepDifference(step, step, what, against, *values)
    return None


def _check_score(again: Rerun, known: Known) -> StepDifference | None:
    expected = known.scores.get(again.step)
    if expected is None:
        return None
    learner = again.learner
    scored = torch.cat(list(learner.test_logits()))
    for name, value in (("loss", expected.test_loss), ("accuracy", expected.test_accuracy)):
        found = METRICS[name](scored, learner.test_labels)
        if found != value:
            what, step = f"the test's {name}", again.step
            return StepDifference(step, step, what, "the record", repr(value), repr(found))
    return None


def compare_twice(again: Rerun, before: list[float], state_before: dict[str, Tensor]) -> Outcome:
    """Makes the steps a second time, up to the first that is not as it was the first time."""
    since, until = again.step, again.step + len(before)
    pending: list[Tensor] = []
    told = perf_counter()
    for loss in again.losses():
        pending.append(loss)
        if again.step >= until or perf_counter() - told >= TOLD_SECONDS:
            made = again.step - len(pending)
            for step, value in enumerate(torch.stack(pending).tolist(), made + 1):
                expected = before[step - since - 1]
                if repr(value) != repr(expected):  # to which NaN is NaN
                    return StepDifference(
                        step, step, "the loss", "the first time", repr(expected), repr(value)
                    )
            pending.clear()
            if again.step >= until:
                break
            told = perf_counter()
            yield _progress(again, since, until, "training it a second time")
    state = checkpoints.snapshot(again.learner.state())
    return _check_tensors(state, state_before, until, "the first time")
