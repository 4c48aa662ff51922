"""The training loop of one run: its steps, evaluations and checkpoints, as events."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

import torch
from torch import Tensor

from core.class_names import pack_labels
from core.commands import Inbox
from core.compute.process_state import take_state
from core.data.datasets import Tensors
from core.errors import CheckpointError
from core.events import (
    MOST_CONFUSED,
    Detached,
    DigitsLoaded,
    Evaluated,
    Event,
    Notice,
    Progress,
    RunFailed,
    Scored,
    equal_parts,
)
from core.models.metrics import METRICS, confusion
from core.optim.schedules import SCHEDULES
from core.runs.layout import LAST
from core.runs.run_writer import RunWriter
from core.training.checkpoint_writer import CheckpointWriter
from core.training.control import handle_commands
from core.training.diagnostics import WeightsBefore, inspect, inspect_norms
from core.training.distributed import RankLost, Ranks
from core.training.divergence import LossCheck, check_weights
from core.training.learner import Learner
from core.training.load_state import Position, resume
from core.training.run_records import checkpoint_info, run_finished, run_started
from core.training.setup import Setup
from core.training.stopwatch import Stopwatch, clock
from core.training.turns import Turn, TurnOver

PROGRESS_SECONDS = 0.1
# A progress event has so many means of the losses since the last one.
MEANS_PER_PROGRESS = 8


class TrainingLoop:
    """One run, from its first step to its last.

    Methods that may wait, or find that the run has diverged, are generators of events.
    """

    def __init__(
        self,
        setup: Setup,
        tensors: Tensors,
        run: RunWriter,
        inbox: Inbox,
        ranks: Ranks | None,
        turn: Turn | None = None,
    ) -> None:
        """`ranks` are the processes that share each batch, of which this one leads; `turn` is set
        where the run shares its thread with others."""
        self.setup, self.config = setup, setup.config  # a command may change the learning rate
        self.tensors, self.run, self.inbox, self.ranks = tensors, run, inbox, ranks
        self.turn = turn
        self.writer = CheckpointWriter(run, self.config.keep)
        self.steps_per_epoch, self.total_steps = setup.steps_per_epoch, setup.total_steps
        self.schedule = SCHEDULES[self.config.schedule]
        self.watch = Stopwatch()
        self.step = 0
        self.losses: list[Tensor] = []  # of each step since the last progress, on the device
        # Looked up once: the checkpoint may be deleted while the run trains.
        self.arch, self.network = setup.arch, setup.network
        self.class_names = setup.class_names
        self.loss_check = LossCheck(len(self.class_names))
        self.stopping = False
        self.detached: Detached | None = None
        self.weights_before: WeightsBefore | None = None  # set where the next step is inspected
        self.test_loss: float | None = None
        self.test_accuracy: float | None = None
        self.evaluated_step = -1  # the step that the two above belong to
        self.saved_seconds = 0.0  # on the stopwatch, when the last checkpoint was taken
        self.reported = (0.0, 0)  # seconds and samples at the last progress

    def events(self) -> Iterator[Event]:
        """Train to the end of the last epoch, or until Stop, and yield what happens.

        Raises UserError, and what torch raises.
        """
        position = self._prepare()
        yield run_started(self)
        labels = self.tensors.test_labels.tolist()
        yield DigitsLoaded(labels=pack_labels(labels, len(self.class_names)))
        for message in (*self.setup.chosen.notes, *position.notices):
            yield Notice(message=message)
        if why := self.learner.capture():
            yield Notice(message=f"CUDA graphs are unavailable, steps run one at a time: {why}")
        yield from self.wait_turn()
        if self.step and self.step % self.steps_per_epoch == 0:
            if self.evaluated_step != self.step:
                yield from self.evaluate()
            if self.evaluated_step == self.step:
                self.save()  # as best too, which a killed process may not have come to
        while self.epoch < self.config.epochs and not self.stopping:
            try:
                yield from self.train_epoch()
            except RankLost:  # during a step that has changed no weights yet
                yield from self.report()
                self.save()
                raise
            if not self.stopping:
                yield from self.evaluate()
            self.save()
        yield from self.writer.finish()
        if self.writer.error:
            raise CheckpointError(f"the result could not be saved ({self.writer.error})")
        yield from (inspect_norms(self.learner, self.step), self.detached or run_finished(self))

    def end_with(self, failure: RunFailed) -> Iterator[Event]:
        """Wait for checkpoints that are being written, then yield the failure with the last one."""
        yield from self.writer.finish()
        if last := self.writer.last:
            message = f"{failure.message}; the last checkpoint is {last}"
            failure = replace(failure, message=message, checkpoint=last)
        yield failure

    def train_epoch(self) -> Iterator[Event]:
        """Train the remaining steps of the epoch, until a Stop."""
        watch, inbox, ranks, learner = self.watch, self.inbox, self.ranks, self.learner
        watch.start()
        last_report = watch.since
        first = self.step % self.steps_per_epoch
        for images, labels in learner.batches(self.epoch, first):
            # Several ranks handle commands only where they meet.
            if not inbox.empty() and not (ranks and ranks.steps_left):
                watch.stop()
                yield from handle_commands(self)
                watch.start()
                if self.stopping:
                    break
            if ranks and not ranks.steps_left:
                to_epoch_end = self.steps_per_epoch - self.step % self.steps_per_epoch
                ranks.begin_steps(to_epoch_end, self.config.learning_rate)
            self.losses.append(learner.step(images, labels, self.learning_rate_at(self.step)))
            self.step += 1
            if before := self.weights_before:
                watch.stop()
                self.weights_before = None
                wanted, names = before.wanted, self.class_names
                yield inspect(learner, self.step, self.tensors, wanted, before, names=names)
                watch.start()
            now = clock()
            if now - last_report >= PROGRESS_SECONDS or self.step == 1:  # the untrained loss
                last_report = now
                watch.lap(now)
                yield from self.report()
                yield from self.writer.poll()
                if watch.seconds - self.saved_seconds >= self.config.save_every:
                    watch.stop()
                    self.save()
                    watch.start()
            if self.turn and self.turn.is_over(self.samples, watch.seconds + now - watch.since):
                watch.stop()
                yield from self.wait_turn()
                watch.start()
        watch.stop()
        yield from self.report()

    def wait_turn(self, *, is_waiting: bool = False) -> Iterator[TurnOver]:
        """Let the runs train that share this thread, if there are any, and leave no trace of them
        in this one's random numbers, number of threads and exactness."""
        if self.turn is None:
            return
        own = take_state(self.learner.device)
        yield TurnOver(samples=self.samples, seconds=self.watch.seconds, is_waiting=is_waiting)
        own.restore(self.learner.device)

    def report(self) -> Iterator[Progress]:
        """Yield the progress since the last report, while finite. Raises Diverged after it."""
        if not self.losses:
            return
        # One transfer from the device for all of them.
        *losses, norm = torch.stack([*self.losses, self.learner.gradient_norm()]).tolist()
        self.losses.clear()
        before, self.reported = self.reported, (self.watch.seconds, self.samples)
        seconds, samples = (now - then for now, then in zip(self.reported, before, strict=True))
        if shown := [*takewhile(math.isfinite, losses)]:
            step = self.step - len(losses) + len(shown)
            parts = equal_parts(len(shown), MEANS_PER_PROGRESS)
            yield Progress(
                step=step,
                epoch=math.ceil(step / self.steps_per_epoch),
                loss=sum(shown) / len(shown),
                losses=tuple(sum(shown[a:b]) / (b - a) for a, b in parts),
                learning_rate=self.learning_rate_at(step - 1),
                samples_per_second=samples / seconds if seconds else 0.0,
                gradient_norm=norm,
            )
        self.loss_check.add(losses, self.step, self.config)

    def evaluate(self) -> Iterator[Event]:
        """Evaluate the test set, unless a Stop comes first. Raises Diverged."""
        parts = []
        for part in self.learner.test_logits():
            yield from handle_commands(self)
            if self.stopping:
                return
            parts.append(part)
        logits, labels = torch.cat(parts), self.learner.test_labels
        test_loss = METRICS["loss"](logits, labels)
        self.loss_check.check_test_loss(test_loss, self.step, self.config)
        self.test_loss, self.evaluated_step = test_loss, self.step
        self.test_accuracy = METRICS["accuracy"](logits, labels)
        counts = confusion(logits, labels) if logits.shape[1] <= MOST_CONFUSED else None
        yield Evaluated(
            epoch=self.epoch,
            step=self.step,
            test_loss=test_loss,
            test_accuracy=self.test_accuracy,
            confusion=() if counts is None else tuple(map(tuple, counts.tolist())),
        )
        values = logits.float().cpu().numpy().tobytes()
        yield Scored(epoch=self.epoch, step=self.step, logits=values)

    def save(self) -> None:
        """Start to write checkpoints of this step; its progress must have been reported.

        Raises Diverged before weights that are not finite would replace good ones.
        """
        check_weights(self.learner.parameters.values(), self.step, self.config)
        self.saved_seconds = self.watch.seconds
        self.writer.save(self.learner.state(), checkpoint_info(self))

    @property
    def epoch(self) -> int:
        """Count the epochs that are complete."""
        return self.step // self.steps_per_epoch

    @property
    def samples(self) -> int:
        """Count the training samples of all steps so far."""
        within = (self.step % self.steps_per_epoch) * self.config.batch_size
        return self.epoch * self.setup.train_samples + within

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.config.learning_rate * self.schedule(step, self.total_steps)

    def _prepare(self) -> Position:
        """Build the network and load the checkpoint; nothing of a resumed run changes before."""
        setup = self.setup
        self.learner = Learner(
            self.config,
            setup.route,
            self.tensors,
            setup.device,
            self.ranks,
            setup.scaling,
            self.network,
            self.turn.images.prepare if self.turn else None,
        )
        point, learner = setup.resume_point, self.learner
        position = resume(self.run, learner, setup) if point else Position(self.config)
        self.config, self.writer.best = position.config, position.best
        if info := position.info:
            self.step, self.watch.seconds = info.step, info.train_seconds
            self.loss_check.resume(info.step, info.block_loss)
            self.writer.last = str(self.run.folder / LAST)
            if info.test_loss is not None and info.test_accuracy is not None:
                self.test_loss, self.test_accuracy = info.test_loss, info.test_accuracy
                self.evaluated_step = self.step
        self.saved_seconds = self.watch.seconds
        self.reported = self.watch.seconds, self.samples
        if self.ranks:
            self.ranks.lead(self.config, self.tensors, self.learner, self.step)
        return position
