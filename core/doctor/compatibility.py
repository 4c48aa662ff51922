"""Whether PyTorch, torchvision, the driver and the GPU belong together."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator

from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.doctor.gpu_facts import GROUP as GPUS
from core.doctor.gpu_facts import NvidiaFacts
from core.doctor.probe import NO_ANSWER
from core.doctor.versions_probe import TorchFacts, Version, VisionFacts

GROUP = "Versions"
SLOW_IMPORT = (
    "try again: it is read faster the second time. Then see with top what else runs, and whether "
    "it lies on a slow disk, such as a network's"
)
# The builds that PyTorch offers: the CUDA of each, and the GPUs that it has kernels for.
# https://github.com/pytorch/pytorch/blob/main/RELEASE.md
BUILDS: tuple[tuple[str, Version, Version, Version], ...] = (
    ("cu130", (13, 0), (7, 5), (99, 9)),
    ("cu128", (12, 8), (7, 5), (99, 9)),
    ("cu126", (12, 6), (5, 0), (9, 9)),
    ("cu118", (11, 8), (3, 7), (9, 9)),
)
# Any CUDA of the same major version goes with such a driver.
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
OLDEST_DRIVERS: dict[int, Version] = {11: (450, 80), 12: (525, 60), 13: (580, 65)}
# Where a binary for a smaller minor version will not do.
# https://docs.nvidia.com/cuda/cuda-c-programming-guide/#binary-compatibility
TEGRA = {(5, 3), (6, 2), (7, 2), (8, 7)}
# What CUDA says where it cannot begin, and what helps.
REMEDIES = {
    "system not yet initialized": "start NVIDIA's fabric manager, in the driver's own version: "
    "systemctl start nvidia-fabricmanager",
    "forward compatibility": "take CUDA's compat folder off LD_LIBRARY_PATH, or reboot after an "
    "update of the driver",
    "mismatch": "the driver was updated while it was in use: reboot",
    "insufficient": "update the driver, or install a PyTorch for an older CUDA",
    "too old": "update the driver, or install a PyTorch for an older CUDA",
    "out of memory": "another program has the GPU's memory: end it, or wait for it",
    "busy or unavailable": "another program has the GPU to itself: end it, or wait for it",
    "no cuda-capable device": "look at CUDA_VISIBLE_DEVICES; in a container, start it with "
    "--gpus all",
    "no cuda gpus": "look at CUDA_VISIBLE_DEVICES; in a container, start it with --gpus all",
    "unknown error": "load the module nvidia_uvm (modprobe nvidia_uvm), or reboot; start a "
    "container anew",
    "no answer": "see whether nvidia-smi answers, and what the kernel says (dmesg | grep NVRM); "
    "reboot",
}


def parse_version(text: str | None) -> Version | None:
    """(12, 4) of "12.4.1"; None where there is none in it."""
    found = re.match(r"(\d+)\.(\d+)", text or "")
    return (int(found[1]), int(found[2])) if found else None


def judge_python() -> Check:
    what = f"{platform.python_version()}, {sys.executable}"
    return Check(GROUP, "Python", OK, what, figures={"version": platform.python_version()})


def judge_versions(torch: TorchFacts, vision: VisionFacts, nvidia: NvidiaFacts) -> Iterator[Check]:
    if torch.error or torch.version is None:
        yield _judge_broken_torch(torch, nvidia)
        return
    yield from judge_torch(torch, nvidia)
    yield from judge_vision(torch, vision)
    yield from judge_driver(torch, nvidia)
    yield from judge_kernels(torch)


def judge_devices(
    torch: TorchFacts, nvidia: NvidiaFacts, required: bool = False
) -> Iterator[Check]:
    """What PyTorch can train on beside the processor."""
    for number, device in enumerate(torch.devices):
        what = f"{device.name}, {device.memory / 1e9:.0f} GB"
        yield Check(GPUS, f"cuda:{number}", OK, f"{what}: PyTorch can use it")
    if torch.mps:
        yield Check(GPUS, "mps", OK, "Apple GPU: PyTorch can use it")
    if required and not torch.trains_on:
        what = "none that PyTorch can train on, and --require-gpu asks for one"
        advice = "take a machine with one, or leave --require-gpu out"
        if nvidia.card or nvidia.usable:
            advice = "put right what is said above of it, or leave --require-gpu out"
        yield Check(GPUS, "GPU", PROBLEM, what, advice)


def install(nvidia: NvidiaFacts, capability: Version | None = None) -> str:
    """The command for a pair that goes with this machine."""
    command = "pip install --force-reinstall torch torchvision"
    capability = capability or next((each.capability for each in nvidia.gpus), None)
    for name, cuda, low, high in BUILDS:
        fits = capability is None or low <= capability <= high
        if nvidia.usable and fits and _driver_is_good_for(cuda, nvidia) is not False:
            return f"{command} --index-url https://download.pytorch.org/whl/{name}"
    return command


def _judge_broken_torch(torch: TorchFacts, nvidia: NvidiaFacts) -> Check:
    what = f"cannot be imported: {torch.error or 'it told nothing of itself'}"
    if torch.version:
        what = f"{torch.version} {what}"
    advice = f"install it anew, with torchvision: {install(nvidia)}"
    if NO_ANSWER in what:
        advice = SLOW_IMPORT
    if "No module named 'torch'" in what:
        what, advice = "is not installed", f"install it with torchvision: {install(nvidia)}"
    return Check(GROUP, "torch", PROBLEM, what, advice)


def judge_torch(torch: TorchFacts, nvidia: NvidiaFacts) -> Iterator[Check]:
    """What it was built for, beside what is here."""
    figures = {"version": torch.version, "cuda": torch.cuda, "hip": torch.hip}
    figures["archs"] = " ".join(torch.archs)
    if torch.hip:
        what = f"{torch.version}, built for AMD's ROCm {torch.hip}"
    elif torch.cuda:
        what = f"{torch.version}, built for CUDA {torch.cuda}"
    else:
        what = f"{torch.version}, built without CUDA"
        what += ", with Apple's Metal" if torch.mps else ""
    if nvidia.usable and not nvidia.hides_all and not torch.cuda:
        what += ": it cannot use the NVIDIA GPU that is here"
        yield Check(GROUP, "torch", PROBLEM, what, install(nvidia), figures)
    else:
        yield Check(GROUP, "torch", OK, what, figures=figures)


def judge_vision(torch: TorchFacts, vision: VisionFacts) -> Iterator[Check]:
    name, both = "torchvision", "pip install --force-reinstall torch torchvision"
    if vision.error and "No module named 'torchvision'" in vision.error:
        advice = "MNIST cannot be downloaded without it: install both at once, so that they match: "
        yield Check(GROUP, name, PROBLEM, "is not installed", advice + both)
        return
    why = _mismatch(torch, vision)
    advice = f"install both at once and from one place, so that they match: {both}"
    figures = {"version": vision.version, "requires": vision.requires}
    if vision.error and NO_ANSWER in vision.error and not why:
        advice = SLOW_IMPORT
    if vision.error:
        what = f"cannot be imported: {vision.error}"
        what += f" ({why})" if why else ""
        yield Check(GROUP, name, PROBLEM, what, advice, figures)
    elif why:
        yield Check(GROUP, name, PROBLEM, f"{vision.version}: {why}", advice, figures)
    elif vision.version:
        what = f"{vision.version}, which goes with torch {plain(torch.version)}"
        yield Check(GROUP, name, OK, what, figures=figures)
    else:
        what = "not looked at: PyTorch did not get past asking for its devices"
        yield Check(GROUP, name, OK, what, figures=figures)


def plain(version: str | None) -> str:
    """Without what comes after a plus, which tells for what it was built."""
    return (version or "").partition("+")[0]


def _mismatch(torch: TorchFacts, vision: VisionFacts) -> str | None:
    """Why the two do not belong together, as far as their versions tell."""
    ours, requires = plain(torch.version), vision.requires or ""
    of_torch, of_vision = map(parse_version, _both(torch, vision))
    wanted = parse_version(requires[2:])
    if wanted is None and of_vision and of_vision[0] == 0:
        # They go up together: 0.21 is for 2.6, 0.22 for 2.7.
        wanted = (2, of_vision[1] - 15)
    if wanted and of_torch and wanted[0] == of_torch[0]:
        # Those of late say that they go with every later PyTorch as well.
        fits = of_torch >= wanted if requires.startswith(">=") else of_torch == wanted
        if not fits:
            return f"it was built for torch {_text(wanted)}, and this one is {ours}"
    builds = [(each or "").partition("+")[2] for each in _both(torch, vision)]
    if not builds[0] and torch.cuda:  # the registry's own says it nowhere else
        builds[0] = f"cu{torch.cuda.replace('.', '')}"
    if all(builds) and builds[0] != builds[1]:
        return f"it was built for {builds[1]}, and torch for {builds[0]}"
    return None


def _both(torch: TorchFacts, vision: VisionFacts) -> tuple[str | None, str | None]:
    return torch.version, vision.version


def judge_driver(torch: TorchFacts, nvidia: NvidiaFacts) -> Iterator[Check]:
    """The driver beside PyTorch's CUDA, and whether CUDA begins at all."""
    if not nvidia.usable:
        return
    good_for = f", good for CUDA {_text(nvidia.cuda)}" if nvidia.cuda else ""
    what = f"{nvidia.driver or 'of NVIDIA'}{good_for}"
    figures = {"driver": nvidia.driver, "cuda": _text(nvidia.cuda) if nvidia.cuda else None}
    if not torch.cuda:
        yield Check(GROUP, "driver", OK, what, figures=figures)
        return
    wanted = parse_version(torch.cuda)
    good = None if wanted is None else _driver_is_good_for(wanted, nvidia)
    if good is False and not torch.available:
        what += f": too old for this PyTorch, which is built for CUDA {torch.cuda}"
        oldest = OLDEST_DRIVERS.get(wanted[0] if wanted else 0)
        newer = f" to {_text(oldest)} or newer" if oldest else ""
        advice = f"update the driver{newer}, or install an older build: {install(nvidia)}"
        yield Check(GROUP, "driver", PROBLEM, what, advice, figures)
    elif not torch.available or not torch.devices:
        yield Check(GROUP, "driver", OK, what, figures=figures)
        yield from _judge_no_cuda(torch, nvidia)
    else:
        compat = (
            "; PyTorch's newer CUDA works by its compatibility package" if good is False else ""
        )
        yield Check(GROUP, "driver", OK, what + compat, figures=figures)


def _judge_no_cuda(torch: TorchFacts, nvidia: NvidiaFacts) -> Iterator[Check]:
    if nvidia.hides_all:  # that is told elsewhere
        return
    error = torch.cuda_error or "PyTorch does not say why"
    found = (advice for words, advice in REMEDIES.items() if words in error.lower())
    advice = next(found, f"see whether nvidia-smi answers; reboot; {install(nvidia)}")
    yield Check(GROUP, "CUDA", PROBLEM, f"PyTorch cannot use the GPU here: {error}", advice)


def _text(version: Version | None) -> str:
    return ".".join(map(str, version or ()))


def _driver_is_good_for(cuda: Version, nvidia: NvidiaFacts) -> bool | None:
    """None where it cannot be told."""
    if nvidia.cuda is not None:
        return nvidia.cuda[0] >= cuda[0]
    driver, oldest = parse_version(nvidia.driver), OLDEST_DRIVERS.get(cuda[0])
    return None if driver is None or oldest is None else driver >= oldest


def judge_kernels(torch: TorchFacts) -> Iterator[Check]:
    """Whether PyTorch's build has kernels for each GPU; is_available() does not ask that."""
    if torch.hip or not torch.archs:
        return
    for number, device in enumerate(torch.devices):
        how = kernels_for(device.capability, torch.archs)
        text = _text(device.capability)
        if how == "none":
            has = ", ".join(each for each in torch.archs)
            what = (
                f"this PyTorch has no kernels for {device.name} (sm_{text.replace('.', '')}), "
                f"only for {has}"
            )
            advice = _build_for(device.capability)
            yield Check(GROUP, f"cuda:{number}", PROBLEM, what, advice)
        elif how == "translated":
            what = f"this PyTorch has kernels for {device.name} only as PTX, which the driver"
            advice = f"the first start takes minutes; {_build_for(device.capability)}"
            yield Check(GROUP, f"cuda:{number}", WARNING, f"{what} translates", advice)


def _build_for(capability: Version) -> str:
    for name, _cuda, low, high in reversed(BUILDS[:3]):
        if low <= capability <= high:
            return (
                "install a build that has them: pip install --force-reinstall torch torchvision "
                f"--index-url https://download.pytorch.org/whl/{name}"
            )
    return "PyTorch no longer has builds for it: take an older PyTorch, or another GPU"


def kernels_for(capability: Version, archs: tuple[str, ...]) -> str:
    """How a GPU can run what was built for those: "built", "translated" by its driver, "none"."""
    translated = False
    for each in archs:
        found = re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", each)
        if not found:
            continue
        kind, only = found[1], found[4]
        arch = int(found[2]), int(found[3])
        if arch == capability:
            if kind == "sm":
                return "built"
            translated = True
        elif only == "a":  # for that one and no other
            continue
        elif kind == "sm" and arch[0] == capability[0] and arch < capability:
            # Kernels run on what is newer of the same family.
            if capability not in TEGRA and arch not in TEGRA:
                return "built"
        elif kind == "compute" and only == "" and arch < capability:
            translated = True
    return "translated" if translated else "none"
