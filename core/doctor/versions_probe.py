"""Which PyTorch and torchvision there are, and what they make of this machine. Run as a program it
is the probe that imports them, which a pair that does not belong together may not survive."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

from core.doctor.probe import Answer, run_as_probe, tell
from core.errors import first_line

Version = tuple[int, int]
TORCH, VISION, DEVICES = "importing torch", "importing torchvision", "asking torch for its devices"


@dataclass(frozen=True)
class CudaDevice:
    name: str
    capability: Version
    memory: int = 0  # bytes


@dataclass(frozen=True)
class TorchFacts:
    """None and empty for what was not told: PyTorch may have crashed on the way."""

    version: str | None = None
    error: str | None = None  # why it cannot be imported
    cuda: str | None = None  # the version that it was built for
    hip: str | None = None  # AMD's ROCm, in the place of CUDA
    archs: tuple[str, ...] = ()  # what it has kernels for: sm_90, compute_90
    available: bool = False  # what torch.cuda.is_available() says
    cuda_error: str | None = None  # why CUDA cannot begin
    devices: tuple[CudaDevice, ...] = ()
    mps: bool = False

    @property
    def trains_on(self) -> tuple[str, ...]:
        """The names of its devices beside the processor."""
        return (*(f"cuda:{n}" for n in range(len(self.devices))), *(("mps",) if self.mps else ()))


@dataclass(frozen=True)
class VisionFacts:
    version: str | None = None
    error: str | None = None  # why it cannot be imported
    requires: str | None = None  # the PyTorch that it asks for: "==2.6.0", ">=2.14.0"
    mirrors: tuple[str, ...] = ()  # where it would get MNIST from


# The probe's own side.


def main() -> None:
    tell(doing=TORCH)
    try:
        import torch
    except (Exception, SystemExit) as error:
        tell(torch_error=_said(error))
        return
    tell(torch=str(torch.__version__), cuda=torch.version.cuda, hip=torch.version.hip)
    # Before torchvision: what a pair that does not match dies of says nothing of the GPU.
    tell(doing=DEVICES, vision_requires=_required_torch())
    tell(**_devices())
    tell(doing=VISION)
    try:
        import torchvision

        tell(vision=str(torchvision.__version__), mirrors=_mirrors())
    except (Exception, SystemExit) as error:
        tell(vision_error=_said(error))
    tell(doing="ending")  # where some drivers crash, which is nobody's business


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(Exception(str(error)))}"


def _required_torch() -> str | None:
    from importlib import metadata

    try:
        required = metadata.requires("torchvision") or []
    except metadata.PackageNotFoundError:
        return None
    found = (re.match(r"torch\s*\(?([=>]=)\s*([\w.+]+)", each) for each in required)
    return next((each[1] + each[2] for each in found if each), None)


def _mirrors() -> list[str]:
    from core.data.download import list_mirrors

    return list_mirrors()


def _devices() -> dict[str, Any]:
    import torch

    from core.compute.torch_private import cuda_architectures

    found: dict[str, Any] = {"mps": torch.backends.mps.is_available(), "devices": []}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found["available"] = torch.cuda.is_available()
        if torch.version.cuda or torch.version.hip:
            found["archs"] = cuda_architectures()
            try:
                torch.cuda.init()
                for number in range(torch.cuda.device_count()):
                    has = torch.cuda.get_device_properties(number)
                    found["devices"].append([has.name, has.major, has.minor, has.total_memory])
            except Exception as error:  # of several classes
                found["cuda_error"] = _said(error)
    said = [first_line(Exception(str(each.message))) for each in told]
    if said and not found["available"]:  # it is more exact than the error
        found["cuda_error"] = said[0]
    return found


# Our own side.


def read_versions(answer: Answer) -> tuple[TorchFacts, VisionFacts]:
    told = answer.told
    # What it died of, by what it was about to do.
    died = {told.get("doing"): answer.failure} if answer.failure else {}
    devices = tuple(
        CudaDevice(name, (major, minor), memory)
        for name, major, minor, memory in told.get("devices", ())
    )
    torch = TorchFacts(
        version=told.get("torch"),
        error=told.get("torch_error") or died.get(TORCH) or died.get(None),
        cuda=told.get("cuda"),
        hip=told.get("hip"),
        archs=tuple(told.get("archs", ())),
        available=told.get("available", False),
        cuda_error=told.get("cuda_error") or died.get(DEVICES),
        devices=devices,
        mps=told.get("mps", False),
    )
    vision = VisionFacts(
        version=told.get("vision"),
        error=told.get("vision_error") or died.get(VISION),
        requires=told.get("vision_requires"),
        mirrors=tuple(told.get("mirrors", ())),
    )
    return torch, vision


if __name__ == "__main__":
    run_as_probe(main)
