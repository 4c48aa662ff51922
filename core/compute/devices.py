"""The devices that can train on this machine, and why others cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.compute.cores import describe_cores
from core.compute.usage import cpu_name
from core.errors import DeviceError
from core.models.networks import Network
from core.responses.devices import DeviceChoice

if TYPE_CHECKING:
    import torch


def list_devices() -> list[DeviceChoice]:
    """List the CPU, each CUDA device or why there is none, and MPS or why not; fastest first."""
    return [*_cuda(), _mps(), _device("cpu", f"CPU, {describe_cores()}")]


def choose_device(name: str) -> torch.device:
    """Return the device of that name; auto is the first available. Raises DeviceError."""
    import torch

    devices = {each.name: each for each in list_devices()}
    available = [each.name for each in devices.values() if each.available]
    wanted = {"auto": available[0], "cuda": "cuda:0"}.get(name, name)
    if wanted in available:
        return torch.device(wanted)
    missing = devices.get(wanted) or devices.get("cuda")  # which is listed where there is none
    reason = missing.reason if missing else f"this machine has {', '.join(available)}"
    raise DeviceError(f"device {name} is not available: {reason}")


def list_precisions(name: str, network: Network, device: torch.device) -> tuple[str, ...]:
    """Return the number formats that --precision allows here, the default first.

    auto allows all that the hardware has; its default is bf16 where networks of this kind usually
    gain by it. Raises DeviceError where bf16 is asked for and missing.
    """
    if name == "fp32":
        return ("fp32",)
    missing = _bf16_missing(device)
    facts = network.facts
    if facts and facts.bf16_problem:
        missing = facts.bf16_problem
    if name == "bf16":
        if missing:
            why = f"--precision bf16 is not available: {missing}"
            raise DeviceError(f"{why}; use fp32 or auto")
        return ("bf16",)
    if missing:
        return ("fp32",)
    gains = network.gains_from_bf16 and _has_fast_bf16(device)
    found = ("bf16", "fp32") if gains else ("fp32", "bf16")
    # The generation that has bf16 has TF32 too.
    return (*found, "tf32") if device.type == "cuda" else found


def _bf16_missing(device: torch.device) -> str | None:
    """Return why the hardware has no bf16 arithmetic; None where it has."""
    import torch

    if device.type == "cuda":
        if torch.cuda.get_device_capability(device) >= (8, 0):
            return None
        return f"{device} is older than NVIDIA's Ampere generation"
    if device.type == "mps":
        return None if torch.backends.mps.is_macos_or_newer(14, 0) else "bf16 needs macOS 14"
    if _cpu_has("avx512_bf16") or _cpu_has("amx_bf16"):
        return None
    return "this CPU has no AVX512-BF16 and no AMX"


def _cpu_has(feature: str) -> bool:
    import torch

    # PyTorch reports it since 2.10 or so; with an older one the CPU counts as without.
    has: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(has.get(feature))


def _has_fast_bf16(device: torch.device) -> bool:
    """Return whether bf16 is the better guess until it is measured, where the device has it.

    AVX512-BF16 alone made a step of cnn 1.3 times as fast on an AMD EPYC, and 0.75 times on an
    Intel Xeon without AMX.
    """
    return device.type != "cpu" or _cpu_has("amx_bf16") or cpu_name().startswith("AMD")


def _device(name: str, description: str, missing: str | None = None) -> DeviceChoice:
    """Return a device, not available where `missing` names what it lacks."""
    return DeviceChoice(name=name, description=description, available=not missing, reason=missing)


def _cuda() -> list[DeviceChoice]:
    import torch

    if not torch.cuda.is_available():
        reason = "PyTorch finds no NVIDIA GPU with a working driver"
        if not torch.backends.cuda.is_built():
            reason = "this PyTorch was built without CUDA"
        return [_device("cuda", "NVIDIA GPU", reason)]
    found = []
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        description = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
        found.append(_device(f"cuda:{number}", description))
    return found


def _mps() -> DeviceChoice:
    import torch

    if torch.backends.mps.is_available():
        return _device("mps", "Apple GPU")
    reason = "Metal needs a Mac with Apple silicon and macOS 12.3 or newer"
    if not torch.backends.mps.is_built():
        reason = "this PyTorch was built without Metal; it is for Macs with Apple silicon"
    return _device("mps", "Apple GPU", reason)
