"""The limit of our training speed: forward, backward and update alone.

A plain loop over batches that are in memory, with the kernels of `mnist-tui train` and none of its
work around them: no events, no losses read, no checkpoints, no evaluation, no shuffling. The routes
that `--precision` allows are measured first, then the fastest is timed. Prints samples per second.

    python benchmarks/limit.py ARCH PRECISION DATA SECONDS [BATCH]
"""

import sys
import time
from collections.abc import Callable, Generator
from itertools import cycle, islice
from typing import TypeVar

import torch
from torch import Tensor

from core.compute.candidates import list_choices
from core.compute.mlp_backprop import backpropagate
from core.config import TrainConfig
from core.data.datasets import Tensors
from core.data.local_datasets import load_local
from core.models.networks import resolve_network
from core.training.learner import Learner
from core.training.routes.measure import measure

MEASURING_SECONDS = 3.0
IMAGES = 4_000  # enough that a batch has left the CPU's inner caches when it comes again
WARM_UPS = 5
STEPS = 20  # between looks at the clock
RATE = 1e-3
T = TypeVar("T")


def make_step(learner: Learner) -> Callable[[Tensor, Tensor], None]:
    """Return a training step of the learner's network, with nothing around it."""
    layers, optimizer, sliced = learner.linear_layers, learner.optimizer, learner.sliced
    parameters = list(learner.parameters.values())

    @torch.no_grad()
    def step_by_hand(images: Tensor, labels: Tensor) -> None:
        backpropagate(layers, images, labels, 0.0)
        optimizer.step(RATE)

    def step(images: Tensor, labels: Tensor) -> None:
        for parameter in parameters:
            parameter.grad = None
        learner.loss(images, labels).backward()
        with torch.no_grad():
            optimizer.step(RATE)
            if sliced:
                sliced.step(RATE)

    return step_by_hand if layers else step


def samples_per_second(learner: Learner, seconds: float) -> float:
    """Return the speed of the learner's steps, over at least so many seconds."""
    step = make_step(learner)
    batches = cycle([*learner.batches(0, 0)])
    for images, labels in islice(batches, WARM_UPS):
        step(images, labels)
    samples = 0
    start = now = time.perf_counter()
    while now < start + seconds:
        for images, labels in islice(batches, STEPS):
            step(images, labels)
            samples += len(labels)
        now = time.perf_counter()
    return samples / (now - start)


def finish(generator: Generator[object, None, T]) -> T:
    """Run a generator to its end, and return its result."""
    while True:
        try:
            next(generator)
        except StopIteration as done:
            return done.value


def main(arch: str, precision: str, data: str, seconds: float, size: int) -> float:
    config, device = TrainConfig(arch=arch, batch_size=size), torch.device("cpu")
    tensors = load_local("mnist", data)
    assert tensors is not None, f"MNIST is not in {data}"
    few = Tensors(*(each[: max(IMAGES, size)] for each in tensors))
    choices = list_choices(resolve_network(arch), device, precision)
    found = finish(measure(choices, config, few, device, steps=1, seconds=MEASURING_SECONDS))
    return samples_per_second(Learner(config, found.route, few, device), seconds)


if __name__ == "__main__":
    arch, precision, data, seconds, *size = sys.argv[1:]
    print(main(arch, precision, data, float(seconds), int(size[0]) if size else 32))
