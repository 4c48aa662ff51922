"""Processes that train one network together, as torchrun starts them: each takes its part of every
batch, and their gradients are added up.

The first of them leads. It alone hears commands, scores, saves and speaks, as a process on its own
does; the others have from it all that they need (settings, digits, weights), touch no file, and
make step after step with it. Between steps they meet: the leader says how many steps they all make
until they meet again, and at which learning rate. So whatever it does meanwhile, a pause or an
evaluation, the others wait without taking part in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

from core.config import TrainConfig
from core.data.batches import steps_per_epoch
from core.errors import DeviceError, UsageError, UserError, first_line
from core.training.ranks import Place

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from core.data.datasets import Tensors
    from core.training.learner import Learner

# How often the processes meet: a command waits so long at most.
MEETING_SECONDS = 0.05
# A paused run may wait for a long time, and a process that is lost is noticed without a timeout.
PATIENCE = timedelta(days=365)
END = 0


class RankLost(UserError):
    """Another of the processes is gone, and nothing of the step has been made."""


def join(place: Place) -> Ranks:
    """Waits until all processes are there. Raises DeviceError."""
    import torch.distributed as dist

    if not dist.is_available():
        raise DeviceError("this PyTorch was built without torch.distributed")
    try:
        # Messages always go this way; gradients too, unless they are on GPUs.
        dist.init_process_group("gloo", timeout=PATIENCE)
    except RuntimeError as error:
        raise DeviceError(f"the processes do not find each other: {first_line(error)}") from None
    return Ranks(place)


class Ranks:
    """All of the processes, as one of them sees them. What talks to the others raises RankLost."""

    def __init__(self, place: Place) -> None:
        self.rank, self.world, self.place = place.rank, place.world, place
        self.left = 0  # steps until they meet
        self._steps = self._agreed = 1  # as many as fit between meetings, as many as there were
        self._met = perf_counter()
        self._lost = False
        self._gradients: Any = None  # the group that adds them up
        self._flat: Tensor
        self._views: list[Tensor] = []

    def device(self, name: str) -> torch.device:
        """This rank's device of that name. Raises DeviceError and UsageError."""
        import torch

        from core.compute.devices import choose_device

        here, several = self.place.local_world, self.place.local_world > 1
        if name == "mps" or (name.startswith("cuda:") and several):
            raise UsageError(f"--device {name} cannot be shared: under torchrun take cuda or cpu")
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if name == "cpu" or (name == "auto" and not gpus):
            return torch.device("cpu")
        if not several or not gpus:
            return choose_device(name)
        if gpus < here:
            raise DeviceError(
                f"torchrun started {here} processes here for {gpus} GPU{'s' * (gpus > 1)}: start "
                f"{gpus}, or train with --device cpu"
            )
        return torch.device("cuda", self.place.local_rank)

    def go_on(self, most: int, learning_rate: float) -> None:
        """Sends all on, for `most` steps or until commands should be looked for again, at that
        learning rate or that peak of the schedule."""
        now = perf_counter()
        fitting = self._agreed * MEETING_SECONDS / max(now - self._met, 1e-9)
        # A queue that fills at first, as a GPU's, makes steps look shorter than they are.
        self._steps = max(1, min(int(fitting), 2 * self._steps))
        self._met, self._agreed = now, min(self._steps, most)
        self.left = self._agreed
        self._tell(self.left, learning_rate)

    def combine(self, parameters: list[nn.Parameter], loss: Tensor | None, count: int) -> Tensor:
        """Puts the whole batch's gradients in the place of those of this rank's `count` digits, and
        gives its mean loss. Where the count is 0 there are none of either.

        DistributedDataParallel would take the mean over ranks, which is not the mean over digits
        where parts differ in size, and could not tell the loss on the way. Weighted by how many
        digits they are of, the sums are those of one process, but for the order in which they are
        added up; and one message for all suits networks as small as these.
        """
        import torch

        flat, views = self._flat, self._views
        if loss is None:
            flat.zero_()
        else:
            gradients = [each.grad for each in parameters if each.grad is not None]
            torch._foreach_copy_(views, gradients)
            flat[-2] = loss
            flat[-1] = 1.0
            flat.mul_(count)
        for parameter, view in zip(parameters, views, strict=True):
            parameter.grad = view
        try:
            self._sum()
        except RankLost:
            flat.fill_(nan)  # or this rank's own would be told as everybody's
            raise
        flat.div_(flat[-1].clone())
        return flat[-2].clone()

    def _sum(self) -> None:
        import torch.distributed as dist

        with self._losing():
            dist.all_reduce(self._flat, group=self._gradients)
        self.left -= 1

    def _hold(self, parameters: list[nn.Parameter], device: torch.device) -> None:
        """Makes room for all gradients in one row, the loss and the count of digits behind them."""
        import torch
        import torch.distributed as dist

        self._flat = torch.zeros(sum(each.numel() for each in parameters) + 2, device=device)
        start = 0
        for each in parameters:
            # In the parameter's own order of values, which the optimizer's kernels go by.
            self._views.append(self._flat.as_strided(each.shape, each.stride(), start))
            start += each.numel()
        if device.type == "cuda":
            torch.cuda.set_device(device)
            self._gradients = dist.new_group(backend="nccl")

    def lead(self, config: TrainConfig, tensors: Tensors, learner: Learner, step: int) -> None:
        """Gives the others what they need to go on from that step."""
        import torch

        plan = {
            "config": asdict(config),
            "precision": learner.precision,
            "device": learner.device.type,
            "step": step,
            "digits": len(tensors.train_labels),
        }
        text = bytearray(json.dumps(plan).encode())
        self._tell(len(text))
        self._share(torch.frombuffer(text, dtype=torch.uint8))
        self._share(tensors.train_images)
        self._share(tensors.train_labels)
        self._hold(list(learner.parameters.values()), learner.device)
        for each in _shared_state(learner).values():
            self._share(each.cpu())

    def follow(self) -> None:
        """Does what the leader says until it says that it is over. Raises UserError."""
        from core.optim.schedules import SCHEDULES

        if (length := self._hear()[0]) == END:
            return
        learner, step = self._start(length)
        config, count = learner.config, len(learner.labels)
        per_epoch = steps_per_epoch(count, config.batch_size)
        total, shape = per_epoch * config.epochs, SCHEDULES[config.schedule]
        batches = _batches(learner, *divmod(step, per_epoch))
        while (told := self._hear())[0] != END:
            self.left, learning_rate = told
            for images, labels in islice(batches, self.left):
                learner.step(images, labels, learning_rate * shape(step, total))
                step += 1

    def _start(self, length: int) -> tuple[Learner, int]:
        """The same learner as the leader's, but for the test's digits; and the step it is at."""
        import torch

        from core.compute.devices import choose_precision
        from core.config import read_config
        from core.data.datasets import Tensors
        from core.training.learner import Learner

        plan = json.loads(bytes(self._share(torch.empty(length, dtype=torch.uint8)).tolist()))
        count = plan["digits"]
        images = self._share(torch.empty(count, 28, 28, dtype=torch.uint8))
        labels = self._share(torch.empty(count, dtype=torch.int64))
        device, config = self.device(plan["device"]), read_config(plan["config"])
        precision = choose_precision(plan["precision"], config.arch, device)
        tensors = Tensors(images, labels, images[:0], labels[:0])
        learner = Learner(config, precision, tensors, device, self)
        self._hold(list(learner.parameters.values()), device)
        state = {name: self._share(each.cpu()) for name, each in _shared_state(learner).items()}
        learner.restore(learner.state() | state)
        return learner, plan["step"]

    def end(self) -> None:
        """Lets the others go, if they are still there. Steps that were agreed on are made without
        digits, so that all come to the meeting."""
        with suppress(RankLost):
            if not self._lost:
                while self.left > 0:
                    self._flat.zero_()
                    self._sum()
                self._tell(END)
        self.leave()

    def leave(self) -> None:
        import torch.distributed as dist

        with suppress(RuntimeError):
            dist.destroy_process_group()

    def _tell(self, number: int, rate: float = 0.0) -> None:
        import torch

        self._share(torch.tensor([number, rate], dtype=torch.float64))

    def _hear(self) -> tuple[int, float]:
        import torch

        number, rate = self._share(torch.empty(2, dtype=torch.float64)).tolist()
        return int(number), rate

    def _share(self, tensor: Tensor) -> Tensor:
        """The leader's tensor, on the CPU; the others give one of its shape, which is filled."""
        import torch.distributed as dist

        shared = tensor.contiguous()
        with self._losing():
            dist.broadcast(shared, 0)
        return shared

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError:
            self._lost = True
            others = f"the {self.world} that train together"
            raise RankLost(f"another process of {others} is lost") from None


def _shared_state(learner: Learner) -> dict[str, Tensor]:
    """By name, in an order that is the same everywhere. No network draws random numbers while it
    trains, so their state is left alone."""
    return {name: each for name, each in learner.state().items() if not name.startswith("rng.")}


def _batches(learner: Learner, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Of one epoch after the other, without an end."""
    while True:
        yield from learner.batches(epoch, first)
        epoch, first = epoch + 1, 0
