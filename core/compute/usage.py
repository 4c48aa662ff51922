"""This machine's CPU, memory and NVIDIA GPUs, and how busy they are."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from core.compute.cores import all_cores, cpu_cores

if TYPE_CHECKING:
    import psutil

# What the system itself uses of a core on an idle machine, and more.
ROOM = 0.3


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU; None for what its driver does not report."""

    name: str
    utilisation: float | None = None  # percent of the time in which it was busy
    memory_used: int | None = None  # bytes, of all programs
    memory_total: int | None = None
    watts: float | None = None
    celsius: float | None = None


@dataclass(frozen=True)
class Machine:
    """Loads are means since the previous reading, None at the first."""

    cpu: str  # its name
    cores: int  # those that this process may use
    own_load: float | None  # of this process, percent of one core: 200 is two cores
    load: float | None  # of the whole machine, percent of all its cores
    own_memory: int  # bytes, of this process
    memory_used: int
    memory_total: int
    gpus: tuple[Gpu, ...] = ()


def read_machine() -> Machine:
    """Return the current numbers; takes well under 2 ms, so a screen may call it regularly."""
    import psutil

    first = not _process.cache_info().currsize
    process = _process()
    own_load, load = process.cpu_percent(), psutil.cpu_percent()
    memory = psutil.virtual_memory()
    return Machine(
        cpu=cpu_name(),
        cores=cpu_cores(),
        own_load=None if first else own_load,
        load=None if first else load,
        own_memory=process.memory_info().rss,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        gpus=read_gpus(),
    )


class OtherLoad:
    """How many cores other programs, and other machines on the same host, have kept busy since."""

    def __init__(self) -> None:
        self._start = self._read()

    def _read(self) -> tuple[float, float]:
        """Return seconds by the clock, and those of CPU time of others, over all cores."""
        import psutil

        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        # A guest's time is also in user and nice.
        twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        own = os.times()
        return perf_counter(), sum(times) - twice - idle - own.user - own.system

    def cores(self) -> float:
        (start, before), (now, after) = self._start, self._read()
        return max(0.0, after - before) / max(now - start, 1e-3)

    def takes_from(self, needed: int) -> bool:
        """Return whether so many cores for this process were not free all the time."""
        return self.cores() + needed > all_cores() + ROOM


@cache
def _process() -> psutil.Process:
    """Return one object for all readings: it measures the load since its previous one."""
    import psutil

    return psutil.Process()


@cache
def cpu_name() -> str:
    """Return the CPU's model without trademarks and clock speeds: AMD EPYC 7B13."""
    name = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)[1]  # type: ignore[index]
    except (OSError, TypeError):  # no Linux, or a CPU without a name
        pass
    name = re.sub(r"\((?:R|TM|tm)\)|\bCPU\b|@.*|\b\d+-Core Processor\b|\bProcessor\b", "", name)
    return " ".join(name.split())


@cache
def cpu_model() -> str:
    """Return the CPU's name with its family and model, which tell generations of one name apart:
    "AMD EPYC, family 26, model 2". The name alone where the system does not say more."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return cpu_name()
    found = re.findall(r"^(?:cpu )?(family|model)\s*:\s*(\d+)$", text, re.MULTILINE)
    return ", ".join([cpu_name(), *(f"{key} {number}" for key, number in found[:2])])


def read_gpus() -> tuple[Gpu, ...]:
    """Return this machine's NVIDIA GPUs; none where nvidia-ml-py or a driver is missing."""
    nvml = _nvml()
    if nvml is None:
        return ()
    count = _value_or_none(nvml.nvmlDeviceGetCount) or 0
    handles = [_value_or_none(nvml.nvmlDeviceGetHandleByIndex, n) for n in range(count)]
    return tuple(_read_gpu(nvml, handle) for handle in handles if handle is not None)


@cache
def _nvml() -> Any:
    """Initialise NVIDIA's library once; return None where that fails."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # not installed, no driver, or a driver of another version
        return None
    return pynvml


def _read_gpu(nvml: Any, handle: Any) -> Gpu:
    name = _value_or_none(nvml.nvmlDeviceGetName, handle) or "NVIDIA GPU"
    rates = _value_or_none(nvml.nvmlDeviceGetUtilizationRates, handle)
    memory = _value_or_none(nvml.nvmlDeviceGetMemoryInfo, handle)
    milliwatts = _value_or_none(nvml.nvmlDeviceGetPowerUsage, handle)
    celsius = _value_or_none(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
    return Gpu(
        # Older bindings return bytes.
        name=name.decode(errors="replace") if isinstance(name, bytes) else name,
        utilisation=None if rates is None else float(rates.gpu),
        memory_used=None if memory is None else memory.used,
        memory_total=None if memory is None else memory.total,
        watts=None if milliwatts is None else milliwatts / 1000,
        celsius=None if celsius is None else float(celsius),
    )


def _value_or_none(query: Callable[..., Any], *arguments: Any) -> Any:
    """Return NVML's value; None where it has none: a MIG slice reports less than a whole GPU."""
    try:
        return query(*arguments)
    except Exception:  # of NVML, whose class only its bindings have
        return None
