"""Check CPU and memory, and how much of them this process may use."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from core.compute.cgroups import cpu_quota, memory_limit
from core.compute.cores import (
    all_cores,
    describe_quota,
    granted_cores,
    own_omp_threads,
    usable_cores,
)
from core.compute.import_guard import ADDRESS_SPACE, address_space
from core.compute.usage import cpu_name
from core.doctor.check import OK, PROBLEM, WARNING, Check

GROUP = "This machine"
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
    address_space: int | None = None  # ulimit -v in bytes, where PyTorch needs more


def read_machine_facts() -> MachineFacts:
    import psutil

    memory = psutil.virtual_memory()
    limit, used = memory_limit()
    return MachineFacts(
        system=" ".join(filter(None, (platform.system(), platform.release(), platform.machine()))),
        cpu=cpu_name(),
        cores=granted_cores(),
        all_cores=all_cores(),
        quota=cpu_quota(),
        load=load(),
        memory_total=memory.total,
        memory_available=memory.available,
        memory_limit=limit if limit is not None and limit < memory.total else None,
        memory_in_limit=used,
        omp_threads=own_omp_threads(),
        omp_limit=os.environ.get("OMP_THREAD_LIMIT"),
        address_space=address_space(),
    )


def load() -> float | None:
    """Return the mean number of busy processes in the last minute; None on Windows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def load_per_core() -> float | None:
    """Return the load of each core: 1.0 means that all cores are busy."""
    busy = load()
    return None if busy is None else busy / all_cores()


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
    usable = usable_cores(facts.cores, facts.quota)
    what += f", {describe_quota(facts.quota)} by a container or job: --threads auto uses {usable}"
    if facts.quota >= 1:
        return Check(GROUP, "CPU", OK, what, figures=figures)
    advice = "request at least one core: training is suspended for the rest of the time"
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
    figures = {"free": free, "total": total, "address_space": facts.address_space}
    if facts.address_space is not None and free >= LEAST_MEMORY:
        what += f"; the address space is limited to {facts.address_space / 1e9:.1f} GB (ulimit -v)"
        advice = f"raise the limit: PyTorch needs about {ADDRESS_SPACE / 1e9:.0f} GB"
        return Check(GROUP, "memory", WARNING, what, advice, figures)
    if free >= TIGHT_MEMORY:
        return Check(GROUP, "memory", OK, what, figures=figures)
    advice = "close other programs or request more memory: training cnn needs about 1.2 GB"
    verdict = PROBLEM if free < LEAST_MEMORY else WARNING
    return Check(GROUP, "memory", verdict, what, advice, figures)


def _judge_openmp(facts: MachineFacts) -> Iterator[Check]:
    usable = usable_cores(facts.cores, facts.quota)
    for name, value in (("NUM_THREADS", facts.omp_threads), ("THREAD_LIMIT", facts.omp_limit)):
        if value is None:
            continue
        name = f"OMP_{name}"
        # One number, or one for each level of nesting.
        if not all(each.strip().isdigit() and int(each) > 0 for each in value.split(",")):
            advice = f"unset {name}, or set it to a whole number above 0"
            yield Check(GROUP, name, WARNING, f"is {value!r}, which is not a number", advice)
        elif name == "OMP_THREAD_LIMIT" and int(value.split(",")[0]) < usable:
            advice = f"unset {name}: it limits the threads of every program"
            yield Check(GROUP, name, WARNING, f"is {value}, below the {usable} cores", advice)
        else:
            yield Check(GROUP, name, OK, f"is {value}; training uses --threads instead")
