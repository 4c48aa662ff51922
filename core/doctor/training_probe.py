"""A short training of cnn on one device. Run as a program, this module is the probe."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

from core.config import TrainConfig
from core.doctor.machine import load_per_core
from core.doctor.probe import Answer, report, run_as_probe

if TYPE_CHECKING:
    import torch

    from core.data.datasets import Tensors

# It has convolutions and large matrix products: on a GPU, both cuDNN and cuBLAS are tested.
ARCH = "cnn"
STEPS = 40
# After ROUND_SECONDS a round ends once it has its minimum of steps: the first needs losses to
# judge, the second a few more steps than the warm-up to measure the speed.
ROUND_SECONDS, MIN_STEPS, MIN_REPEATED_STEPS = 1.5, 20, 14
TIMED_SECONDS, WARM_UP_STEPS = 1.5, 10
IMAGES, DRAWN_IMAGES = 8192, 2000


@dataclass(frozen=True)
class Trial:
    """What a probe measured on one device."""

    device: str
    losses: tuple[float, ...] = ()  # of each step
    repeated_losses: tuple[float, ...] = ()  # of the same steps, trained a second time
    samples_per_second: float | None = None
    name: str = ""  # of the device
    dataset: str = ""
    memory: int | None = None  # peak of the GPU's memory, in bytes
    load: float | None = None  # busy processes per core while the speed was measured
    failure: str | None = None


def read_trial(device: str, answer: Answer) -> Trial:
    values = {name: value for name, value in answer.reported.items() if name != "doing"}
    for name in ("losses", "repeated_losses"):
        values[name] = tuple(values.get(name, ()))
    return Trial(device, **values, failure=answer.failure)


# The rest runs in the process of the probe.


def main(name: str, data: str = "") -> None:
    report(doing="importing torch", load=load_per_core())
    import torch

    report(doing="loading images")
    dataset, tensors = _load_images(data or None)
    report(doing=f"starting {name}", dataset=dataset, name=_device_name(name))
    device = torch.device(name)
    # Full fp32, as on the CPU: TF32 drops 13 of 23 bits.
    allow_tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    report(doing=f"training on {name}")
    report(losses=_round(tensors, device, MIN_STEPS)[0], load=load_per_core())
    repeated_losses, speed = _round(tensors, device, MIN_REPEATED_STEPS)
    if device.type != "cpu":  # the speed with all that training uses to be fast
        torch.backends.cudnn.allow_tf32 = allow_tf32
        speed = _measure_speed(tensors, device)
    report(repeated_losses=repeated_losses, samples_per_second=speed)
    if device.type == "cuda":
        report(memory=torch.cuda.max_memory_reserved(device))


def _device_name(device: str) -> str:
    import torch

    from core.compute.usage import cpu_name

    if device == "cpu":
        return cpu_name()
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "Apple GPU"


def _load_images(data: str | None) -> tuple[str, Tensors]:
    """Return the first images of MNIST, else of the sample, else drawn ones; download nothing."""
    from core.data import datasets

    known = {name: datasets.find_dataset(name) for name in datasets.AUTO}
    found = next((name for name, each in known.items() if each.is_complete(data)), None)
    if found is None:
        return "drawn images", draw_images()
    name, loading = datasets.dataset_title(found), known[found].load(data)
    while True:
        try:
            next(loading)
        except StopIteration as done:
            images, labels, *test = done.value
            few = [each[:100] for each in test]
            return name, datasets.Tensors(images[:IMAGES], labels[:IMAGES], few[0], few[1])


def draw_images() -> Tensors:
    """Return the same images each time: two bright rows in noise, at a height for each class."""
    import torch

    from core.data.datasets import Tensors

    generator = torch.Generator().manual_seed(7)
    labels = torch.arange(DRAWN_IMAGES) % 10
    images = torch.randint(0, 60, (DRAWN_IMAGES, 28, 28), generator=generator)
    for row in range(2):
        images[torch.arange(DRAWN_IMAGES), 4 + 2 * labels + row] += 190
    images = images.to(torch.uint8)
    return Tensors(images, labels, images[:100], labels[:100])


def _train(tensors: Tensors, device: torch.device) -> Iterator[torch.Tensor]:
    """Yield the loss of each training step, a tensor on the device, without end."""
    from core.compute.candidates import list_choices
    from core.training.learner import Learner

    config = TrainConfig(arch=ARCH)
    learner = Learner(config, list_choices(config.network, device).default, tensors, device)
    learner.capture()
    for epoch in count():
        for images, labels in learner.batches(epoch, 0):
            yield learner.step(images, labels, config.learning_rate)


def _round(tensors: Tensors, device: torch.device, least: int) -> tuple[list[float], float]:
    """Return the losses of the steps in a round, and samples per second after the warm-up."""
    import torch

    losses: list[torch.Tensor] = []
    began = time.perf_counter()
    warm = began
    for loss in islice(_train(tensors, device), STEPS):
        losses.append(loss)
        if len(losses) == WARM_UP_STEPS:
            warm = time.perf_counter()
        if len(losses) >= least and time.perf_counter() - began > ROUND_SECONDS:
            break
    values = torch.stack(losses).tolist()
    seconds = time.perf_counter() - warm
    return values, (len(values) - WARM_UP_STEPS) * TrainConfig().batch_size / seconds


def _measure_speed(tensors: Tensors, device: torch.device) -> float:
    steps, losses = 0, _train(tensors, device)
    for loss in islice(losses, WARM_UP_STEPS):
        loss.item()
    began = time.perf_counter()
    for loss in losses:
        steps += 1
        if time.perf_counter() - began > TIMED_SECONDS:
            loss.item()  # waits until the GPU has finished
            break
    return steps * TrainConfig().batch_size / (time.perf_counter() - began)


if __name__ == "__main__":
    run_as_probe(main)
