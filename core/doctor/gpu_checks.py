"""What is said of each GPU: its memory, heat, power, faults, and who else uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.doctor.gpu_facts import (
    GROUP,
    HOT_CELSIUS,
    LEAST_FREE,
    NEAR_CELSIUS,
    SLOWED,
    GpuFacts,
    NvidiaFacts,
)


def judge_nvidia(facts: NvidiaFacts, required: bool = False) -> Iterator[Check]:
    """Of the driver and its GPUs; no GPU is a plain fact, unless it is required."""
    lacking = PROBLEM if required else WARNING
    if facts.gpus:
        if not facts.bindings:
            what = "nvidia-ml-py is not installed: what nvidia-smi tells is less, and the app shows"
            yield Check(
                GROUP, "figures", OK, f"{what} no figures of GPUs", "pip install nvidia-ml-py"
            )
        yield from _judge_hidden(facts, lacking)
        for number, gpu in enumerate(facts.gpus):
            for each in judge_gpu(number, gpu):
                # What is wrong with a GPU that we are not to use is others' business.
                yield each if facts.shows(number) else replace(each, verdict=OK, advice="")
    elif facts.error and (facts.nodes or (facts.card and not facts.driver)):
        yield _judge_silence(facts)
    elif facts.driver and facts.nodes:
        what = f"NVIDIA's driver {facts.driver} is here; nothing tells of its GPUs"
        yield Check(GROUP, "GPU", OK, what, "" if facts.bindings else "pip install nvidia-ml-py")
        yield from _judge_hidden(facts, lacking)
    elif facts.driver:
        what = f"NVIDIA's driver {facts.driver} is loaded, but /dev has none of its devices"
        advice = "in a container: start it with --gpus all (Docker, Podman) or --nv (Apptainer); "
        yield Check(
            GROUP, "GPU", lacking, what, f"{advice}in a job: ask the queue for a GPU (--gres=gpu:1)"
        )
    elif facts.card:
        what = "a GPU of NVIDIA's is plugged in, and no driver is loaded for it"
        advice = "install NVIDIA's driver (Debian: nvidia-driver, Ubuntu: ubuntu-drivers install)"
        yield Check(GROUP, "GPU", lacking, what, f"{advice} and reboot")
    elif not required:
        yield Check(GROUP, "GPU", OK, "no NVIDIA GPU here")


def _judge_silence(facts: NvidiaFacts) -> Check:
    error = facts.error or ""
    advice = "run nvidia-smi and see what it says; reboot where it hangs"
    if "mismatch" in error.lower():
        advice = "the driver was updated while it was in use: reboot"
    elif "not loaded" in error.lower() or "communicate" in error.lower():
        advice = "load NVIDIA's driver (modprobe nvidia), or install it anew for this kernel"
    elif "permission" in error.lower():
        advice = "join the group that /dev/nvidia* belong to (ls -l /dev/nvidia*)"
    return Check(GROUP, "GPU", PROBLEM, f"NVIDIA's driver does not answer: {error}", advice)


def _judge_hidden(facts: NvidiaFacts, lacking: str) -> Iterator[Check]:
    if facts.hidden is None:
        return
    name = "CUDA_VISIBLE_DEVICES"
    # All after the first that is no device are hidden as well.
    outside = [each for each in facts.chosen if each.isdigit() and int(each) >= len(facts.gpus)]
    if facts.hides_all:
        what = f"is {facts.hidden!r}: it hides every GPU from PyTorch"
        yield Check(GROUP, name, lacking, what, f"unset {name} to train on a GPU")
    elif outside and facts.gpus:
        what = f"is {facts.hidden!r}: there is no GPU {outside[0]}, and none after it is used"
        yield Check(GROUP, name, WARNING, what, f"name GPUs from 0 to {len(facts.gpus) - 1}")
    else:
        what = f"is {facts.hidden!r}: PyTorch sees these alone, and calls them cuda:0 and on"
        yield Check(GROUP, name, OK, what)


def judge_gpu(number: int, gpu: GpuFacts) -> Iterator[Check]:
    """One line of figures, and one for each thing that is wrong with it."""
    name = f"GPU {number}"
    figures = asdict(gpu)
    yield Check(GROUP, name, OK, ", ".join(_figures(gpu)), figures=figures)
    yield from _judge_memory(name, gpu)
    yield from _judge_mode(name, gpu)
    yield from _judge_faults(name, gpu)
    limit = HOT_CELSIUS if gpu.celsius_slow is None else gpu.celsius_slow - NEAR_CELSIUS
    reasons = [words for bit, words in SLOWED.items() if gpu.slowed & bit]
    if gpu.celsius is not None and gpu.celsius >= limit:
        slow = f", and slows itself down from {gpu.celsius_slow:.0f} on" if gpu.celsius_slow else ""
        what = f"is at {gpu.celsius:.0f} °C{slow}"
        yield Check(GROUP, name, WARNING, what, "see to its fans and the air around it")
    if reasons:
        advice = "see nvidia-smi -q -d PERFORMANCE; to its cooling, its power cable"
        yield Check(GROUP, name, WARNING, f"is being slowed down {', '.join(reasons)}", advice)


def _figures(gpu: GpuFacts) -> Iterator[str]:
    yield gpu.name
    if gpu.capability:
        yield f"compute capability {gpu.capability[0]}.{gpu.capability[1]}"
    if gpu.memory_total is not None:
        used = f"{gpu.memory_used / 1e9:.1f} of " if gpu.memory_used is not None else ""
        yield f"memory {used}{gpu.memory_total / 1e9:.0f} GB{' in use' if used else ''}"
    if gpu.utilisation is not None:
        yield f"{gpu.utilisation:.0f}% at work"
    if gpu.watts is not None:
        limit = f" of {gpu.watts_limit:.0f}" if gpu.watts_limit else ""
        yield f"{gpu.watts:.0f}{limit} W"
    if gpu.celsius is not None:
        yield f"{gpu.celsius:.0f} °C"
    if gpu.mig:
        yield "divided into parts (MIG)"
    if gpu.compute_mode == "exclusive":
        yield "for one program at a time"
    if gpu.programs:
        yield f"used by {_who(gpu)}"


def _who(gpu: GpuFacts) -> str:
    named = [
        f"{name} ({pid}{f', {used / 1e9:.1f} GB' if used else ''})"
        for pid, name, used in gpu.programs[:3]
    ]
    more = len(gpu.programs) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _judge_memory(name: str, gpu: GpuFacts) -> Iterator[Check]:
    # Of a GPU in parts, the figures of the whole say nothing of the part that is ours.
    if gpu.mig or gpu.memory_total is None or gpu.memory_used is None:
        return
    free = gpu.memory_total - gpu.memory_used
    if free >= LEAST_FREE:
        return
    what = f"has {free / 1e9:.1f} GB free, and training takes {LEAST_FREE / 1e9:.1f} at least"
    if gpu.programs:
        what += f": {_who(gpu)} has the rest"
        advice = f"end that program (kill {gpu.programs[0][0]}), wait for it, or take another GPU"
    else:
        advice = "find who has it (nvidia-smi; fuser -v /dev/nvidia*), or take another GPU"
    yield Check(GROUP, name, PROBLEM, what, advice)


def _judge_mode(name: str, gpu: GpuFacts) -> Iterator[Check]:
    if gpu.compute_mode == "prohibited":
        what = "lets no program compute (compute mode prohibited)"
        yield Check(GROUP, name, PROBLEM, what, "as root: nvidia-smi -c DEFAULT")
    elif gpu.compute_mode == "exclusive" and gpu.programs:
        what = f"is for one program at a time (compute mode exclusive), and {_who(gpu)} has it"
        advice = "wait for it, take another GPU, or as root: nvidia-smi -c DEFAULT"
        yield Check(GROUP, name, PROBLEM, what, advice)


def _judge_faults(name: str, gpu: GpuFacts) -> Iterator[Check]:
    if gpu.remapping == "failed":
        what = "its memory is broken beyond repair (row remapping failed)"
        yield Check(GROUP, name, PROBLEM, what, "take another GPU, and have this one replaced")
    elif gpu.remapping == "pending":
        what = "a broken part of its memory waits to be replaced by a spare one"
        advice = "reset it when nothing uses it (as root: nvidia-smi -r), or reboot"
        yield Check(GROUP, name, WARNING, what, advice)
    if gpu.ecc_errors:
        times = "once" if gpu.ecc_errors == 1 else f"{gpu.ecc_errors:,} times"
        what = f"its memory has lost what was in it {times} since its driver was loaded (ECC)"
        advice = "reset it (as root: nvidia-smi -r) or reboot; take another if it comes again"
        yield Check(GROUP, name, WARNING, what, advice)
