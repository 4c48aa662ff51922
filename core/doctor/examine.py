"""Examine a machine: check all that training needs, then train."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from core.compute.cores import cpu_cores
from core.doctor import compatibility
from core.doctor.check import PROBLEM, Check
from core.doctor.gpu_checks import judge_nvidia
from core.doctor.gpu_facts import read_nvidia
from core.doctor.machine import judge_machine, read_machine_facts
from core.doctor.probe import start_probe
from core.doctor.routes import judge_routes
from core.doctor.storage import (
    judge_data,
    judge_folder,
    judge_home,
    judge_sockets,
    read_data,
    read_folder,
)
from core.doctor.training_checks import GROUP as TRAINING
from core.doctor.training_checks import judge_agreement, judge_trial
from core.doctor.training_probe import Trial, read_trial
from core.doctor.versions_probe import TorchFacts, read_versions
from core.events import Preparing

# Everything is reported within a minute, whatever hangs: each probe has a limit, and together they
# have SECONDS.
SECONDS = 54.0
VERSIONS_SECONDS, GPUS_SECONDS = 35.0, 20.0
CORES_PER_GPU = 2  # for each GPU that trains at the same time as others


def examine(
    data: str | None, checkpoints: Path, *, require_gpu: bool = False
) -> Generator[Check | Preparing, None, None]:
    """Yield each check as soon as it is done, and before a slow one what is waited for.

    No file is left behind, and no process outlives the generator. Raises UsageError if `data` is
    in the home of an unknown user.
    """
    until = time.monotonic() + SECONDS
    with (
        start_probe("core.doctor.versions_probe") as versions,
        start_probe("core.doctor.gpu_probe") as gpus,
    ):
        yield from judge_machine(read_machine_facts())
        yield from judge_folder(read_folder(checkpoints))
        yield from judge_home()
        if hasattr(socket, "AF_UNIX"):
            yield judge_sockets(checkpoints)
        yield compatibility.judge_python()
        yield Preparing(message="importing PyTorch")
        torch, vision = read_versions(versions.wait(VERSIONS_SECONDS))
        nvidia = read_nvidia(gpus.wait(GPUS_SECONDS))
    yield from compatibility.judge_versions(torch, vision, nvidia)
    yield from judge_nvidia(nvidia, require_gpu)
    yield from compatibility.judge_devices(torch, nvidia, require_gpu)
    yield Preparing(message="looking for MNIST")
    yield judge_data(read_data(data, vision.mirrors))
    yield from train_on_devices(data, torch, until)
    yield from judge_routes()


def train_on_devices(
    data: str | None, torch: TorchFacts, until: float
) -> Iterator[Check | Preparing]:
    """Train on the CPU alone, then on the other devices, which are compared with it.

    `until` is when to stop, on the monotonic clock.
    """
    if torch.error or torch.version is None:
        what = "skipped, because PyTorch cannot be imported"
        yield Check(TRAINING, "cpu", PROBLEM, what, "fix that first")
        return
    yield Preparing(message="training on the CPU")
    cores, others = cpu_cores(), list(torch.trains_on)
    seconds = until - time.monotonic()
    cpu = next(_train(data, ["cpu"], seconds / 2 if others else seconds))
    yield from judge_trial(cpu, cores)
    # At most two groups of devices: there is no time for more.
    group = max(1, cores // CORES_PER_GPU, math.ceil(len(others) / 2))
    for first in range(0, len(others), group):
        devices = others[first : first + group]
        yield Preparing(message=f"training on {', '.join(devices)}")
        groups = math.ceil((len(others) - first) / group)
        for trial in _train(data, devices, (until - time.monotonic()) / groups):
            yield from judge_trial(trial, cores)
            yield from judge_agreement(cpu, trial)


def _train(data: str | None, devices: list[str], seconds: float) -> Iterator[Trial]:
    """Train on all devices at the same time, and yield the trial of each in turn."""
    with ExitStack() as stack:
        start = partial(start_probe, "core.doctor.training_probe")
        probes = {each: stack.enter_context(start(each, data or "")) for each in devices}
        for device, probe in probes.items():
            yield read_trial(device, probe.wait(seconds))
