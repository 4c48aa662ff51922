"""Check CPU and memory, and how much of them this process may use."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.compute.threads import cpu_cores
from core.compute.usage import cpu_name
from core.doctor.check import OK, PROBLEM, WARNING, Check

GROUP = "This machine"
CGROUPS = Path("/sys/fs/cgroup")
# PyTorch with CUDA and a run of cnn take about 1.2 GB, the app a little more.
TIGHT_MEMORY, LEAST_MEMORY = 2_000_000_000, 700_000_000
# The share of all cores that other programs may use without a warning.
BUSY = 0.5


@dataclass(frozen=True)
class MachineFacts:
    system: str
    cpu: str
    cores: int  # that this process may run on
    all_cores: int
    quota: float | None  # CPU time that a container or job may use, in cores; None: no limit
    load: float | None  # mean number of busy processes in the last minute
    memory_total: int  # bytes
    memory_available: int
    memory_limit: int | None  # of a container or job, in bytes
    memory_in_limit: int  # bytes of it in use
    omp_threads: str | None  # OMP_NUM_THREADS
    omp_limit: str | None  # OMP_THREAD_LIMIT


def read_machine_facts() -> MachineFacts:
    import psutil

    memory = psutil.virtual_memory()
    limit, used = memory_limit(CGROUPS, own_cgroup())
    return MachineFacts(
        system=" ".join(filter(None, (platform.system(), platform.release(), platform.machine()))),
        cpu=cpu_name(),
        cores=cpu_cores(),
        all_cores=os.cpu_count() or 1,
        quota=cpu_quota(CGROUPS, own_cgroup()),
        load=load(),
        memory_total=memory.total,
        memory_available=memory.available,
        memory_limit=limit if limit is not None and limit < memory.total else None,
        memory_in_limit=used,
        omp_threads=os.environ.get("OMP_NUM_THREADS"),
        omp_limit=os.environ.get("OMP_THREAD_LIMIT"),
    )


def load() -> float | None:
    """Return the mean number of busy processes in the last minute; None on Windows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def load_per_core() -> float | None:
    """Return the load of each core: 1.0 means that all cores are busy."""
    busy = load()
    return None if busy is None else busy / (os.cpu_count() or 1)


def granted_cores() -> int:
    """Return how many cores this process can use: a container may grant less than it shows."""
    quota = cpu_quota(CGROUPS, own_cgroup())
    return max(1, int(min(cpu_cores(), quota or math.inf)))


def own_cgroup() -> str:
    """Return the path of this process's control group below the root, "/" if it is unknown."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "/"
    return next((line[3:] for line in lines if line.startswith("0::")), "/")


def _groups(root: Path, own: str) -> list[Path]:
    """Return the group's folder and those above it, any of which can have the tightest limit.

    In a container the group's path often does not exist, and the root is that of the container.
    """
    folder = root / own.lstrip("/")
    return [each for each in (folder, *folder.parents) if each.is_relative_to(root)]


def _pairs(*places: tuple[Path, ...]) -> Iterator[tuple[int, int]]:
    """Yield the two whole numbers in the files of each place, if "max" or -1 is none of them."""
    for paths in places:
        with suppress(OSError):
            words = " ".join(each.read_text(encoding="utf-8") for each in paths).split()
            if len(words) == 2 and all(map(str.isdigit, words)):
                yield int(words[0]), int(words[1])


def cpu_quota(root: Path, own: str) -> float | None:
    """Return the limit of CPU time, in cores; None for no limit."""
    places = [(folder / "cpu.max",) for folder in _groups(root, own)]
    # Version 1 of control groups.
    old = root / "cpu/cpu.cfs_quota_us", root / "cpu/cpu.cfs_period_us"
    return min((quota / period for quota, period in _pairs(*places, old)), default=None)


def memory_limit(root: Path, own: str) -> tuple[int | None, int]:
    """Return the tightest limit in bytes, None for no limit, and how much of it is in use."""
    places = [(folder / "memory.max", folder / "memory.current") for folder in _groups(root, own)]
    old = root / "memory/memory.limit_in_bytes", root / "memory/memory.usage_in_bytes"
    return min(_pairs(*places, old), key=lambda each: each[0] - each[1], default=(None, 0))


def judge_machine(facts: MachineFacts) -> Iterator[Check]:
    """Yield the checks of system, CPU, load, memory and OpenMP's variables."""
    yield Check(GROUP, "system", OK, facts.system)
    yield _judge_cores(facts)
    if facts.load is not None:
        yield _judge_load(facts.load, facts.all_cores)
    yield _judge_memory(facts)
    yield from _judge_openmp(facts)


def _judge_cores(facts: MachineFacts) -> Check:
    cores = "1 core" if facts.cores == 1 else f"{facts.cores} cores"
    what = f"{facts.cpu}, {cores}"
    if facts.cores < facts.all_cores:
        what += f" of {facts.all_cores} available to this process"
    figures = {"cores": facts.cores, "quota": facts.quota}
    if facts.quota is None or facts.quota >= facts.cores:
        return Check(GROUP, "CPU", OK, what, figures=figures)
    what += f", limited to the CPU time of {facts.quota:g} by a container or job"
    advice = f"use --threads {max(1, int(facts.quota))}: with one thread per core, "
    advice += "the limit suspends all of them in the middle of a training step"
    return Check(GROUP, "CPU", WARNING, what, advice, figures)


def _judge_load(load: float, cores: int) -> Check:
    what = f"{load:.1f} busy processes for {'1 core' if cores == 1 else f'{cores} cores'}"
    what += " (mean of the last minute)"
    if load <= BUSY * cores:
        return Check(GROUP, "load", OK, what, figures={"load": load})
    advice = "other programs are using the CPU (see top), so the speeds measured below are lower"
    return Check(GROUP, "load", WARNING, what, advice, {"load": load})


def _judge_memory(facts: MachineFacts) -> Check:
    free, total = facts.memory_available, facts.memory_total
    where = ""
    if facts.memory_limit is not None:
        total = facts.memory_limit
        free = min(free, total - facts.memory_in_limit)
        where = ", the limit of a container or job"
    what = f"{free / 1e9:.1f} GB free of {total / 1e9:.1f} GB{where}"
    figures = {"free": free, "total": total}
    if free >= TIGHT_MEMORY:
        return Check(GROUP, "memory", OK, what, figures=figures)
    advice = "close other programs or request more memory: training cnn needs about 1.2 GB"
    verdict = PROBLEM if free < LEAST_MEMORY else WARNING
    return Check(GROUP, "memory", verdict, what, advice, figures)


def _judge_openmp(facts: MachineFacts) -> Iterator[Check]:
    for name, value in (("NUM_THREADS", facts.omp_threads), ("THREAD_LIMIT", facts.omp_limit)):
        if value is None:
            continue
        name = f"OMP_{name}"
        # One number, or one for each level of nesting.
        if not all(each.strip().isdigit() and int(each) > 0 for each in value.split(",")):
            advice = f"unset {name}, or set it to a whole number above 0"
            yield Check(GROUP, name, WARNING, f"is {value!r}, which is not a number", advice)
        elif name == "OMP_THREAD_LIMIT" and int(value.split(",")[0]) < facts.cores:
            advice = f"unset {name}: it limits the threads of every program"
            yield Check(GROUP, name, WARNING, f"is {value}, below the {facts.cores} cores", advice)
        else:
            yield Check(GROUP, name, OK, f"is {value}; training uses --threads instead")
