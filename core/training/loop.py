"""One run: its steps, its scores, its checkpoints, and what it is told in between."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from time import perf_counter, time

import torch
from torch import Tensor

from core.checkpoints.header import CheckpointInfo
from core.commands import (
    Inbox,
)
from core.config import TrainConfig
from core.data.batches import steps_per_epoch
from core.data.datasets import Tensors
from core.errors import CheckpointError, Diverged
from core.events import (
    Detached,
    DigitsLoaded,
    Evaluated,
    Event,
    Notice,
    Progress,
    RunFinished,
    RunStarted,
    Scored,
    equal_parts,
)
from core.models.architectures import ARCHITECTURES
from core.models.metrics import METRICS, confusion
from core.optim.schedules import SCHEDULES
from core.runs.layout import LAST
from core.runs.run_writer import RunWriter
from core.training.checkpoint_writer import CheckpointWriter
from core.training.control import handle_commands
from core.training.diagnostics import Before, inspect
from core.training.distributed import RankLost
from core.training.learner import Learner
from core.training.load_state import Position

PROGRESS_SECONDS = 0.1
# A progress event's stretch of losses is told as so many means.
MEANS_PER_PROGRESS = 8
# Digits scored at a time: few on a CPU, so that a command is heard within a moment.
SCORED = {"cpu": 100}


class TrainingLoop:
    """The moving parts of one run, from its first step to its last."""

    def __init__(
        self,
        config: TrainConfig,
        dataset: str,
        tensors: Tensors,
        learner: Learner,
        run: RunWriter,
        inbox: Inbox,
        position: Position,
    ) -> None:
        self.config, self.dataset, self.tensors = config, dataset, tensors
        self.learner, self.run, self.inbox = learner, run, inbox
        self.ranks = learner.ranks
        self.saver = CheckpointWriter(run, position.best, config.keep)
        self.count = len(tensors.train_labels)
        self.steps_per_epoch = steps_per_epoch(self.count, config.batch_size)
        self.total_steps = self.steps_per_epoch * config.epochs
        self.shape = SCHEDULES[config.schedule]
        self.notices = position.notices
        self.stopping = False
        self.handing_over: Detached | None = None
        self.pending: list[Tensor] = []  # each step's loss since the last progress
        self.before: Before | None = None  # the next step, where someone wants to know of it
        self.step = 0
        self.train_seconds = 0.0
        self.test_loss: float | None = None
        self.test_accuracy: float | None = None
        self.scored_step = -1  # the step that the two above belong to
        if position.info:
            self._go_on(position.info)
        self.saved_seconds = self.train_seconds  # when the last checkpoint was begun
        self.reported = (self.train_seconds, self.samples)  # at the last progress

    def _go_on(self, info: CheckpointInfo) -> None:
        self.step, self.train_seconds = info.step, info.train_seconds
        self.saver.last = str(self.run.folder / LAST)
        if info.test_loss is not None and info.test_accuracy is not None:
            self.test_loss, self.test_accuracy = info.test_loss, info.test_accuracy
            self.scored_step = self.step

    @property
    def epoch(self) -> int:
        """Whole epochs behind us."""
        return self.step // self.steps_per_epoch

    @property
    def samples(self) -> int:
        within = (self.step % self.steps_per_epoch) * self.config.batch_size
        return self.epoch * self.count + within

    @property
    def rate(self) -> float:
        """The next step's learning rate."""
        return self.config.learning_rate * self.shape(self.step, self.total_steps)

    def events(self) -> Iterator[Event]:
        yield self.started()
        yield DigitsLoaded(labels=bytes(self.tensors.test_labels.tolist()))
        for each in self.notices:
            yield Notice(message=each)
        if why := self.learner.capture():
            yield Notice(message=f"steps are made one by one, since a graph cannot be had: {why}")
        at_end = self.step > 0 and self.step % self.steps_per_epoch == 0
        if at_end and self.scored_step != self.step:
            yield from self.evaluate()
        if at_end and self.scored_step == self.step:
            self.save()  # it may be the best, and a process that was killed may not have come to it
        while self.epoch < self.config.epochs and not self.stopping:
            try:
                yield from self.train_epoch()
            except RankLost:  # in a step that has changed nothing yet
                yield from self.report()
                self.save()
                raise
            if not self.stopping:
                yield from self.evaluate()
            self.save()
        yield from self.saver.finish()
        if self.saver.error:
            raise CheckpointError(f"the result could not be saved ({self.saver.error})")
        yield self.handing_over or self.finished()

    def finished(self) -> RunFinished:
        return RunFinished(
            epochs=self.epoch,
            steps=self.step,
            test_loss=self.test_loss,
            test_accuracy=self.test_accuracy,
            train_seconds=self.train_seconds,
            samples_per_second=self.samples / self.train_seconds if self.train_seconds else 0.0,
            checkpoint=self.saver.last,
            stopped=self.stopping,
        )

    def started(self) -> RunStarted:
        branched_from, branched_at = self.run.branched
        return RunStarted(
            run=self.run.name,
            folder=str(self.run.folder),
            arch=self.config.arch,
            dataset=self.dataset,
            device=str(self.learner.device),
            parameters=ARCHITECTURES[self.config.arch].parameters,
            epochs=self.config.epochs,
            batch_size=self.config.batch_size,
            steps_per_epoch=self.steps_per_epoch,
            total_steps=self.total_steps,
            train_samples=self.count,
            test_samples=len(self.tensors.test_labels),
            threads=self.learner.threads,
            config=asdict(self.config),
            precision=self.learner.precision,
            step=self.step,
            ranks=self.ranks.world if self.ranks else 1,
            branched_from=branched_from,
            branched_at=branched_at,
        )

    def train_epoch(self) -> Iterator[Event]:
        """One epoch's steps, or those of them that come before a stop."""
        since = last = perf_counter()
        first = self.step % self.steps_per_epoch
        for images, labels in self.learner.batches(self.epoch, first):
            # With others, commands are heard where all meet.
            if not self.inbox.empty() and not (self.ranks and self.ranks.left):
                self.train_seconds += perf_counter() - since
                yield from handle_commands(self)
                since = perf_counter()
                if self.stopping:
                    break
            if self.ranks and not self.ranks.left:
                to_epoch_end = self.steps_per_epoch - self.step % self.steps_per_epoch
                self.ranks.go_on(to_epoch_end, self.config.learning_rate)
            self.pending.append(self.learner.step(images, labels, self.rate))
            self.step += 1
            if self.before:
                self.train_seconds += perf_counter() - since
                yield inspect(self.learner, self.step, self.before)
                self.before = None
                since = perf_counter()
            now = perf_counter()
            if now - last >= PROGRESS_SECONDS:
                self.train_seconds += now - since
                since = last = now
                yield from self.report()
                yield from self.saver.written()
                if self.train_seconds - self.saved_seconds >= self.config.save_every:
                    self.train_seconds += perf_counter() - since
                    self.save()
                    since = perf_counter()
        self.train_seconds += perf_counter() - since
        yield from self.report()

    def report(self) -> Iterator[Event]:
        """Progress since the last, if there is any. Raises Diverged."""
        if not self.pending:
            return
        # One wait for the device, however much is asked of it.
        *losses, gradient = torch.stack([*self.pending, self.learner.gradient_norm()]).tolist()
        self.pending.clear()
        for place, loss in enumerate(losses):
            if not math.isfinite(loss):
                raise self.diverged(self.step - len(losses) + place + 1)
        seconds, samples = self.reported
        self.reported = self.train_seconds, self.samples
        elapsed = self.train_seconds - seconds
        yield Progress(
            step=self.step,
            epoch=math.ceil(self.step / self.steps_per_epoch),
            loss=sum(losses) / len(losses),
            losses=tuple(_means(losses, MEANS_PER_PROGRESS)),
            learning_rate=self.config.learning_rate * self.shape(self.step - 1, self.total_steps),
            samples_per_second=(self.samples - samples) / elapsed if elapsed else 0.0,
            gradient_norm=gradient,
        )

    def diverged(self, step: int | None = None) -> Diverged:
        step, rate = step or self.step, self.config.learning_rate
        return Diverged(
            f"training diverged by step {step:,}: the loss is no longer a finite number; "
            f"try a learning rate below {rate:g}"
        )

    def evaluate(self) -> Iterator[Event]:
        """Scores the test set, unless a stop comes first. Raises Diverged."""
        parts = []
        for part in self.learner.scores(SCORED.get(self.learner.device.type, 10_000)):
            yield from handle_commands(self)
            if self.stopping:
                return
            parts.append(part)
        scored = torch.cat(parts)
        test_loss = METRICS["loss"](scored, self.learner.test_labels)
        if not math.isfinite(test_loss):
            raise self.diverged()
        self.test_loss = test_loss
        self.test_accuracy = METRICS["accuracy"](scored, self.learner.test_labels)
        self.scored_step = self.step
        yield Evaluated(
            epoch=self.epoch,
            step=self.step,
            test_loss=test_loss,
            test_accuracy=self.test_accuracy,
            confusion=tuple(map(tuple, confusion(scored, self.learner.test_labels).tolist())),
        )
        logits = scored.float().cpu().numpy().tobytes()
        yield Scored(epoch=self.epoch, step=self.step, logits=logits)

    def save(self) -> None:
        """Begins to write last.safetensors, best.safetensors where the test set has never gone
        better, and with a score the epoch's own. All progress must have been reported.

        Raises Diverged before it would put weights that are not finite over good ones.
        """
        if not self.learner.is_finite():
            raise self.diverged()
        self.saved_seconds = self.train_seconds
        scored = self.scored_step == self.step
        info = CheckpointInfo(
            run=self.run.name,
            arch=self.config.arch,
            dataset=self.dataset,
            config=asdict(self.config),
            epoch=self.epoch,
            step=self.step,
            test_loss=self.test_loss if scored else None,
            test_accuracy=self.test_accuracy if scored else None,
            parameters=ARCHITECTURES[self.config.arch].parameters,
            saved_at=time(),
            train_seconds=self.train_seconds,
        )
        self.saver.begin(self.learner.state(), info)


def _means(values: list[float], parts: int) -> Iterator[float]:
    """The means of so many equal stretches, fewer where there are fewer values."""
    for start, end in equal_parts(len(values), parts):
        yield sum(values[start:end]) / (end - start)
