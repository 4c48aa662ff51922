"""Whether this machine trains: looks at all that training needs, and then trains."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

from core.doctor import compatibility as doctor_pairing
from core.doctor.check import PROBLEM, Check
from core.doctor.gpu_checks import judge_nvidia
from core.doctor.gpu_facts import read_nvidia
from core.doctor.machine import granted_cores, judge_machine, read_machine_facts
from core.doctor.probe import probe
from core.doctor.storage import judge_data, judge_folder, judge_sockets, read_data, read_folder
from core.doctor.training_checks import GROUP as TRAINING
from core.doctor.training_checks import judge_agreement, judge_trial
from core.doctor.training_probe import Trial, read_trial
from core.doctor.versions_probe import TorchFacts, read_versions
from core.events import Preparing

# All is told within a minute, whatever hangs or is slow: each is waited for so long at most, and
# together they are waited for less than SECONDS.
SECONDS = 54.0
VERSIONS_SECONDS, GPUS_SECONDS = 35.0, 20.0
# So many cores for each GPU that trains beside others.
CORES_PER_GPU = 2


def examine(
    data: str | None, checkpoints: Path, *, require_gpu: bool = False
) -> Generator[Check | Preparing, None, None]:
    """Each finding as soon as it is known, and before what takes a while what it is. Nothing is
    raised or left behind, and no process outlives it. Raises UsageError for a folder in no home.
    """
    until = time.monotonic() + SECONDS
    with probe("core.doctor.versions_probe") as versions, probe("core.doctor.gpu_probe") as gpus:
        yield from judge_machine(read_machine_facts())
        yield from judge_folder(read_folder(checkpoints))
        if hasattr(socket, "AF_UNIX"):
            yield judge_sockets(checkpoints)
        yield doctor_pairing.judge_python()
        yield Preparing(message="importing PyTorch")
        torch, vision = read_versions(versions.answer(VERSIONS_SECONDS))
        nvidia = read_nvidia(gpus.answer(GPUS_SECONDS))
    yield from doctor_pairing.judge_versions(torch, vision, nvidia)
    yield from judge_nvidia(nvidia, require_gpu)
    yield from doctor_pairing.judge_devices(torch, nvidia, require_gpu)
    yield Preparing(message="looking for digits")
    yield judge_data(read_data(data, vision.mirrors))
    yield from train_everywhere(data, torch, until)


def train_everywhere(
    data: str | None, torch: TorchFacts, until: float
) -> Iterator[Check | Preparing]:
    """The processor first and by itself: the others are held against it. `until` is when it is to
    be over, on the monotonic clock."""
    if torch.error or torch.version is None:
        what = "not tried, since PyTorch cannot be imported"
        yield Check(TRAINING, "cpu", PROBLEM, what, "put that right first")
        return
    yield Preparing(message="training on the processor")
    cores, others = granted_cores(), list(torch.trains_on)
    seconds = until - time.monotonic()
    processor = next(_train(data, ["cpu"], seconds / 2 if others else seconds))
    yield from judge_trial(processor, cores)
    # Two lots of them at most: there is no time for more.
    at_once = max(1, cores // CORES_PER_GPU, math.ceil(len(others) / 2))
    for first in range(0, len(others), at_once):
        devices = others[first : first + at_once]
        yield Preparing(message=f"training on {', '.join(devices)}")
        lots = math.ceil((len(others) - first) / at_once)
        for trial in _train(data, devices, (until - time.monotonic()) / lots):
            yield from judge_trial(trial, cores)
            yield from judge_agreement(processor, trial)


def _train(data: str | None, devices: list[str], seconds: float) -> Iterator[Trial]:
    """On all of them at once; each one's trial in turn."""
    with ExitStack() as stack:
        begun = [
            stack.enter_context(probe("core.doctor.training_probe", each, data or ""))
            for each in devices
        ]
        for device, each in zip(devices, begun, strict=True):
            yield read_trial(device, each.answer(seconds))
