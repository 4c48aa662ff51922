"""Whether PyTorch, torchvision, driver and GPU match, by the facts of many machines."""

import functools
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.doctor import gpu_probe
from core.doctor.compatibility import judge_devices, kernels_for
from core.doctor.gpu_checks import judge_nvidia
from core.doctor.gpu_facts import NvidiaFacts, read_nvidia
from core.doctor.gpu_probe import parse_smi, read_gpu
from core.doctor.probe import Answer
from core.doctor.versions_probe import CudaDevice, TorchFacts, VisionFacts
from tests.support.machines import BOX, H100, NO_GPU, TORCH, VISION, check_versions, find_problems

NO_CUDA = {"available": False, "devices": ()}
CPU_TORCH = TorchFacts("2.6.0+cpu")
CPU_VISION = VisionFacts("0.21.0+cpu", requires="==2.6.0")


def with_gpu(**changes) -> NvidiaFacts:
    return replace(BOX, gpus=(replace(H100, **changes),))


@pytest.mark.parametrize(
    ("torch", "vision", "nvidia"),
    [
        (TORCH, VISION, BOX),
        (CPU_TORCH, CPU_VISION, NO_GPU),
        (TORCH, VisionFacts("0.21.0+cu124"), BOX),
        (replace(TORCH, version="2.15.0"), VisionFacts("0.29.2", requires=">=2.14.0"), BOX),
        # CUDA's minor versions go with any driver of the same major one.
        (replace(TORCH, cuda="12.8"), VISION, BOX),
        (replace(TORCH, cuda="11.8"), VISION, BOX),
        (replace(TORCH, version="2.6.0+rocm6.2", hip="6.2", cuda=None), VisionFacts(), NO_GPU),
        (TorchFacts("2.6.0", mps=True), VisionFacts("0.21.0"), NO_GPU),
        (replace(CPU_TORCH), CPU_VISION, replace(BOX, hidden="")),
        # The compatibility package makes up for a driver that is too old.
        (replace(TORCH, cuda="13.0"), VISION, BOX),
    ],
)
def test_matching_versions_are_ok(torch, vision, nvidia):
    checks = check_versions(torch, vision, nvidia)
    assert checks
    assert find_problems(checks) == {}


@pytest.mark.parametrize(
    ("torch", "vision", "nvidia", "name", "words"),
    [
        (CPU_TORCH, CPU_VISION, BOX, "torch", ["built without CUDA", "NVIDIA GPU", "whl/cu128"]),
        (
            CPU_TORCH,
            CPU_VISION,
            replace(with_gpu(capability=(6, 1)), cuda=(13, 0)),
            "torch",
            ["whl/cu126"],
        ),
        (
            replace(TORCH, cuda="13.0", **NO_CUDA),
            VISION,
            BOX,
            "driver",
            ["550.54.15", "too old", "CUDA 13.0", "580.65 or newer", "whl/cu128"],
        ),
        (
            replace(TORCH, cuda="12.4", **NO_CUDA),
            VISION,
            NvidiaFacts(driver="470.82.01", nodes=True),
            "driver",
            ["470.82.01", "too old", "525.60"],
        ),
        (
            replace(TORCH, **NO_CUDA, cuda_error="Error 802: system not yet initialized"),
            VISION,
            BOX,
            "CUDA",
            ["802", "fabric manager"],
        ),
        (
            replace(TORCH, **NO_CUDA, cuda_error="no response after 25 seconds"),
            VISION,
            BOX,
            "CUDA",
            ["no response", "nvidia-smi"],
        ),
        (replace(TORCH, **NO_CUDA), VISION, BOX, "CUDA", ["reports no reason", "reboot"]),
        (
            replace(TORCH, archs=("sm_50", "sm_80", "sm_86")),
            VISION,
            BOX,
            "cuda:0",
            ["no kernels", "NVIDIA H100", "sm_90", "sm_50, sm_80, sm_86", "whl/cu126"],
        ),
        (
            replace(TORCH, devices=(CudaDevice("RTX 5090", (12, 0)),)),
            VISION,
            BOX,
            "cuda:0",
            ["no kernels", "sm_120", "whl/cu128"],
        ),
        (
            replace(TORCH, devices=(CudaDevice("Tesla K40", (3, 5)),)),
            VISION,
            BOX,
            "cuda:0",
            ["no kernels", "no longer"],
        ),
        (TORCH, VisionFacts("0.20.1"), BOX, "torchvision", ["built for torch 2.5", "2.6.0"]),
        (TORCH, replace(VISION, requires="==2.5.1"), BOX, "torchvision", ["built for torch 2.5"]),
        (TORCH, replace(VISION, requires=">=2.14.0"), BOX, "torchvision", ["torch 2.14"]),
        (TORCH, CPU_VISION, BOX, "torchvision", ["built for cpu, but torch is built for cu124"]),
        (
            replace(TORCH, version="2.6.0"),
            VisionFacts("0.21.0+cu118"),
            BOX,
            "torchvision",
            ["built for cu118, but torch is built for cu124"],
        ),
        (
            CPU_TORCH,
            VisionFacts(
                error="RuntimeError: operator torchvision::nms does not exist", requires="==2.6.0"
            ),
            NO_GPU,
            "torchvision",
            ["cannot be imported", "nms does not exist", "both together"],
        ),
        (
            CPU_TORCH,
            VisionFacts(error="ModuleNotFoundError: No module named 'torchvision'"),
            NO_GPU,
            "torchvision",
            ["is not installed"],
        ),
        (
            TorchFacts(error="ModuleNotFoundError: No module named 'torch'"),
            VisionFacts(),
            NO_GPU,
            "torch",
            ["is not installed", "pip install"],
        ),
        (
            TorchFacts(error="ImportError: libcudart.so.12: cannot open shared object file"),
            VisionFacts(),
            BOX,
            "torch",
            ["cannot be imported: ImportError: libcudart.so.12", "whl/cu128"],
        ),
    ],
)
def test_mismatched_versions_are_problems_with_advice(torch, vision, nvidia, name, words):
    found = find_problems(check_versions(torch, vision, nvidia))
    assert list(found) == [name]
    verdict, text = found[name]
    assert verdict == "problem"
    assert [each for each in words if each not in text] == []


@pytest.mark.parametrize(
    ("capability", "archs", "how"),
    [
        ((8, 0), "sm_80", "built"),
        ((8, 9), "sm_50 sm_80 sm_86", "built"),
        ((8, 0), "sm_86", "none"),
        ((9, 0), "sm_80", "none"),
        ((9, 0), "sm_80 compute_80", "compiled"),
        ((8, 0), "compute_90", "none"),
        ((9, 0), "sm_90a", "built"),
        ((10, 3), "sm_100a", "none"),
        ((10, 3), "sm_100f", "built"),
        ((12, 0), "sm_100 compute_90a", "none"),
        ((12, 1), "sm_120", "built"),
        ((8, 7), "sm_86", "none"),
        ((9, 0), "gfx90a", "none"),
    ],
)
def test_kernels_run_on_newer_gpus_of_their_family(capability, archs, how):
    assert kernels_for(capability, tuple(archs.split())) == how


def test_ptx_kernels_are_a_warning():
    facts = replace(TORCH, archs=("sm_80", "compute_80"))
    verdict, text = find_problems(check_versions(facts))["cuda:0"]
    assert verdict == "warning"
    assert "PTX" in text


PROGRAM = ((4242, "python", 79 * 10**9),)


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (with_gpu(memory_used=79 * 10**9), "problem", ["1.0 GB free", "fuser"]),
        (
            with_gpu(memory_used=79 * 10**9, programs=PROGRAM),
            "problem",
            ["python (4242, 79.0 GB)", "kill 4242"],
        ),
        (with_gpu(celsius=88.0), "warning", ["88 °C", "fans"]),
        (with_gpu(celsius=88.0, celsius_slow=None), "warning", ["88 °C"]),
        (with_gpu(slowed=0x40 | 0x4), "warning", ["slowed down: temperature (hardware)"]),
        (with_gpu(ecc_errors=2), "warning", ["2 errors", "nvidia-smi -r"]),
        (with_gpu(remapping="failed"), "problem", ["broken", "another GPU"]),
        (with_gpu(remapping="pending"), "warning", ["reset"]),
        (with_gpu(compute_mode="prohibited"), "problem", ["prohibited", "-c DEFAULT"]),
        (
            with_gpu(compute_mode="exclusive", programs=PROGRAM),
            "problem",
            ["one program at a time", "4242"],
        ),
        (replace(BOX, hidden="-1"), "warning", ["hides every GPU"]),
        (replace(BOX, hidden="7"), "warning", ["no GPU 7"]),
        (NvidiaFacts(card=True), "warning", ["no driver"]),
        (NvidiaFacts(card=True, driver="550.54.15"), "warning", ["missing in /dev", "--gpus all"]),
        (
            NvidiaFacts(card=True, driver="550.54.15", error="Driver Not Loaded"),
            "warning",
            ["missing in /dev", "--gpus all"],
        ),
        (
            NvidiaFacts(card=True, driver="550.1", nodes=True, error="Driver/library mismatch"),
            "problem",
            ["does not respond", "reboot"],
        ),
        (
            NvidiaFacts(card=True, error="NVIDIA driver is not loaded"),
            "problem",
            ["not loaded", "modprobe"],
        ),
    ],
)
def test_gpu_problems_come_with_advice(facts, verdict, words):
    found = find_problems(judge_nvidia(facts))
    assert len(found) == 1
    (found_verdict, text) = next(iter(found.values()))
    assert found_verdict == verdict
    assert [each for each in words if each not in text] == []


@pytest.mark.parametrize(
    "facts",
    [
        NO_GPU,
        BOX,
        replace(BOX, bindings=False, source="nvidia-smi"),
        with_gpu(memory_used=60 * 10**9, programs=PROGRAM),
        with_gpu(mig=True, memory_used=80 * 10**9),
        with_gpu(compute_mode="exclusive"),
        with_gpu(slowed=0x4 | 0x1),  # power limit and idle clocks are normal
        replace(BOX, hidden="GPU-1234"),
        replace(BOX, gpus=(H100, replace(H100, memory_used=80 * 10**9)), hidden="0"),
        NvidiaFacts(driver="550.54.15", nodes=True, bindings=False),
    ],
)
def test_normal_gpu_facts_are_ok(facts):
    checks = list(judge_nvidia(facts))
    assert checks
    assert find_problems(checks) == {}


def test_gpu_summary_has_all_metrics():
    (check,) = judge_nvidia(with_gpu(mig=True, programs=PROGRAM))
    assert check.what == (
        "NVIDIA H100, compute capability 9.0, memory 1.0 of 80 GB in use, 0% busy, "
        "71 of 700 W, 34 °C, partitioned (MIG), used by python (4242, 79.0 GB)"
    )


@pytest.mark.parametrize("nvidia", [NO_GPU, BOX, NvidiaFacts(card=True)])
def test_required_gpu_that_is_missing_is_a_problem(nvidia):
    assert find_problems(judge_devices(CPU_TORCH, nvidia, required=False)) == {}
    verdict, text = find_problems(judge_devices(CPU_TORCH, nvidia, required=True))["GPU"]
    assert verdict == "problem"
    assert "--require-gpu" in text
    assert find_problems(judge_devices(TORCH, nvidia, required=True)) == {}
    assert find_problems(judge_devices(TorchFacts("2.6.0", mps=True), nvidia, required=True)) == {}


class FakeNvml:
    """One GPU that reports everything except its power."""

    nvmlDeviceGetName = staticmethod(lambda handle: b"NVIDIA H100")
    nvmlDeviceGetUUID = staticmethod(lambda handle: "GPU-1234")
    nvmlDeviceGetMemoryInfo = staticmethod(lambda h: SimpleNamespace(used=3, total=80))
    nvmlDeviceGetUtilizationRates = staticmethod(lambda h: SimpleNamespace(gpu=97))
    nvmlDeviceGetCudaComputeCapability = staticmethod(lambda h: [9, 0])
    nvmlDeviceGetTemperature = staticmethod(lambda h, sensor: 61)
    nvmlDeviceGetTemperatureThreshold = staticmethod(lambda h, which: 90)
    nvmlDeviceGetComputeMode = staticmethod(lambda h: 3)
    nvmlDeviceGetTotalEccErrors = staticmethod(lambda h, kind, since: 1)
    nvmlDeviceGetRemappedRows = staticmethod(lambda h: [0, 1, 1, 0])
    nvmlDeviceGetCurrentClocksThrottleReasons = staticmethod(lambda h: 0x20)
    nvmlDeviceGetComputeRunningProcesses = staticmethod(
        lambda h: [SimpleNamespace(pid=2**30, usedGpuMemory=None)]
    )

    def __getattr__(self, name):
        raise AttributeError(name)


def test_nvml_facts_are_read_and_judged():
    reported = {"card": True, "doing": "querying", "gpus": [vars(read_gpu(FakeNvml(), 0))]}
    reported |= {"source": "nvml", "driver": "550.1", "cuda": [12, 4], "bindings": True}
    # The probe sends JSON.
    facts = read_nvidia(Answer(json.loads(json.dumps(reported))))
    (gpu,) = facts.gpus
    assert facts.cuda == (12, 4)
    assert (gpu.name, gpu.capability, gpu.celsius, gpu.watts) == ("NVIDIA H100", (9, 0), 61, None)
    assert (gpu.compute_mode, gpu.remapping, gpu.mig) == ("exclusive", "pending", False)
    assert gpu.programs == ((2**30, "another container's or user's program", None),)
    assert "problem" in [each.verdict for each in judge_nvidia(facts)]


def test_nvidia_smi_output_is_read():
    output = (
        "NVIDIA A100-SXM4-80GB, GPU-1a, 550.54.15, 81920, 447, 62.41, 400.00, 31, 0, Default, 8.0\n"
        "NVIDIA GeForce GT 730, GPU-2b, 550.54.15, 2048, 12, [N/A], [N/A], 40, [N/A], E. Process\n"
    )
    facts = read_nvidia(Answer(json.loads(json.dumps(parse_smi(output)))))
    assert facts.driver == "550.54.15"
    first, second = facts.gpus
    assert (first.capability, first.memory_total, first.watts) == ((8, 0), 80 * 2**30, 62.41)
    assert (second.capability, second.watts, second.compute_mode) == (None, None, "exclusive")


@pytest.mark.parametrize(
    ("bindings", "smi", "found"),
    [
        ("raise SyntaxError('for another Python')", "exit 9", "it broke"),
        ("def nvmlInit(): raise NVMLError(12)", "echo what is this", "nvidia-smi lists no GPU"),
        ("def nvmlInit(): raise NVMLError(12)", None, None),
        ("def nvmlInit(): raise NVMLError(9)", "exit 9", "NVML said 9"),
    ],
    ids=["broken bindings", "no library", "nothing installed", "no driver"],
)
def test_broken_driver_tools_are_reported(tmp_path, monkeypatch, bindings, smi, found):
    error = "class NVMLError(Exception):\n    def __str__(self): return f'NVML said {self.value}'\n"
    error += "    def __init__(self, value): self.value = value\n"
    (tmp_path / "pynvml.py").write_text(error + bindings)
    if smi:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho it broke >&2\n{smi}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if smi else str(tmp_path))
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    reports = []
    monkeypatch.setattr(gpu_probe, "report", lambda **facts: reports.append(facts))
    monkeypatch.setattr(gpu_probe, "_read_system", lambda: {"driver": "550.1", "nodes": True})
    gpu_probe.main()
    facts = read_nvidia(Answer(functools.reduce(dict.__or__, reports)))
    assert (facts.driver, facts.gpus, facts.error) == ("550.1", (), found)
