"""A short training of the cnn on one device: whether it learns, how fast, and whether it learns
what other devices learn. Run as a program it is the probe that trains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

from core.config import TrainConfig
from core.doctor.machine import load_per_core
from core.doctor.probe import Answer, run_as_probe, tell

if TYPE_CHECKING:
    import torch

    from core.data.datasets import Tensors

# The network with both convolutions and large products: on a GPU, cuDNN and cuBLAS.
ARCH = "cnn"
STEPS = 40
# From then on a round ends when it has made its least: so many for losses that can be judged, in
# the second, for its speed, a few more than warm up.
ROUND_SECONDS, LEAST_STEPS, LEAST_AGAIN = 1.5, 20, 14
TIMED_SECONDS, WARM_UPS = 1.5, 10
DIGITS, DRAWN_DIGITS = 8192, 2000


@dataclass(frozen=True)
class Trial:
    device: str
    losses: tuple[float, ...] = ()  # one a step
    again: tuple[float, ...] = ()  # of the same steps, made a second time
    samples_per_second: float | None = None
    name: str = ""  # the device's own
    digits: str = ""  # what it was trained on
    memory: int | None = None  # bytes of the GPU's that it took at most
    load: float | None = None  # programs that wanted each core when its speed was taken
    failure: str | None = None


def read_trial(device: str, answer: Answer) -> Trial:
    told = answer.told
    return Trial(
        device,
        losses=tuple(told.get("losses", ())),
        again=tuple(told.get("again", ())),
        samples_per_second=told.get("samples_per_second"),
        name=told.get("name", ""),
        digits=told.get("digits", ""),
        memory=told.get("memory"),
        load=told.get("load"),
        failure=answer.failure,
    )


# The probe's own side.


def main(name: str, data: str = "") -> None:
    tell(doing="importing torch", load=load_per_core())
    import torch

    tell(doing="reading digits")
    digits, tensors = _digits(data or None)
    tell(doing=f"starting {name}", digits=digits, name=_name(name))
    device = torch.device(name)
    # In float32 to its last bit, as the processor has it: TF32 drops 13 of 23 bits.
    precise = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    tell(doing=f"training on {name}")
    tell(losses=_round(tensors, device, LEAST_STEPS)[0], load=load_per_core())
    again, speed = _round(tensors, device, LEAST_AGAIN)
    if device.type != "cpu":  # as training has it, with all that makes it fast
        torch.backends.cudnn.allow_tf32 = precise
        speed = _speed(tensors, device)
    tell(again=again, samples_per_second=speed)
    if device.type == "cuda":
        tell(memory=torch.cuda.max_memory_reserved(device))


def _name(device: str) -> str:
    import torch

    from core.compute.usage import cpu_name

    if device == "cpu":
        return cpu_name()
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "Apple GPU"


def _digits(data: str | None) -> tuple[str, Tensors]:
    """Some of MNIST, else of the sample, else drawn ones; nothing is downloaded."""
    from core.data import datasets

    if datasets.is_mnist_complete(data):
        name, loading = "MNIST", datasets.load_mnist(data)
    elif datasets.sample_missing(data) is None:
        name, loading = "the sample", datasets.load_sample(data)
    else:
        return "drawn bars", draw_digits()
    while True:
        try:
            next(loading)
        except StopIteration as done:
            images, labels, *test = done.value
            few = [each[:100] for each in test]
            return name, datasets.Tensors(images[:DIGITS], labels[:DIGITS], few[0], few[1])


def draw_digits() -> Tensors:
    """Two bright rows on grey noise, at another height for each class; always the same."""
    import torch

    from core.data.datasets import Tensors

    generator = torch.Generator().manual_seed(7)
    labels = torch.arange(DRAWN_DIGITS) % 10
    images = torch.randint(0, 60, (DRAWN_DIGITS, 28, 28), generator=generator)
    for row in range(2):
        images[torch.arange(DRAWN_DIGITS), 4 + 2 * labels + row] += 190
    images = images.to(torch.uint8)
    return Tensors(images, labels, images[:100], labels[:100])


def _learning(tensors: Tensors, device: torch.device) -> Iterator[torch.Tensor]:
    """The loss of each step, on the device; without end."""
    from core.training.learner import Learner

    config = TrainConfig(arch=ARCH)
    learner = Learner(config, "fp32", tensors, device)
    learner.capture()
    for epoch in count():
        for images, labels in learner.batches(epoch, 0):
            yield learner.step(images, labels, config.learning_rate)


def _round(tensors: Tensors, device: torch.device, least: int) -> tuple[list[float], float]:
    """The losses of as many steps as there is time for, and samples a second after WARM_UPS."""
    import torch

    losses: list[torch.Tensor] = []
    began = time.perf_counter()
    warm = began
    for loss in islice(_learning(tensors, device), STEPS):
        losses.append(loss)
        if len(losses) == WARM_UPS:
            warm = time.perf_counter()
        if len(losses) >= least and time.perf_counter() - began > ROUND_SECONDS:
            break
    told = torch.stack(losses).tolist()
    seconds = time.perf_counter() - warm
    return told, (len(told) - WARM_UPS) * TrainConfig().batch_size / seconds


def _speed(tensors: Tensors, device: torch.device) -> float:
    steps, learning = 0, _learning(tensors, device)
    for loss in islice(learning, WARM_UPS):
        loss.item()
    began = time.perf_counter()
    for loss in learning:
        steps += 1
        if time.perf_counter() - began > TIMED_SECONDS:
            loss.item()  # waits for what is still under way
            break
    return steps * TrainConfig().batch_size / (time.perf_counter() - began)


if __name__ == "__main__":
    run_as_probe(main)
