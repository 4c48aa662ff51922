"""Versions of PyTorch and torchvision, and the devices they find.

Run as a program, this module is the probe that imports them: a pair that does not match may crash.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

from core.compute.import_guard import LoadError
from core.doctor.gpu_facts import Version
from core.doctor.probe import Answer, report, run_as_probe
from core.errors import first_line

TORCH, VISION, DEVICES = "importing torch", "importing torchvision", "listing the devices of torch"


@dataclass(frozen=True)
class CudaDevice:
    name: str
    capability: Version
    memory: int = 0  # bytes


@dataclass(frozen=True)
class TorchFacts:
    """What the probe reported of PyTorch; None and empty for what it did not get to."""

    version: str | None = None
    error: str | None = None  # why it cannot be imported
    cuda: str | None = None  # the CUDA version that it was built for
    hip: str | None = None  # the ROCm version, in builds for AMD GPUs
    archs: tuple[str, ...] = ()  # GPU architectures with kernels: sm_90, compute_90
    available: bool = False  # torch.cuda.is_available()
    cuda_error: str | None = None  # why CUDA cannot be initialized
    devices: tuple[CudaDevice, ...] = ()
    mps: bool = False

    @property
    def trains_on(self) -> tuple[str, ...]:
        """The names of its devices except the CPU."""
        return (*(f"cuda:{n}" for n in range(len(self.devices))), *(("mps",) if self.mps else ()))


@dataclass(frozen=True)
class VisionFacts:
    version: str | None = None
    error: str | None = None  # why it cannot be imported
    requires: str | None = None  # the PyTorch that it requires: "==2.6.0", ">=2.14.0"
    # Servers that it downloads MNIST from; None where it is not known, as it cannot be loaded.
    mirrors: tuple[str, ...] | None = None


# The first part runs in the process of the probe.


def main() -> None:
    report(doing=TORCH)
    try:
        import torch
    except (Exception, SystemExit) as error:
        report(torch_error=_error_text(error))
        return
    report(torch=str(torch.__version__), cuda=torch.version.cuda, hip=torch.version.hip)
    # Before torchvision: if importing a pair that does not match crashes, the devices are known.
    report(doing=DEVICES, vision_requires=_required_torch())
    report(**_devices())
    report(doing=VISION)
    try:
        import torchvision

        from core.data.sources.remotes import list_mirrors

        report(vision=str(torchvision.__version__), mirrors=list_mirrors())
    except (Exception, SystemExit) as error:
        report(vision_error=_error_text(error))
    report(doing="exiting")  # where some drivers crash, harmlessly


def _error_text(error: BaseException) -> str:
    if isinstance(error, LoadError):  # the checks have advice of their own
        error = error.__cause__ or error
    return f"{type(error).__name__}: {first_line(Exception(str(error)))}"


def _required_torch() -> str | None:
    from importlib import metadata

    try:
        required = metadata.requires("torchvision") or []
    except metadata.PackageNotFoundError:
        return None
    found = (re.match(r"torch\s*\(?([=>]=)\s*([\w.+]+)", each) for each in required)
    return next((each[1] + each[2] for each in found if each), None)


def _devices() -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {"mps": torch.backends.mps.is_available(), "devices": []}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found["available"] = torch.cuda.is_available()
        if torch.version.cuda or torch.version.hip:
            from core.compute.torch_private import cuda_architectures

            found["archs"] = cuda_architectures()
            try:
                torch.cuda.init()
                for number in range(torch.cuda.device_count()):
                    has = torch.cuda.get_device_properties(number)
                    found["devices"].append([has.name, has.major, has.minor, has.total_memory])
            except Exception as error:  # torch raises errors of several classes
                found["cuda_error"] = _error_text(error)
    messages = [first_line(Exception(str(each.message))) for each in caught]
    if messages and not found["available"]:  # a warning says more than the error
        found["cuda_error"] = messages[0]
    return found


# The rest runs in the process that started the probe.


def read_versions(answer: Answer) -> tuple[TorchFacts, VisionFacts]:
    reported = answer.reported
    # Why the probe failed, by what it was doing.
    failures = {reported.get("doing"): answer.failure} if answer.failure else {}
    devices = tuple(
        CudaDevice(name, (major, minor), memory)
        for name, major, minor, memory in reported.get("devices", ())
    )
    torch = TorchFacts(
        version=reported.get("torch"),
        error=reported.get("torch_error") or failures.get(TORCH) or failures.get(None),
        cuda=reported.get("cuda"),
        hip=reported.get("hip"),
        archs=tuple(reported.get("archs", ())),
        available=reported.get("available", False),
        cuda_error=reported.get("cuda_error") or failures.get(DEVICES),
        devices=devices,
        mps=reported.get("mps", False),
    )
    vision = VisionFacts(
        version=reported.get("vision"),
        error=reported.get("vision_error") or failures.get(VISION),
        requires=reported.get("vision_requires"),
        mirrors=tuple(reported["mirrors"]) if "mirrors" in reported else None,
    )
    return torch, vision


if __name__ == "__main__":
    run_as_probe(main)
