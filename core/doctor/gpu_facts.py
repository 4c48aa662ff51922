"""The NVIDIA GPUs of this machine as their driver reports them, with or without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.doctor.probe import Answer

GROUP = "GPUs"
Version = tuple[int, int]


@dataclass(frozen=True)
class GpuFacts:
    """What the driver reports of a GPU; None for what it does not report."""

    name: str
    uuid: str | None = None
    capability: Version | None = None
    memory_total: int | None = None  # bytes
    memory_used: int | None = None
    watts: float | None = None
    watts_limit: float | None = None
    celsius: float | None = None
    celsius_slow: float | None = None  # slowdown temperature
    utilisation: float | None = None  # percent
    compute_mode: str = "default"  # or "exclusive", "prohibited"
    mig: bool = False
    ecc_errors: int | None = None  # uncorrected, since the driver was loaded
    remapping: str | None = None  # "pending" or "failed": replacement of broken memory rows
    slowed: int = 0  # bits of nvmlClocksEventReasons
    programs: tuple[tuple[int, str, int | None], ...] = ()  # process, its name, bytes it uses


@dataclass(frozen=True)
class NvidiaFacts:
    """What is known of NVIDIA's driver and its GPUs."""

    card: bool = False  # whether an NVIDIA GPU is plugged in
    driver: str | None = None  # version of the loaded driver
    nodes: bool = False  # whether /dev has its device files; a container may lack them
    cuda: Version | None = None  # the newest CUDA that the driver supports
    gpus: tuple[GpuFacts, ...] = ()
    source: str | None = None  # "nvml" or "nvidia-smi"; None if neither reported a GPU
    error: str | None = None  # why neither did
    bindings: bool = True  # whether nvidia-ml-py is installed
    hidden: str | None = None  # CUDA_VISIBLE_DEVICES if it is set

    @property
    def usable(self) -> bool:
        """Whether the driver offers a GPU to programs."""
        return bool(self.gpus) or (self.driver is not None and self.nodes)

    @property
    def chosen(self) -> list[str]:
        """The GPUs that CUDA_VISIBLE_DEVICES names."""
        return [each.strip() for each in (self.hidden or "").split(",") if each.strip()]

    @property
    def hides_all(self) -> bool:
        return self.hidden is not None and self.chosen[:1] in ([], ["-1"])

    def shows(self, number: int) -> bool:
        """Return whether CUDA_VISIBLE_DEVICES shows the GPU of that number to programs."""
        chosen = self.chosen
        if self.hidden is None:
            return True
        if any(each.startswith("MIG") for each in chosen):  # the parts of a GPU are unknown here
            return True
        uuid = self.gpus[number].uuid or "-"
        # CUDA takes the beginning of a UUID for it.
        return any(str(number) == each or uuid.startswith(each) for each in chosen)


def read_nvidia(answer: Answer) -> NvidiaFacts:
    reported = {name: _with_tuples(value) for name, value in answer.reported.items()}
    reported.pop("doing", None)
    reported["gpus"] = tuple(GpuFacts(**each) for each in reported.get("gpus", ()))
    facts = NvidiaFacts(**reported)
    return replace(facts, error=answer.failure) if answer.failure and not facts.gpus else facts


def _with_tuples(value: Any) -> Any:
    """Return a value from JSON, which has lists in place of tuples, as it was."""
    if isinstance(value, dict):
        return {name: _with_tuples(each) for name, each in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
