"""Processes that train one network together, as torchrun starts them.

Each takes its part of every batch, and their gradients are added up. Rank 0 leads: it alone handles
commands, evaluates, saves and reports, as a single process does. The others receive all that they
need from it (config, data, weights), write no file, and train each step with it. Between steps all
meet: the leader sends how many steps to train until the next meeting, and the learning rate. While
it pauses or evaluates, the others wait there.

A network with batch normalization normalizes each part by that part's own statistics, as
DistributedDataParallel does, so it does not train as in one process. The running statistics, which
only evaluation uses, are the leader's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from itertools import chain, count, islice
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from core.compute.candidates import fit_route, list_choices
from core.compute.routes import parse_parts
from core.compute.torch_private import copy_each
from core.config import TrainConfig, read_config
from core.data.batches import steps_per_epoch
from core.data.datasets import Tensors
from core.errors import DeviceError, UserError, first_line
from core.models.input_scaling import InputScaling
from core.models.networks import resolve_network
from core.optim.schedules import SCHEDULES
from core.training.ranks import Place, choose_rank_device

if TYPE_CHECKING:
    from core.training.learner import Learner

T = TypeVar("T")

# How often the processes meet, and so how long a command may wait.
MEETING_SECONDS = 0.05
# A pause may last long; a process that is lost is noticed without a timeout.
TIMEOUT = timedelta(days=365)
END = 0


class RankLost(UserError):
    """Another process is gone; the step that noticed has changed no weights."""


def join(place: Place) -> Ranks:
    """Wait until all processes have joined. Raises DeviceError."""
    if not dist.is_available():
        raise DeviceError("this PyTorch was built without torch.distributed")
    try:
        # For messages, and for the gradients unless they are on GPUs.
        dist.init_process_group("gloo", timeout=TIMEOUT)
    except RuntimeError as error:
        message = f"the processes cannot connect to each other: {first_line(error)}"
        raise DeviceError(message) from None
    return Ranks(place)


class Ranks:
    """All processes, as seen by one of them. What communicates with the others raises RankLost."""

    def __init__(self, place: Place) -> None:
        self.rank, self.world, self.place = place.rank, place.world, place
        self.steps_left = 0  # until the next meeting
        self._fitting = self._agreed = 1  # steps that fit between meetings; those since the last
        self._met = perf_counter()
        self._lost = False
        self._group: Any = None  # of torch.distributed, which adds up the gradients
        self._flat: Tensor  # (parameters + 2,): all gradients, the loss and a sample's weight
        self._views: list[Tensor] = []

    def begin_steps(self, most: int, learning_rate: float) -> None:
        """Send all ranks the steps until they meet again, at most `most`, and the learning rate
        (of a schedule its peak)."""
        now = perf_counter()
        fitting = self._agreed * MEETING_SECONDS / max(now - self._met, 1e-9)
        # A GPU's queue fills at first, which makes steps look shorter than they are.
        self._fitting = max(1, min(int(fitting), 2 * self._fitting))
        self._met, self._agreed = now, min(self._fitting, most)
        self.steps_left = self._agreed
        self._send(self.steps_left, learning_rate)

    def combine(self, parameters: list[nn.Parameter], loss: Tensor | None, count: int) -> Tensor:
        """Replace the gradients of this rank's `count` samples by the whole batch's; return its
        mean loss. With a count of 0 there are no gradients and no loss.

        DistributedDataParallel takes the mean over ranks, which is not the mean over samples where
        parts differ in size, and does not carry the loss. Here each rank's row is weighted by its
        samples, so the sum is that of one process but for the order of the additions; and a single
        message for all parameters suits networks as small as these.
        """
        flat, views = self._flat, self._views
        if loss is None:
            flat.zero_()
        else:
            gradients = [each.grad for each in parameters if each.grad is not None]
            copy_each(views, gradients)
            flat[-2] = loss
            flat[-1] = 1.0
            flat.mul_(count)
        for parameter, view in zip(parameters, views, strict=True):
            parameter.grad = view
        try:
            self._sum()
        except RankLost:
            flat.fill_(nan)  # else this rank's own gradients would be reported as the batch's
            raise
        flat.div_(flat[-1].clone())
        return flat[-2].clone()

    def _sum(self) -> None:
        with self._raising_rank_lost():
            dist.all_reduce(self._flat, group=self._group)
        self.steps_left -= 1

    def _allocate_gradients(self, parameters: list[nn.Parameter], device: torch.device) -> None:
        """Allocate one row for all gradients, with the loss and the sample count at its end."""
        self._flat = torch.zeros(sum(each.numel() for each in parameters) + 2, device=device)
        start = 0
        for each in parameters:
            # With the parameter's own strides, which the optimizer's kernels require.
            self._views.append(self._flat.as_strided(each.shape, each.stride(), start))
            start += each.numel()
        if device.type == "cuda":
            torch.cuda.set_device(device)
            self._group = dist.new_group(backend="nccl")

    def lead(self, config: TrainConfig, tensors: Tensors, learner: Learner, step: int) -> None:
        """Send the others what they need to train from that step on."""
        plan = {
            "config": asdict(config),
            "routes": str(learner.route),
            "device": learner.device.type,
            "step": step,
            "scaling": asdict(learner.scaling),
            "samples": len(tensors.train_labels),
            "classes": learner.network.classes,
        }
        text = bytearray(json.dumps(plan).encode())
        self._send(len(text))
        self._broadcast(torch.frombuffer(text, dtype=torch.uint8))
        self._broadcast(tensors.train_images)
        self._broadcast(tensors.train_labels)
        self._allocate_gradients(list(learner.parameters.values()), learner.device)
        for each in _shared_state(learner).values():
            self._broadcast(each.cpu())

    def follow(self) -> None:
        """Train the steps that the leader sends until it ends. Raises UserError."""
        if (length := self._receive()[0]) == END:
            return
        learner, step = self._start(length)
        config = learner.config
        per_epoch = steps_per_epoch(len(learner.labels), config.batch_size)
        total, shape = per_epoch * config.epochs, SCHEDULES[config.schedule]
        epoch, skipped = divmod(step, per_epoch)
        epochs = (learner.batches(n, skipped if n == epoch else 0) for n in count(epoch))
        batches = chain.from_iterable(epochs)
        while (received := self._receive())[0] != END:
            self.steps_left, learning_rate = received
            for images, labels in islice(batches, self.steps_left):
                learner.step(images, labels, learning_rate * shape(step, total))
                step += 1

    def _start(self, length: int) -> tuple[Learner, int]:
        """Return a learner like the leader's, without test images, and the step that it is at."""
        from core.training.learner import Learner

        plan = json.loads(bytes(self._broadcast(torch.empty(length, dtype=torch.uint8)).tolist()))
        images = self._broadcast(torch.empty(plan["samples"], 28, 28, dtype=torch.uint8))
        labels = self._broadcast(torch.empty(plan["samples"], dtype=torch.int64))
        device, config = choose_rank_device(plan["device"], self.place), read_config(plan["config"])
        # The threads are those of this process's share of its own machine.
        parts = {k: v for k, v in parse_parts(plan["routes"]).items() if k != "threads"}
        network = resolve_network(config.arch, plan["classes"])
        choices = list_choices(
            network, device, config.precision, config.threads, self.place.local_world
        )
        route = fit_route(choices, parts)
        tensors = Tensors(images, labels, images[:0], labels[:0])
        scaling = InputScaling(**plan["scaling"])
        learner = Learner(config, route, tensors, device, self, scaling, network)
        self._allocate_gradients(list(learner.parameters.values()), device)
        state = {name: self._broadcast(each.cpu()) for name, each in _shared_state(learner).items()}
        learner.load_state(learner.state() | state)
        return learner, plan["step"]

    def end(self) -> None:
        """Let the others end, if they are still there. The steps that were agreed on are completed
        without samples, so that all ranks come to the meeting."""
        with suppress(RankLost):
            if not self._lost:
                while self.steps_left > 0:
                    self._flat.zero_()
                    self._sum()
                self._send(END)
        self.leave()

    def leave(self) -> None:
        with suppress(RuntimeError):
            dist.destroy_process_group()

    def _send(self, number: int, rate: float = 0.0) -> None:
        self._broadcast(torch.tensor([number, rate], dtype=torch.float64))

    def _receive(self) -> tuple[int, float]:
        number, rate = self._broadcast(torch.empty(2, dtype=torch.float64)).tolist()
        return int(number), rate

    def _broadcast(self, tensor: Tensor) -> Tensor:
        """Return the leader's tensor, on the CPU; the others pass one of its shape to be filled."""
        shared = tensor.contiguous()
        with self._raising_rank_lost():
            # As bytes: gloo has no bool.
            dist.broadcast(shared.view(-1).view(torch.uint8), 0)
        return shared

    @contextmanager
    def _raising_rank_lost(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError:
            self._lost = True
            message = f"one of the {self.world} processes that train together is lost"
            raise RankLost(message) from None


def seed_steps(batches: Iterator[T], key: tuple[int, ...], first: int) -> Iterator[T]:
    """Yield the batches, and seed PyTorch's random numbers before each by the key and its step,
    counted from `first`.

    So a layer such as Dropout draws others in each rank, and the same after a run was resumed.
    """
    for step, batch in enumerate(batches, first):
        digest = hashlib.sha256(repr((*key, step)).encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:8], "little", signed=True))
        yield batch


def _shared_state(learner: Learner) -> dict[str, Tensor]:
    """Return the learner's tensors, in an order that is the same in all ranks.

    The state of the random numbers is left out: they are seeded for each step.
    """
    return {name: each for name, each in learner.state().items() if not name.startswith("rng.")}
