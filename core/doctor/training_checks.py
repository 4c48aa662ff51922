"""What the short trainings show: whether a device learns, as fast as is usual for it, and whether
all devices learn the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean

from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.doctor.machine import BUSY
from core.doctor.probe import NO_ANSWER
from core.doctor.training_probe import ARCH, Trial

GROUP = "Training"
# By how much two devices' losses may differ in the first COMPARED steps. In float32 that add up in
# another order, cnn's differ by 0.000001 (one thread or two, oneDNN's products or plain ones), and
# by 0.0007 to 0.0015 where its first weights are off by 1e-6 to 1e-5. Less exact arithmetic is off
# by 0.004 (TF32) to 0.006 (bf16): not wrong, but not what was asked for. Later on all of these grow
# without anybody's fault, to 0.01 in 40 steps.
COMPARED, TOLERANCE, ROUGHLY = 20, 0.002, 0.05
# Of this many losses at each end the means are compared, and the last is to be below so much of
# the first. It is 0.6 after 20 steps.
ENDS, FALLEN = 5, 0.9
# Samples a second of `cnn` in fp32, batch 32, with nothing else to do: from and to what was seen
# of sound machines, by a part of the processor's name and its cores. Two cores of a host that is
# busy with others make half of what they make on a quiet one, and nothing tells of that but speed.
Usual = tuple[float, float]
USUAL_OF_PROCESSORS: dict[tuple[str, int], Usual] = {("AMD EPYC", 2): (600.0, 1425.0)}
# The same by a part of the GPU's name.
USUAL_OF_GPUS: dict[str, Usual] = {}
# Of the lesser figure. Many hosts tell no more of a processor than AMD EPYC, and there are faster
# and slower ones.
SLOW = 0.5

BROKEN = "train on another device: this one, its driver or its PyTorch computes wrongly"


def usual_speed(device: str, name: str, cores: int) -> Usual | None:
    """Samples a second that are usual for it, from and to; None where nobody has measured one."""
    if device == "cpu":
        found = (v for (part, n), v in USUAL_OF_PROCESSORS.items() if part in name and n == cores)
    else:
        found = (value for part, value in USUAL_OF_GPUS.items() if part in name)
    return next(found, None)


def judge_trial(trial: Trial, cores: int) -> Iterator[Check]:
    """Of one device by itself."""
    if trial.failure:
        yield _judge_failure(trial)
        return
    yield _judge_learning(trial)
    yield _judge_speed(trial, cores)


def _judge_failure(trial: Trial) -> Check:
    why = trial.failure or ""
    advice = "see what the lines above say of PyTorch"
    if "out of memory" in why.lower():
        advice = "end what else has its memory, or take another device"
    elif "no kernel image" in why:
        advice = "install a PyTorch that has kernels for this GPU (see above)"
    elif trial.device != "cpu":
        advice = "see what the kernel says (dmesg | grep NVRM); reboot; take another GPU"
        if NO_ANSWER in why:
            advice = f"its driver hangs: {advice}"
    elif NO_ANSWER in why:
        advice = "see with top what else runs, and try again"
        if _is_busy(trial):
            why += f"; the machine is too busy to tell ({trial.load:.1f} programs want each core)"
    return Check(GROUP, trial.device, PROBLEM, f"does not train: {why}", advice)


def _judge_learning(trial: Trial) -> Check:
    losses, again = trial.losses, trial.again
    steps = len(losses)
    pairs = enumerate(zip(losses, again, strict=False), 1)
    other = next((step for step, (once, twice) in pairs if once != twice), None)
    figures = {
        "device": trial.device,
        "name": trial.name,
        "arch": ARCH,
        "digits": trial.digits,
        "steps": steps,
        "losses": losses,
        "repeats": other is None,
        "memory": trial.memory,
    }
    bad = next((n for n, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
    if bad or not losses:
        what = f"its loss is no finite number any more at step {bad}"
        return Check(GROUP, trial.device, PROBLEM, what, BROKEN, figures)
    first, last = fmean(losses[:ENDS]), fmean(losses[-ENDS:])
    said = f"loss {first:.2f} → {last:.2f} in {steps} steps of {ARCH} on {trial.digits}"
    if last > FALLEN * first:
        return Check(GROUP, trial.device, PROBLEM, f"does not learn: {said}", BROKEN, figures)
    if other is not None:
        what = f"learns ({said}), but not the same twice: step {other} gave another loss"
        advice = "test this machine's memory (memtest86+), and undo any overclocking"
        if trial.device != "cpu":
            advice = "figures of two runs on it cannot be held against each other to the bit"
        verdict = PROBLEM if trial.device == "cpu" else WARNING
        return Check(GROUP, trial.device, verdict, what, advice, figures)
    what = f"learns: {said}; the same twice, to the bit"
    return Check(GROUP, trial.device, OK, what, figures=figures)


def _is_busy(trial: Trial) -> bool:
    return trial.load is not None and trial.load > BUSY


def _judge_speed(trial: Trial, cores: int) -> Check:
    speed, name = trial.samples_per_second or 0.0, f"{trial.device} speed"
    usual = usual_speed(trial.device, trial.name, cores)
    device = trial.name
    if trial.device == "cpu":
        device = f"{cores} core{'' if cores == 1 else 's'} of {trial.name}"
    busy = _is_busy(trial)
    figures = {"device": trial.device, "samples_per_second": speed, "usual": usual}
    figures |= {"load_per_core": trial.load, "busy": busy}
    what = f"{speed:,.0f} samples/s ({ARCH}, batch 32, fp32)"
    if usual is None:
        what += f"; no usual figure is known for {device}"
    else:
        what += f"; usual for {device}: {usual[0]:,.0f} to {usual[1]:,.0f}"
    if busy:
        what += f". The machine is busy now ({trial.load:.1f} programs want each core)"
        what += ", and faster when it is not"
    if busy or usual is None or speed >= SLOW * usual[0]:
        return Check(GROUP, name, OK, what, figures=figures)
    advice = "see whether it is hot or saves power, or whether its host is busy (top, nvidia-smi)"
    return Check(GROUP, name, WARNING, f"{what}. Nothing else keeps it busy", advice, figures)


def judge_agreement(processor: Trial, other: Trial) -> Iterator[Check]:
    """Whether the other device learned what the processor learned, and was worth its while."""
    if other.failure or not other.losses:
        return
    name = f"{other.device} and cpu"
    if processor.failure or not processor.losses:
        what = "cannot be compared, since the processor did not train"
        yield Check(GROUP, name, WARNING, what, "put that right first")
        return
    pairs = list(zip(processor.losses, other.losses, strict=False))
    apart = [_apart(each) for each in pairs[:COMPARED]]
    worst = max(apart)
    figures = {"largest_difference": worst, "steps": len(apart), "tolerance": TOLERANCE}
    here, there = next((pair for pair in pairs if _apart(pair) == worst), pairs[0])
    if not worst <= ROUGHLY:  # nor is what is no number
        what = f"do not agree: a loss is {there:.4f} there, and {here:.4f} here"
        yield Check(GROUP, name, PROBLEM, what, BROKEN, figures)
    elif worst > TOLERANCE:
        what = f"agree only roughly: their first {len(apart)} losses differ by up to {worst:.1g}"
        advice = (
            f"up to {TOLERANCE:g} is float noise: this device seems to take less exact arithmetic "
            "(TF32) for fp32. Unset NVIDIA_TF32_OVERRIDE and TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"
        )
        yield Check(GROUP, name, WARNING, what, advice, figures)
    else:
        what = f"agree: their first {len(apart)} losses differ by {worst:.1g} at most"
        what += f" (up to {TOLERANCE:g} is float noise)"
        yield Check(GROUP, name, OK, what, figures=figures)
    speeds = processor.samples_per_second, other.samples_per_second
    if speeds[0] and speeds[1]:
        ratio = speeds[1] / speeds[0]
        what = f"{other.device} trains {ARCH} {ratio:.1f} times as fast as the processor"
        if ratio < 1:
            advice = "train on the processor, or see what holds the GPU up (see above)"
            yield Check(GROUP, f"{other.device} gain", WARNING, what, advice, {"ratio": ratio})
        else:
            yield Check(GROUP, f"{other.device} gain", OK, what, figures={"ratio": ratio})


def _apart(losses: tuple[float, float]) -> float:
    """How far the two are apart; without end where one of them is no number."""
    gap = abs(losses[0] - losses[1])
    return gap if math.isfinite(gap) else math.inf
