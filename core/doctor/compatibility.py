"""Check whether PyTorch, torchvision, the driver and the GPU match."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator

from core.compute.import_guard import likely_cause
from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.doctor.gpu_facts import GROUP as GPUS
from core.doctor.gpu_facts import NvidiaFacts
from core.doctor.probe import NO_RESPONSE
from core.doctor.versions_probe import TorchFacts, Version, VisionFacts

GROUP = "Versions"
INSTALL = "pip install --force-reinstall torch torchvision"
SLOW_IMPORT = (
    "try again: the second import is faster. Otherwise end other programs that use the CPU (see "
    "top), and check whether Python is installed on a slow disk, such as a network disk"
)
# The builds that PyTorch offers: name, CUDA version, and the range of GPUs with kernels.
# https://github.com/pytorch/pytorch/blob/main/RELEASE.md
BUILDS: tuple[tuple[str, Version, Version, Version], ...] = (
    ("cu130", (13, 0), (7, 5), (99, 9)),
    ("cu128", (12, 8), (7, 5), (99, 9)),
    ("cu126", (12, 6), (5, 0), (9, 9)),
    ("cu118", (11, 8), (3, 7), (9, 9)),
)
# The oldest driver for each major version of CUDA; all minor versions work with it.
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
OLDEST_DRIVERS: dict[int, Version] = {11: (450, 80), 12: (525, 60), 13: (580, 65)}
# GPUs that do not run binaries for a lower minor version.
# https://docs.nvidia.com/cuda/cuda-c-programming-guide/#binary-compatibility
TEGRA = {(5, 3), (6, 2), (7, 2), (8, 7)}
# Advice by the message of a CUDA that cannot be initialized.
REMEDIES = {
    "system not yet initialized": "start NVIDIA's fabric manager, in the driver's version: "
    "systemctl start nvidia-fabricmanager",
    "forward compatibility": "remove CUDA's compat folder from LD_LIBRARY_PATH; after a driver "
    "update, reboot",
    "mismatch": "the driver was updated while it was in use: reboot",
    "insufficient": "update the driver, or install a PyTorch for an older CUDA",
    "too old": "update the driver, or install a PyTorch for an older CUDA",
    "out of memory": "another program uses the GPU's memory: end it, or wait for it",
    "busy or unavailable": "another program has exclusive use of the GPU: end it, or wait for it",
    "no cuda-capable device": "check CUDA_VISIBLE_DEVICES; start a container with --gpus all",
    "no cuda gpus": "check CUDA_VISIBLE_DEVICES; start a container with --gpus all",
    "unknown error": "load the kernel module (modprobe nvidia_uvm) or reboot; restart a container",
    NO_RESPONSE: "check whether nvidia-smi responds, read the kernel log (dmesg | grep NVRM), and "
    "reboot",
}


def parse_version(text: str | None) -> Version | None:
    """Return (12, 4) for "12.4.1", None for a text without a version."""
    found = re.match(r"(\d+)\.(\d+)", text or "")
    return (int(found[1]), int(found[2])) if found else None


def judge_python() -> Check:
    """Report the version of Python, which is always fine."""
    what = f"{platform.python_version()}, {sys.executable}"
    return Check(GROUP, "Python", OK, what, figures={"version": platform.python_version()})


def judge_versions(torch: TorchFacts, vision: VisionFacts, nvidia: NvidiaFacts) -> Iterator[Check]:
    """Yield the checks of PyTorch, torchvision, the driver and the kernels for each GPU."""
    if torch.error or torch.version is None:
        yield _judge_broken_torch(torch, nvidia)
        return
    yield judge_torch(torch, nvidia)
    yield judge_vision(torch, vision)
    yield from judge_driver(torch, nvidia)
    yield from judge_kernels(torch)


def judge_devices(torch: TorchFacts, nvidia: NvidiaFacts, required: bool) -> Iterator[Check]:
    """Yield the devices that PyTorch can train on, except the CPU."""
    for number, device in enumerate(torch.devices):
        what = f"{device.name}, {device.memory / 1e9:.0f} GB"
        yield Check(GPUS, f"cuda:{number}", OK, f"{what}: usable by PyTorch")
    if torch.mps:
        yield Check(GPUS, "mps", OK, "Apple GPU: usable by PyTorch")
    if required and not torch.trains_on:
        what = "PyTorch can use no GPU, but --require-gpu was given"
        advice = "use a machine with a GPU, or leave out --require-gpu"
        if nvidia.card or nvidia.usable:
            advice = "follow the advice above about the GPU, or leave out --require-gpu"
        yield Check(GPUS, "GPU", PROBLEM, what, advice)


def install_command(nvidia: NvidiaFacts, capability: Version | None = None) -> str:
    """Return the command that installs PyTorch and torchvision for this machine."""
    capability = capability or next((each.capability for each in nvidia.gpus), None)
    for name, cuda, low, high in BUILDS:
        fits = capability is None or low <= capability <= high
        if nvidia.usable and fits and _is_driver_for(cuda, nvidia) is not False:
            return f"{INSTALL} --index-url https://download.pytorch.org/whl/{name}"
    return INSTALL


def _judge_broken_torch(torch: TorchFacts, nvidia: NvidiaFacts) -> Check:
    what = f"cannot be imported: {torch.error or 'it reported no version'}"
    advice = f"install it together with torchvision: {install_command(nvidia)}"
    if "No module named 'torch'" in what:
        return Check(GROUP, "torch", PROBLEM, "is not installed", advice)
    if torch.version:
        what = f"{torch.version} {what}"
    if NO_RESPONSE in what:
        advice = SLOW_IMPORT
    elif torch.error:  # the same as each command says, which knows of no GPU
        advice = likely_cause(torch.error).replace(INSTALL, install_command(nvidia))
    return Check(GROUP, "torch", PROBLEM, what, advice)


def judge_torch(torch: TorchFacts, nvidia: NvidiaFacts) -> Check:
    """Check whether PyTorch was built for the GPU of this machine."""
    figures = {"version": torch.version, "cuda": torch.cuda, "hip": torch.hip}
    figures["archs"] = " ".join(torch.archs)
    if torch.hip:
        what = f"{torch.version}, built for AMD's ROCm {torch.hip}"
    elif torch.cuda:
        what = f"{torch.version}, built for CUDA {torch.cuda}"
    else:
        metal = ", with Apple's Metal" if torch.mps else ""
        what = f"{torch.version}, built without CUDA{metal}"
    if torch.cuda or nvidia.hides_all or not nvidia.usable:
        return Check(GROUP, "torch", OK, what, figures=figures)
    what += ": it cannot use this machine's NVIDIA GPU"
    return Check(GROUP, "torch", PROBLEM, what, install_command(nvidia), figures)


def judge_vision(torch: TorchFacts, vision: VisionFacts) -> Check:
    error, why = vision.error or "", _mismatch(torch, vision)
    if "No module named 'torchvision'" in error:
        advice = "MNIST cannot be downloaded without it: install both together, so that they match"
        return Check(GROUP, "torchvision", PROBLEM, "is not installed", f"{advice}: {INSTALL}")
    figures = {"version": vision.version, "requires": vision.requires}
    if error or why:
        what = f"{vision.version}: {why}"
        if error:
            what = f"cannot be imported: {error}" + (f" ({why})" if why else "")
        advice = f"install both together from one index, so that they match: {INSTALL}"
        if NO_RESPONSE in error and not why:
            advice = SLOW_IMPORT
        elif error and not why and INSTALL not in (cause := likely_cause(error)):
            advice = cause  # no other installation would help
        return Check(GROUP, "torchvision", PROBLEM, what, advice, figures)
    what = "not checked: PyTorch failed while listing its devices"
    if vision.version:
        what = f"{vision.version}, which matches torch {base_version(torch.version)}"
    return Check(GROUP, "torchvision", OK, what, figures=figures)


def base_version(version: str | None) -> str:
    """Return a version without the build that follows a plus: 2.6.0 for 2.6.0+cu124."""
    return (version or "").partition("+")[0]


def _mismatch(torch: TorchFacts, vision: VisionFacts) -> str | None:
    """Return why the versions do not match, None if they do or are unknown."""
    ours, requires = base_version(torch.version), vision.requires or ""
    both = torch.version, vision.version
    of_torch, of_vision = map(parse_version, both)
    wanted = parse_version(requires[2:])
    if wanted is None and of_vision and of_vision[0] == 0:
        # They are released together: 0.21 is for 2.6, 0.22 for 2.7.
        wanted = (2, of_vision[1] - 15)
    if wanted and of_torch and wanted[0] == of_torch[0]:
        # Newer versions require a PyTorch of at least theirs.
        fits = of_torch >= wanted if requires.startswith(">=") else of_torch == wanted
        if not fits:
            return f"built for torch {_text(wanted)}, but torch {ours} is installed"
    builds = [(each or "").partition("+")[2] for each in both]
    if not builds[0] and torch.cuda:  # builds from PyPI have no suffix
        builds[0] = f"cu{torch.cuda.replace('.', '')}"
    if all(builds) and builds[0] != builds[1]:
        return f"built for {builds[1]}, but torch is built for {builds[0]}"
    return None


def judge_driver(torch: TorchFacts, nvidia: NvidiaFacts) -> Iterator[Check]:
    """Yield whether the driver supports PyTorch's CUDA, and whether CUDA can be initialized."""
    if not nvidia.usable:
        return
    supports = f", supports CUDA {_text(nvidia.cuda)}" if nvidia.cuda else ""
    what = f"{nvidia.driver or 'NVIDIA'}{supports}"
    figures = {"driver": nvidia.driver, "cuda": _text(nvidia.cuda) if nvidia.cuda else None}
    wanted = parse_version(torch.cuda)
    is_too_old = wanted is not None and _is_driver_for(wanted, nvidia) is False
    works = torch.available and bool(torch.devices)
    if is_too_old and not torch.available:
        what += f": too old for this PyTorch, built for CUDA {torch.cuda}"
        oldest = OLDEST_DRIVERS.get(wanted[0] if wanted else 0)
        newer = f" to {_text(oldest)} or newer" if oldest else ""
        advice = f"update the driver{newer}, or install an older build: {install_command(nvidia)}"
        yield Check(GROUP, "driver", PROBLEM, what, advice, figures)
        return
    if is_too_old and works:
        what += "; the newer CUDA of PyTorch works by its compatibility package"
    yield Check(GROUP, "driver", OK, what, figures=figures)
    if torch.cuda and not works and not nvidia.hides_all:  # judge_nvidia reports hidden GPUs
        yield _judge_no_cuda(torch, nvidia)


def _judge_no_cuda(torch: TorchFacts, nvidia: NvidiaFacts) -> Check:
    error = torch.cuda_error or "PyTorch reports no reason"
    found = (advice for text, advice in REMEDIES.items() if text in error.lower())
    advice = next(found, f"check whether nvidia-smi responds; reboot; {install_command(nvidia)}")
    return Check(GROUP, "CUDA", PROBLEM, f"PyTorch cannot use the GPU: {error}", advice)


def _text(version: Version | None) -> str:
    return ".".join(map(str, version or ()))


def _is_driver_for(cuda: Version, nvidia: NvidiaFacts) -> bool | None:
    """Return whether the driver is new enough for a CUDA version, None if that is unknown."""
    if nvidia.cuda is not None:
        return nvidia.cuda[0] >= cuda[0]
    driver, oldest = parse_version(nvidia.driver), OLDEST_DRIVERS.get(cuda[0])
    return None if driver is None or oldest is None else driver >= oldest


def judge_kernels(torch: TorchFacts) -> Iterator[Check]:
    """Yield the GPUs that PyTorch has no kernels for, which is_available() does not check."""
    if torch.hip or not torch.archs:
        return
    for number, device in enumerate(torch.devices):
        how, advice = kernels_for(device.capability, torch.archs), _build_for(device.capability)
        if how == "none":
            arch = "sm_{}{}".format(*device.capability)
            what = f"this PyTorch has no kernels for {device.name} ({arch}), "
            what += f"only for {', '.join(torch.archs)}"
            yield Check(GROUP, f"cuda:{number}", PROBLEM, what, advice)
        elif how == "compiled":
            what = f"this PyTorch has kernels for {device.name} only as PTX, "
            what += "which is compiled first"
            advice = f"the first start takes minutes; {advice}"
            yield Check(GROUP, f"cuda:{number}", WARNING, what, advice)


def _build_for(capability: Version) -> str:
    for name, _cuda, low, high in reversed(BUILDS[:3]):
        if low <= capability <= high:
            index = f"https://download.pytorch.org/whl/{name}"
            return f"install a build that has them: {INSTALL} --index-url {index}"
    return "PyTorch no longer has builds for it: use an older PyTorch, or another GPU"


def kernels_for(capability: Version, archs: tuple[str, ...]) -> str:
    """Return how a GPU runs kernels for these architectures.

    "built" for it, "compiled" from PTX by the driver, or "none".
    """
    compiled = False
    for each in archs:
        if not (found := re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", each)):
            continue
        kind, only = found[1], found[4]
        arch = int(found[2]), int(found[3])
        # Kernels also run on newer GPUs of the same major version, except those for one
        # architecture only ("a").
        is_newer = arch < capability and only != "a"
        is_alike = arch[0] == capability[0] and not TEGRA & {arch, capability}
        if kind == "sm" and (arch == capability or (is_newer and is_alike)):
            return "built"
        if kind == "compute" and (arch == capability or (is_newer and only == "")):
            compiled = True
    return "compiled" if compiled else "none"
