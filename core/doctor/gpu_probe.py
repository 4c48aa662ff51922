"""The probe that reads the NVIDIA GPUs from the driver, by its library (NVML) or by nvidia-smi.

A broken driver may hang.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from core.doctor.gpu_facts import GpuFacts
from core.doctor.probe import report, run_as_probe
from core.errors import first_line

NVIDIA_VENDOR = "0x10de"
SMI_SECONDS = 10.0


def main() -> None:
    report(**_read_system(), doing="querying NVIDIA's driver")
    bindings, found = _from_nvml()
    report(bindings=bindings, **found)
    if not found.get("gpus") and shutil.which("nvidia-smi"):
        report(doing="running nvidia-smi")
        report(**_from_smi(found.get("error")))


def _read_system() -> dict[str, Any]:
    """Return what the system shows without the driver's library."""
    driver = None
    with suppress(OSError):
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
        driver = next(iter(re.findall(r"\b\d{3}\.\d+(?:\.\d+)?\b", text)), None)
    return {
        "card": any(map(_is_gpu, Path("/sys/bus/pci/devices").glob("*"))),
        "driver": driver,
        "nodes": os.path.exists("/dev/nvidia0") or os.path.exists("/dev/nvidia-caps"),
        "hidden": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }


def _is_gpu(device: Path) -> bool:
    try:
        vendor = (device / "vendor").read_text(encoding="ascii").strip()
        kind = (device / "class").read_text(encoding="ascii").strip()
    except OSError:
        return False
    # A display controller: the sound and USB devices of a card have the same vendor.
    return vendor == NVIDIA_VENDOR and kind.startswith("0x03")


def _from_nvml() -> tuple[bool, dict[str, Any]]:
    """Return whether NVML's bindings are installed, and what NVML reports."""
    try:
        import pynvml as nvml
    except Exception:  # not installed, or broken
        return False, {}
    try:
        nvml.nvmlInit()
        count = nvml.nvmlDeviceGetCount()
    except Exception as error:  # NVMLError, a class that only the bindings define
        missing = getattr(nvml, "NVML_ERROR_LIBRARY_NOT_FOUND", 12)
        # A library that is not installed is no failure of the driver.
        return True, {} if getattr(error, "value", 0) == missing else {"error": first_line(error)}
    text = query(nvml.nvmlSystemGetDriverVersion) or ""
    number = query(nvml.nvmlSystemGetCudaDriverVersion) or 0  # 12040 is 12.4
    handles = (query(partial(nvml.nvmlDeviceGetHandleByIndex, each)) for each in range(count))
    gpus = [asdict(read_gpu(nvml, each)) for each in handles if each is not None]
    found: dict[str, Any] = {"source": "nvml", "gpus": gpus}
    if text:
        found["driver"] = _text(text)
    if number:
        found["cuda"] = (number // 1000, number % 1000 // 10)
    return True, found


def query(function: Callable[[], Any]) -> Any:
    """Return what NVML reports; None for what a GPU, or a part of one, does not support."""
    try:
        return function()
    except Exception:  # NVMLError, a class that only the bindings define
        return None


def read_gpu(nvml: Any, handle: Any) -> GpuFacts:
    """Return what NVML reports of a GPU."""

    def get(function: str, *arguments: Any) -> Any:
        return query(lambda: getattr(nvml, function)(handle, *arguments))

    def scaled(value: float | None) -> float | None:
        return None if value is None else value / 1000  # milliwatts

    name, uuid = get("nvmlDeviceGetName") or "NVIDIA GPU", get("nvmlDeviceGetUUID")
    memory, rates = get("nvmlDeviceGetMemoryInfo"), get("nvmlDeviceGetUtilizationRates")
    capability, mig = get("nvmlDeviceGetCudaComputeCapability"), get("nvmlDeviceGetMigMode")
    modes = {
        getattr(nvml, "NVML_COMPUTEMODE_PROHIBITED", 2): "prohibited",
        getattr(nvml, "NVML_COMPUTEMODE_EXCLUSIVE_PROCESS", 3): "exclusive",
    }
    slowdown = getattr(nvml, "NVML_TEMPERATURE_THRESHOLD_SLOWDOWN", 1)
    # Corrected, uncorrected, pending, failed.
    remapped = get("nvmlDeviceGetRemappedRows") or (0, 0, 0, 0)
    return GpuFacts(
        name=_text(name),
        uuid=None if uuid is None else _text(uuid),
        capability=None if capability is None else (capability[0], capability[1]),
        memory_total=None if memory is None else memory.total,
        memory_used=None if memory is None else memory.used,
        watts=scaled(get("nvmlDeviceGetPowerUsage")),
        watts_limit=scaled(get("nvmlDeviceGetEnforcedPowerLimit")),
        celsius=get("nvmlDeviceGetTemperature", getattr(nvml, "NVML_TEMPERATURE_GPU", 0)),
        celsius_slow=get("nvmlDeviceGetTemperatureThreshold", slowdown),
        utilisation=None if rates is None else float(rates.gpu),
        compute_mode=modes.get(get("nvmlDeviceGetComputeMode"), "default"),
        mig=bool(mig and mig[0]),
        # Errors that could not be corrected, since the driver was loaded.
        ecc_errors=get("nvmlDeviceGetTotalEccErrors", 1, 0),
        remapping="failed" if remapped[3] else "pending" if remapped[2] else None,
        slowed=get("nvmlDeviceGetCurrentClocksThrottleReasons") or 0,
        programs=tuple(_programs(get("nvmlDeviceGetComputeRunningProcesses") or [])),
    )


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _programs(processes: list[Any]) -> Iterator[tuple[int, str, int | None]]:
    import psutil

    for each in processes:
        name = "another container's or user's program"
        with suppress(psutil.Error):
            name = psutil.Process(each.pid).name()
        yield each.pid, name, each.usedGpuMemory


# nvidia-smi's names of the fields, in the order of a row; `compute_cap` is unknown to old versions.
SMI_FIELDS = "name,uuid,driver_version,memory.total,memory.used,power.draw,power.limit,"
SMI_FIELDS += "temperature.gpu,utilization.gpu,compute_mode"


def _from_smi(nvml_error: str | None) -> dict[str, Any]:
    error = ""
    for fields in (f"{SMI_FIELDS},compute_cap", SMI_FIELDS):
        command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SMI_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return {"error": nvml_error or "nvidia-smi does not respond"}
        if done.returncode == 0:
            return parse_smi(done.stdout)
        error = error or next(iter((done.stdout + done.stderr).strip().splitlines()), "")
    return {"error": nvml_error or error}


def parse_smi(text: str) -> dict[str, Any]:
    """Return the GPUs in the output of nvidia-smi, a row of SMI_FIELDS each."""

    def number(value: str) -> float | None:
        try:
            return float(value)
        except ValueError:  # [N/A], [Not Supported]
            return None

    found, driver = [], ""
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) <= SMI_FIELDS.count(","):
            continue
        name, uuid, driver, total, used, watts, limit, celsius, rate, mode, *capability = row
        sizes = [None if size is None else int(size * 2**20) for size in map(number, (total, used))]
        version = re.fullmatch(r"(\d+)\.(\d+)", capability[0]) if capability else None
        gpu = GpuFacts(
            name=name,
            uuid=uuid,
            capability=(int(version[1]), int(version[2])) if version else None,
            memory_total=sizes[0],
            memory_used=sizes[1],
            watts=number(watts),
            watts_limit=number(limit),
            celsius=number(celsius),
            utilisation=number(rate),
            compute_mode={"E": "exclusive", "P": "prohibited"}.get(mode[:1], "default"),
        )
        found.append(asdict(gpu))
    if not found:
        return {"error": "nvidia-smi lists no GPU"}
    return {"source": "nvidia-smi", "driver": driver, "gpus": found}


if __name__ == "__main__":
    run_as_probe(main)
