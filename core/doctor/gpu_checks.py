"""Check the NVIDIA GPUs: driver, memory, temperature, power, faults, and who else uses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.doctor.gpu_facts import GROUP, GpuFacts, NvidiaFacts
from core.packages import install_command

# The least that training needs: CUDA itself (0.5 GB), cuDNN, and cnn with all of MNIST.
MIN_FREE = 1_500_000_000
HOT_CELSIUS = 87.0  # if the driver does not report its slowdown temperature
NEAR_CELSIUS = 3.0
# The bits of nvmlClocksEventReasons that a healthy GPU never sets.
SLOWED = {
    0x08: "power or temperature fault (hardware slowdown)",
    0x20: "temperature (software)",
    0x40: "temperature (hardware)",
    0x80: "power supply (power brake)",
}


def judge_nvidia(facts: NvidiaFacts, required: bool = False) -> Iterator[Check]:
    """Yield the checks of the driver and its GPUs; a missing GPU is fine unless it is required."""
    if_missing = PROBLEM if required else WARNING
    if facts.gpus:
        if not facts.bindings:
            what = "nvidia-ml-py is not installed: the app cannot show GPU usage"
            yield Check(GROUP, "usage", OK, what, install_command("nvidia-ml-py"))
        yield from _judge_hidden(facts, if_missing)
        for number, gpu in enumerate(facts.gpus):
            for each in judge_gpu(number, gpu):
                # A problem of a GPU that is hidden from this process does not matter here.
                yield each if facts.shows(number) else replace(each, verdict=OK, advice="")
    elif facts.error and (facts.nodes or (facts.card and not facts.driver)):
        yield _judge_no_response(facts)
    elif facts.driver and facts.nodes:
        what = f"NVIDIA's driver {facts.driver} is loaded; its GPUs cannot be listed"
        yield Check(
            GROUP, "GPU", OK, what, "" if facts.bindings else install_command("nvidia-ml-py")
        )
        yield from _judge_hidden(facts, if_missing)
    elif facts.driver:
        what = f"NVIDIA's driver {facts.driver} is loaded, but its devices are missing in /dev"
        advice = "in a container: start it with --gpus all (Docker, Podman) or --nv (Apptainer); "
        advice += "in a job: request a GPU (--gres=gpu:1)"
        yield Check(GROUP, "GPU", if_missing, what, advice)
    elif facts.card:
        what = "an NVIDIA GPU is plugged in, but no driver is loaded"
        advice = "install NVIDIA's driver (Debian: nvidia-driver, Ubuntu: ubuntu-drivers install)"
        yield Check(GROUP, "GPU", if_missing, what, f"{advice} and reboot")
    elif not required:
        yield Check(GROUP, "GPU", OK, "no NVIDIA GPU")


def _judge_no_response(facts: NvidiaFacts) -> Check:
    error = facts.error or ""
    advice = "run nvidia-smi and read its message; reboot if it hangs"
    if "mismatch" in error.lower():
        advice = "the driver was updated while it was in use: reboot"
    elif "not loaded" in error.lower() or "communicate" in error.lower():
        advice = "load NVIDIA's driver (modprobe nvidia), or reinstall it for this kernel"
    elif "permission" in error.lower():
        advice = "join the group that owns /dev/nvidia* (ls -l /dev/nvidia*)"
    return Check(GROUP, "GPU", PROBLEM, f"NVIDIA's driver does not respond: {error}", advice)


def _judge_hidden(facts: NvidiaFacts, if_missing: str) -> Iterator[Check]:
    if facts.hidden is None:
        return
    name = "CUDA_VISIBLE_DEVICES"
    # CUDA ignores all entries after the first invalid one.
    outside = [each for each in facts.chosen if each.isdigit() and int(each) >= len(facts.gpus)]
    if facts.hides_all:
        what = f"is {facts.hidden!r}: it hides every GPU from PyTorch"
        yield Check(GROUP, name, if_missing, what, f"unset {name} to train on a GPU")
    elif outside and facts.gpus:
        what = f"is {facts.hidden!r}: there is no GPU {outside[0]}, and entries after it are "
        what += "ignored"
        yield Check(GROUP, name, WARNING, what, f"use numbers from 0 to {len(facts.gpus) - 1}")
    else:
        what = f"is {facts.hidden!r}: PyTorch sees only these GPUs, as cuda:0 and so on"
        yield Check(GROUP, name, OK, what)


def judge_gpu(number: int, gpu: GpuFacts) -> Iterator[Check]:
    """Yield a summary of a GPU, and a check for each problem."""
    name = f"GPU {number}"
    yield Check(GROUP, name, OK, ", ".join(_summary(gpu)), figures=asdict(gpu))
    yield from _judge_memory(name, gpu)
    yield from _judge_mode(name, gpu)
    yield from _judge_faults(name, gpu)
    limit = HOT_CELSIUS if gpu.celsius_slow is None else gpu.celsius_slow - NEAR_CELSIUS
    reasons = [reason for bit, reason in SLOWED.items() if gpu.slowed & bit]
    if gpu.celsius is not None and gpu.celsius >= limit:
        slow = f"; slowdown starts at {gpu.celsius_slow:.0f} °C" if gpu.celsius_slow else ""
        what = f"is at {gpu.celsius:.0f} °C{slow}"
        yield Check(GROUP, name, WARNING, what, "check the fans and the airflow")
    if reasons:
        advice = "check cooling and power cable; details: nvidia-smi -q -d PERFORMANCE"
        yield Check(GROUP, name, WARNING, f"is slowed down: {', '.join(reasons)}", advice)


def _summary(gpu: GpuFacts) -> Iterator[str]:
    yield gpu.name
    if gpu.capability:
        yield f"compute capability {gpu.capability[0]}.{gpu.capability[1]}"
    if gpu.memory_total is not None:
        used = f"{gpu.memory_used / 1e9:.1f} of " if gpu.memory_used is not None else ""
        yield f"memory {used}{gpu.memory_total / 1e9:.0f} GB{' in use' if used else ''}"
    if gpu.utilisation is not None:
        yield f"{gpu.utilisation:.0f}% busy"
    if gpu.watts is not None:
        limit = f" of {gpu.watts_limit:.0f}" if gpu.watts_limit else ""
        yield f"{gpu.watts:.0f}{limit} W"
    if gpu.celsius is not None:
        yield f"{gpu.celsius:.0f} °C"
    if gpu.mig:
        yield "partitioned (MIG)"
    if gpu.compute_mode == "exclusive":
        yield "one program at a time"
    if gpu.programs:
        yield f"used by {_users(gpu)}"


def _users(gpu: GpuFacts) -> str:
    named = [
        f"{name} ({pid}{f', {used / 1e9:.1f} GB' if used else ''})"
        for pid, name, used in gpu.programs[:3]
    ]
    more = len(gpu.programs) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _judge_memory(name: str, gpu: GpuFacts) -> Iterator[Check]:
    # The memory of a whole GPU says nothing about the partition that this process uses.
    if gpu.mig or gpu.memory_total is None or gpu.memory_used is None:
        return
    free = gpu.memory_total - gpu.memory_used
    if free >= MIN_FREE:
        return
    what = f"has {free / 1e9:.1f} GB free; training needs at least {MIN_FREE / 1e9:.1f} GB"
    if gpu.programs:
        what += f"; the rest is used by {_users(gpu)}"
        advice = f"end that program (kill {gpu.programs[0][0]}), wait for it, or use another GPU"
    else:
        advice = "find the program that uses it (fuser -v /dev/nvidia*), or use another GPU"
    yield Check(GROUP, name, PROBLEM, what, advice)


def _judge_mode(name: str, gpu: GpuFacts) -> Iterator[Check]:
    if gpu.compute_mode == "prohibited":
        what = "allows no program to compute (compute mode prohibited)"
        yield Check(GROUP, name, PROBLEM, what, "as root: nvidia-smi -c DEFAULT")
    elif gpu.compute_mode == "exclusive" and gpu.programs:
        what = f"allows one program at a time (compute mode exclusive): {_users(gpu)} uses it"
        advice = "wait for it, use another GPU, or as root: nvidia-smi -c DEFAULT"
        yield Check(GROUP, name, PROBLEM, what, advice)


def _judge_faults(name: str, gpu: GpuFacts) -> Iterator[Check]:
    if gpu.remapping == "failed":
        what = "has broken memory (row remapping failed)"
        yield Check(GROUP, name, PROBLEM, what, "use another GPU, and have this one replaced")
    elif gpu.remapping == "pending":
        what = "has broken memory that is replaced by spare rows at the next reset"
        advice = "reset the idle GPU (as root: nvidia-smi -r), or reboot"
        yield Check(GROUP, name, WARNING, what, advice)
    if gpu.ecc_errors:
        errors = "1 error" if gpu.ecc_errors == 1 else f"{gpu.ecc_errors:,} errors"
        what = f"had {errors} in its memory that ECC could not correct, since the driver was loaded"
        advice = "reset it (as root: nvidia-smi -r) or reboot; if it happens again, use another GPU"
        yield Check(GROUP, name, WARNING, what, advice)
