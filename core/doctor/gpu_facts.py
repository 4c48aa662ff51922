"""The NVIDIA GPUs of this machine as their driver tells of them, whatever PyTorch makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.doctor.probe import Answer

GROUP = "GPUs"
Version = tuple[int, int]
# What training here takes at least: CUDA's own 0.5 GB, cuDNN, and cnn with all of MNIST.
LEAST_FREE = 1_500_000_000
HOT_CELSIUS = 87.0  # where the driver does not say from which temperature on it slows down
NEAR_CELSIUS = 3.0
# The bits of nvmlClocksEventReasons that are no part of a sound GPU's work.
SLOWED = {
    0x08: "by a fault of power or heat (hardware slowdown)",
    0x20: "since it is hot",
    0x40: "since it is hot (hardware)",
    0x80: "by the power supply (power brake)",
}


@dataclass(frozen=True)
class GpuFacts:
    """None for what the driver does not tell."""

    name: str
    uuid: str | None = None
    capability: Version | None = None
    memory_total: int | None = None  # bytes
    memory_used: int | None = None
    watts: float | None = None
    watts_limit: float | None = None
    celsius: float | None = None
    celsius_slow: float | None = None  # from where on it slows itself down
    utilisation: float | None = None  # percent
    compute_mode: str = "default"  # or "exclusive", "prohibited"
    mig: bool = False
    ecc_errors: int | None = None  # that could not be put right, since the driver was loaded
    remapping: str | None = None  # "pending" or "failed": rows of memory that are being replaced
    slowed: int = 0  # bits of SLOWED
    programs: tuple[tuple[int, str, int | None], ...] = ()  # process, its name, bytes it has


@dataclass(frozen=True)
class NvidiaFacts:
    card: bool = False  # whether a GPU of NVIDIA's is plugged in
    driver: str | None = None  # the version of what the kernel has loaded
    nodes: bool = False  # whether /dev has its devices; a container may lack them
    cuda: Version | None = None  # the newest that the driver is good for
    gpus: tuple[GpuFacts, ...] = ()
    source: str | None = None  # "nvml" or "nvidia-smi"; None where neither told anything
    error: str | None = None  # why not
    bindings: bool = True  # whether nvidia-ml-py is installed
    hidden: str | None = None  # CUDA_VISIBLE_DEVICES, where it is set

    @property
    def usable(self) -> bool:
        """Whether a GPU is here for programs to use, as far as the driver goes."""
        return bool(self.gpus) or (self.driver is not None and self.nodes)

    @property
    def chosen(self) -> list[str]:
        """The GPUs that CUDA_VISIBLE_DEVICES names."""
        return [each.strip() for each in (self.hidden or "").split(",") if each.strip()]

    @property
    def hides_all(self) -> bool:
        return self.hidden is not None and self.chosen[:1] in ([], ["-1"])

    def shows(self, number: int) -> bool:
        """Whether that GPU is left to programs."""
        chosen = self.chosen
        if self.hidden is None:
            return True
        if any(each.startswith("MIG") for each in chosen):  # parts, of which nothing is known here
            return True
        uuid = self.gpus[number].uuid or "-"
        # Part of a UUID will do for CUDA.
        return any(str(number) == each or uuid.startswith(each) for each in chosen)


def read_nvidia(answer: Answer) -> NvidiaFacts:
    values = {key: value for key, value in answer.told.items() if key not in ("doing", "gpus")}
    if values.get("cuda"):
        values["cuda"] = tuple(values["cuda"])
    gpus = tuple(_gpu(each) for each in answer.told.get("gpus", ()))
    facts = NvidiaFacts(**values, gpus=gpus)
    return replace(facts, error=answer.failure) if answer.failure and not gpus else facts


def _gpu(told: dict[str, Any]) -> GpuFacts:
    capability = told["capability"]
    programs = tuple((pid, name, used) for pid, name, used in told["programs"])
    return GpuFacts(
        **told | {"capability": tuple(capability) if capability else None} | {"programs": programs}
    )
