"""Judge the trials: does a device learn, at its typical speed, and do all devices agree?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean
from typing import Any

from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.doctor.machine import BUSY
from core.doctor.probe import NO_RESPONSE
from core.doctor.training_probe import ARCH, Trial

GROUP = "Training"
# How much the losses of two devices may differ in the first COMPARED steps. Measured with cnn: sums
# in another order (one thread or two, oneDNN or not) differ by 0.000001, and initial weights that
# are off by 1e-6 to 1e-5 by 0.0007 to 0.0015. Lower precision differs by 0.004 (TF32) to 0.006
# (bf16): not wrong, but not fp32. Later all differences grow, to 0.01 in 40 steps.
COMPARED, TOLERANCE, ROUGHLY = 20, 0.002, 0.05
# The mean of the last losses must be below this share of the mean of the first. It is 0.6 after 20
# steps.
ENDS, MAX_SHARE = 5, 0.9
# Samples per second of `cnn` in fp32, batch 32, on an idle machine: lowest and highest measured, by
# a part of the CPU's name and its cores. On a host that is busy with others two cores reach half of
# that, which nothing else shows.
Range = tuple[float, float]
CPU_SPEEDS: dict[tuple[str, int], Range] = {("AMD EPYC", 2): (600.0, 1425.0)}
GPU_SPEEDS: dict[str, Range] = {}  # by a part of the GPU's name
# Slow is below this share of the lower speed. Many virtual machines report the CPU as AMD EPYC and
# no more, and there are faster and slower ones.
SLOW = 0.5

BROKEN = "train on another device: the device, its driver or PyTorch computes wrong results"


def typical_speed(device: str, name: str, cores: int) -> Range | None:
    """Return the typical range of samples per second; None if none was measured."""
    if device == "cpu":
        found = (v for (part, n), v in CPU_SPEEDS.items() if part in name and n == cores)
    else:
        found = (value for part, value in GPU_SPEEDS.items() if part in name)
    return next(found, None)


def judge_trial(trial: Trial, cores: int) -> Iterator[Check]:
    """Yield the checks of one device by itself."""
    if trial.failure:
        yield _judge_failure(trial)
        return
    yield _judge_learning(trial)
    yield _judge_speed(trial, cores)


def _judge_failure(trial: Trial) -> Check:
    why = trial.failure or ""
    hangs = NO_RESPONSE in why
    advice = "see the checks of PyTorch above"
    if "out of memory" in why.lower():
        advice = "end the programs that use its memory, or use another device"
    elif "no kernel image" in why:
        advice = "install a PyTorch with kernels for this GPU (see above)"
    elif trial.device != "cpu":
        advice = "the driver hangs: " if hangs else ""
        advice += "read the kernel log (dmesg | grep NVRM), reboot, or use another GPU"
    elif hangs:
        advice = "end other programs that use the CPU (see top), and try again"
        if _is_busy(trial):
            why += f"; the machine is too busy ({trial.load:.1f} busy processes per core)"
    return Check(GROUP, trial.device, PROBLEM, f"does not train: {why}", advice)


def _judge_learning(trial: Trial) -> Check:
    losses = trial.losses
    steps = len(losses)
    pairs = enumerate(zip(losses, trial.repeated_losses, strict=False), 1)
    other = next((step for step, (first, second) in pairs if first != second), None)
    figures: dict[str, Any] = {"device": trial.device, "name": trial.name, "arch": ARCH}
    figures |= {"digits": trial.dataset, "steps": steps, "losses": losses}
    figures |= {"repeats": other is None, "memory": trial.memory}
    bad = next((n for n, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
    if bad or not losses:
        what = f"the loss became NaN or infinite at step {bad}"
        return Check(GROUP, trial.device, PROBLEM, what, BROKEN, figures)
    first, last = fmean(losses[:ENDS]), fmean(losses[-ENDS:])
    fall = f"loss {first:.2f} → {last:.2f} in {steps} steps of {ARCH} on {trial.dataset}"
    if last > MAX_SHARE * first:
        return Check(GROUP, trial.device, PROBLEM, f"does not learn: {fall}", BROKEN, figures)
    if other is None:
        what = f"learns: {fall}; bit for bit reproducible"
        return Check(GROUP, trial.device, OK, what, figures=figures)
    what = f"learns ({fall}), but is not reproducible: the loss of step {other} differs"
    if trial.device == "cpu":
        advice = "test the memory (memtest86+), and undo any overclocking"
        return Check(GROUP, trial.device, PROBLEM, what, advice, figures)
    advice = "two runs on this device with the same seed differ slightly"
    return Check(GROUP, trial.device, WARNING, what, advice, figures)


def _is_busy(trial: Trial) -> bool:
    return trial.load is not None and trial.load > BUSY


def _judge_speed(trial: Trial, cores: int) -> Check:
    speed, name = trial.samples_per_second or 0.0, f"{trial.device} speed"
    typical, busy = typical_speed(trial.device, trial.name, cores), _is_busy(trial)
    device = trial.name
    if trial.device == "cpu":
        device = f"{cores} core{'' if cores == 1 else 's'} of {trial.name}"
    figures = {"device": trial.device, "samples_per_second": speed, "usual": typical}
    figures |= {"load_per_core": trial.load, "busy": busy}
    usual = f"the typical speed of {device} is unknown"
    if typical:
        usual = f"typical for {device}: {typical[0]:,.0f} to {typical[1]:,.0f}"
    what = f"{speed:,.0f} samples/s ({ARCH}, batch 32, fp32); {usual}"
    if busy:
        what += f". Other programs are using the CPU ({trial.load:.1f} busy processes per core)"
    if busy or typical is None or speed >= SLOW * typical[0]:
        return Check(GROUP, name, OK, what, figures=figures)
    advice = "check temperature and power saving (nvidia-smi), and whether the host is busy"
    return Check(GROUP, name, WARNING, f"{what}. This is slow", advice, figures)


def judge_agreement(cpu: Trial, other: Trial) -> Iterator[Check]:
    """Yield whether another device has the same losses as the CPU, and whether it is faster."""
    if other.failure or not other.losses:
        return
    name = f"{other.device} and cpu"
    if cpu.failure or not cpu.losses:
        what = "cannot be compared, because training on the CPU failed"
        yield Check(GROUP, name, WARNING, what, "fix that first")
        return
    pairs = list(zip(cpu.losses, other.losses, strict=False))
    gaps = [_gap(each) for each in pairs[:COMPARED]]
    worst = max(gaps)
    figures = {"largest_difference": worst, "steps": len(gaps), "tolerance": TOLERANCE}
    here, there = next((pair for pair in pairs if _gap(pair) == worst), pairs[0])
    if not worst <= ROUGHLY:  # NaN is not either
        what = f"differ: a loss is {there:.4f} on {other.device} and {here:.4f} on the CPU"
        yield Check(GROUP, name, PROBLEM, what, BROKEN, figures)
    elif worst > TOLERANCE:
        what = f"agree only roughly: the first {len(gaps)} losses differ by up to {worst:.1g}"
        advice = f"up to {TOLERANCE:g} is rounding: the device seems to use TF32 in place of fp32. "
        advice += "Unset NVIDIA_TF32_OVERRIDE and TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"
        yield Check(GROUP, name, WARNING, what, advice, figures)
    else:
        what = f"agree: the first {len(gaps)} losses differ by at most {worst:.1g} "
        what += f"(up to {TOLERANCE:g} is rounding)"
        yield Check(GROUP, name, OK, what, figures=figures)
    if cpu.samples_per_second and other.samples_per_second:
        ratio = other.samples_per_second / cpu.samples_per_second
        what = f"{other.device} trains {ARCH} {ratio:.1f} times as fast as the CPU"
        verdict, advice = OK, ""
        if ratio < 1:
            verdict = WARNING
            advice = "train on the CPU, or check what slows the GPU down (see above)"
        yield Check(GROUP, f"{other.device} gain", verdict, what, advice, {"ratio": ratio})


def _gap(losses: tuple[float, float]) -> float:
    """Return the difference of two losses, infinite if one of them is NaN or infinite."""
    gap = abs(losses[0] - losses[1])
    return gap if math.isfinite(gap) else math.inf
