"""How many CPU cores there are, and how many of them this process may use."""

from __future__ import annotations

import os

from core.compute.cgroups import cpu_quota

OMP_THREADS = "OMP_NUM_THREADS"
# A limit this little below a whole number of cores counts as that number.
NEARLY = 0.1


def all_cores() -> int:
    """Count the cores of this machine."""
    return os.cpu_count() or 1


def granted_cores() -> int:
    """Count the cores that this process may run on; a job queue often grants fewer than all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else all_cores()


def cpu_cores() -> int:
    """Count the cores that this process may use fully: the granted ones, or fewer where a container
    limits the CPU time.

    Rounded down, at least 1: when the time of a period is used up, the system suspends all threads,
    often in the middle of an operation. On 2 cores limited to 1, one thread trains quick 1.3 times
    and cnn 1.15 times as fast as two; limited to 1.5, mlp 1.25 times, but cnn 0.8 times.
    """
    return usable_cores(granted_cores(), cpu_quota())


def usable_cores(granted: int, quota: float | None) -> int:
    return granted if quota is None else max(1, min(granted, int(quota + NEARLY)))


def describe_cores() -> str:
    """Return "2 cores", or "8 cores, limited to the CPU time of 1.5"."""
    granted, quota = granted_cores(), cpu_quota()
    text = "1 core" if granted == 1 else f"{granted} cores"
    return f"{text}, {describe_quota(quota)}" if quota and quota < granted else text


def describe_quota(quota: float) -> str:
    return f"limited to the CPU time of {quota:.3g}"


def torch_threads() -> int:
    """Return how many threads PyTorch's CPU operations share now."""
    import torch

    return torch.get_num_threads()


def limit_threads() -> None:
    """Let OpenMP and BLAS start as many threads as there are cores, where the CPU time is limited.

    Both read OMP_NUM_THREADS when they are loaded, and count cores without the limit. A value that
    is set already stays.
    """
    if _is_limited():
        os.environ.setdefault(OMP_THREADS, str(cpu_cores()))


def own_omp_threads() -> str | None:
    """Return the OMP_NUM_THREADS that the user has set; None where `limit_threads` has set it."""
    value = os.environ.get(OMP_THREADS)
    return None if _is_limited() and value == str(cpu_cores()) else value


def _is_limited() -> bool:
    quota = cpu_quota()
    return quota is not None and quota < granted_cores()
