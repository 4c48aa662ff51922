"""One run's moving parts: the steps, the scoring, the saving, and what is asked in between."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from time import perf_counter, time

import torch
from torch import Tensor
from torch.nn import functional

from core import checkpoints
from core.architectures import ARCHITECTURES
from core.batches import batches, epoch_order
from core.commands import Command, Inbox, Pause, Predict, Resume, Stop
from core.config import TrainConfig
from core.datasets import Tensors
from core.devices import cpu_cores
from core.errors import CheckpointError, Diverged, explain
from core.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    Notice,
    Paused,
    Predicted,
    Progress,
    Resumed,
    RunFinished,
    RunStarted,
)
from core.inference import describe_digits, normalize
from core.metrics import METRICS
from core.runs import Run

PROGRESS_SECONDS = 0.1
# A progress event's stretch of losses is told as so many means.
MEANS_PER_PROGRESS = 8
# Below this, one operation is too short for a second thread: on 2 cores, linear trains as fast on
# one thread as on two, mlp (670,000) 1.4 times as fast on two, cnn 1.7 times.
ONE_THREAD_PARAMETERS = 100_000


@dataclass(frozen=True)
class Asked(Event):
    """A command that is not for the run: whoever drives it answers, on this same thread."""

    recorded = False

    command: Command


class Session:
    """The moving parts of one run, from its first step to its last."""

    def __init__(
        self,
        config: TrainConfig,
        dataset: str,
        tensors: Tensors,
        device: torch.device,
        run: Run,
        inbox: Inbox,
    ) -> None:
        self.config, self.dataset, self.tensors = config, dataset, tensors
        self.device, self.run, self.inbox = device, run, inbox
        self.parameters = ARCHITECTURES[config.arch].parameters
        self.step = 0
        self.epoch = 0  # whole epochs behind us
        self.stopping = False
        self.test_loss: float | None = None
        self.test_accuracy: float | None = None
        self.scored_step = -1  # the step that the two above belong to
        self.best = (-1.0, -math.inf)
        self.saved: str | None = None
        self.save_error: str | None = None
        self.pending: list[Tensor] = []  # each step's loss since the last progress
        self.train_seconds = 0.0
        self.samples = 0
        self.reported = (0.0, 0)  # train_seconds and samples at the last progress

    def set_up(self) -> None:
        """Network, optimizer and digits on the device: the first that can run out of memory."""
        config, device, tensors = self.config, self.device, self.tensors
        if config.threads != "auto":
            self.threads = int(config.threads)
        else:
            self.threads = 1 if self.parameters < ONE_THREAD_PARAMETERS else cpu_cores()
        torch.set_num_threads(self.threads)
        # The seed draws the weights on the CPU, so that they are the same on every device.
        torch.manual_seed(config.seed)
        self.model = ARCHITECTURES[config.arch].build().to(device)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=config.learning_rate, fused=True
        )
        self.images = normalize(tensors.train_images).to(device)
        self.labels = tensors.train_labels.to(device)
        self.test_images = normalize(tensors.test_images).to(device)
        self.test_labels = tensors.test_labels.to(device)

    @property
    def count(self) -> int:
        return len(self.tensors.train_labels)

    def events(self) -> Iterator[Event]:
        config = self.config
        self.set_up()
        steps_per_epoch = math.ceil(self.count / config.batch_size)
        yield RunStarted(
            run=self.run.name,
            folder=str(self.run.folder),
            arch=config.arch,
            dataset=self.dataset,
            device=str(self.device),
            parameters=self.parameters,
            epochs=config.epochs,
            batch_size=config.batch_size,
            steps_per_epoch=steps_per_epoch,
            total_steps=steps_per_epoch * config.epochs,
            train_samples=self.count,
            test_samples=len(self.test_labels),
            threads=self.threads,
            config=asdict(config),
        )
        while self.epoch < config.epochs and not self.stopping:
            yield from self.train_epoch()
            if not self.stopping:
                self.epoch += 1
                yield from self.evaluate()
            yield from self.save()
        if self.save_error:
            raise CheckpointError(f"the result could not be saved ({self.save_error})")
        yield RunFinished(
            epochs=self.epoch,
            steps=self.step,
            test_loss=self.test_loss,
            test_accuracy=self.test_accuracy,
            train_seconds=self.train_seconds,
            samples_per_second=self.samples / self.train_seconds if self.train_seconds else 0.0,
            checkpoint=self.saved,
            stopped=self.stopping,
        )

    def train_epoch(self) -> Iterator[Event]:
        """One epoch's steps, or those of them that come before a stop."""
        order = epoch_order(self.config.seed, self.epoch, self.count).to(self.device)
        since = last = perf_counter()
        for images, labels in batches(self.images, self.labels, order, self.config.batch_size):
            if not self.inbox.empty():
                self.train_seconds += perf_counter() - since
                yield from self.obey()
                since = perf_counter()
                if self.stopping:
                    break
            loss = functional.cross_entropy(self.model(images), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
            self.samples += len(labels)
            self.pending.append(loss.detach())
            now = perf_counter()
            if now - last >= PROGRESS_SECONDS:
                self.train_seconds += now - since
                since = last = now
                yield from self.report()
        self.train_seconds += perf_counter() - since
        yield from self.report()

    def report(self) -> Iterator[Event]:
        """Progress since the last, if there is any. Raises Diverged."""
        if not self.pending:
            return
        losses = torch.stack(self.pending).tolist()
        self.pending.clear()
        if not all(map(math.isfinite, losses)):
            raise self.diverged()
        seconds, samples = self.reported
        self.reported = self.train_seconds, self.samples
        elapsed = self.train_seconds - seconds
        yield Progress(
            step=self.step,
            epoch=math.ceil(self.step / math.ceil(self.count / self.config.batch_size)),
            loss=sum(losses) / len(losses),
            losses=tuple(_means(losses, MEANS_PER_PROGRESS)),
            learning_rate=self.optimizer.param_groups[0]["lr"],
            samples_per_second=(self.samples - samples) / elapsed if elapsed else 0.0,
        )

    def diverged(self) -> Diverged:
        rate = self.config.learning_rate
        return Diverged(
            f"training diverged by step {self.step:,}: the loss is no longer a finite number; "
            f"try a learning rate below {rate:g}"
        )

    def evaluate(self) -> Iterator[Event]:
        """Scores the test set, unless a stop comes first. Raises Diverged."""
        # Small on a CPU, so that a command is heard within a moment.
        size = 250 if self.device.type == "cpu" else 10_000
        logits = []
        self.model.eval()
        for images in self.test_images.split(size):
            yield from self.obey()
            if self.stopping:
                break
            with torch.inference_mode():
                logits.append(self.model(images))
        self.model.train()
        if self.stopping:
            return
        scored = torch.cat(logits)
        test_loss = METRICS["loss"](scored, self.test_labels)
        if not math.isfinite(test_loss):
            raise self.diverged()
        self.test_loss = test_loss
        self.test_accuracy = METRICS["accuracy"](scored, self.test_labels)
        self.scored_step = self.step
        yield Evaluated(
            epoch=self.epoch,
            step=self.step,
            test_loss=test_loss,
            test_accuracy=self.test_accuracy,
        )

    def obey(self) -> Iterator[Event]:
        """Does what was asked, in order; while paused, waits here and uses no CPU."""
        paused = False
        while (paused or not self.inbox.empty()) and not self.stopping:
            match self.inbox.get():
                case Pause() if not paused:
                    paused = True
                    yield from self.report()
                    yield from self.save()
                    yield Paused(step=self.step)
                case Resume() if paused:
                    paused = False
                    yield Resumed(step=self.step)
                case Pause() | Resume():
                    pass
                case Stop():
                    self.stopping = True
                case Predict(indices=indices):
                    yield self.predict(indices)
                case other:
                    yield Asked(command=other)

    def predict(self, indices: tuple[int, ...]) -> Predicted:
        test_images, test_labels = self.tensors.test_images, self.tensors.test_labels
        mode = self.model.training
        digits = describe_digits(self.model, test_images, test_labels, indices)
        self.model.train(mode)
        return Predicted(digits=digits, samples=len(test_labels), step=self.step)

    def save(self) -> Iterator[Event]:
        """last.safetensors always, best.safetensors where the test set has never gone better.

        Raises Diverged before it would put weights that are not finite over good ones.
        """
        if not all(bool(each.isfinite().all()) for each in self.model.parameters()):
            raise self.diverged()
        scored = self.scored_step == self.step
        last = self.run.folder / ("last" + checkpoints.SUFFIX)
        paths = [last]
        score = (self.test_accuracy or 0.0, -(self.test_loss or 0.0))
        if scored and score > self.best:
            paths.append(self.run.folder / ("best" + checkpoints.SUFFIX))
        info = checkpoints.CheckpointInfo(
            run=self.run.name,
            arch=self.config.arch,
            dataset=self.dataset,
            config=asdict(self.config),
            epoch=self.epoch,
            step=self.step,
            test_loss=self.test_loss if scored else None,
            test_accuracy=self.test_accuracy if scored else None,
            parameters=self.parameters,
            saved_at=time(),
        )
        try:
            checkpoints.save(paths, self.state(), info)
        except OSError as error:
            self.save_error = explain(error)
            why = f"the checkpoint could not be saved in {self.run.folder} ({explain(error)})"
            yield Notice(message=f"{why}; training goes on")
            return
        self.saved, self.save_error = str(last), None
        for path in paths:
            yield CheckpointSaved(path=str(path), kind=path.name.removesuffix(checkpoints.SUFFIX))
        if len(paths) > 1:
            self.best = score

    def state(self) -> dict[str, Tensor]:
        """The weights under their own names, and what else it takes to go on exactly."""
        tensors = dict(self.model.state_dict())
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{name}.{key}"] = value
        tensors["rng.torch"] = torch.get_rng_state()
        return tensors


def _means(values: list[float], parts: int) -> Iterator[float]:
    """The means of so many equal stretches, fewer where there are fewer values."""
    parts = min(parts, len(values))
    edges = [len(values) * part // parts for part in range(parts + 1)]
    for start, end in pairwise(edges):
        yield sum(values[start:end]) / (end - start)
