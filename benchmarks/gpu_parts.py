"""The parts of gpu.py that use the GPU, each in a process of its own: a crash ends that one alone.

    python benchmarks/gpu_parts.py PART JOB

JOB is a JSON object; what the part finds is printed as JSON objects, one a line, each as soon as it
is known.
"""

import json
import runpy
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from gpu_steps import (  # noqa: E402
    Job,
    load_tensors,
    make_learner,
    measure_queue,
    measure_routes,
    measure_steps,
    report,
)

import core  # noqa: E402, F401, which sets what OpenMP reads when torch is loaded


def describe_machine(job: Job) -> None:
    """Report the GPU, its driver, and the versions that the figures belong to."""
    import platform

    import torch

    from core.compute.cores import describe_cores
    from core.compute.usage import cpu_name
    from core.doctor.gpu_facts import read_nvidia
    from core.doctor.probe import start_probe

    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None
    report(torch=torch.__version__, cuda=torch.version.cuda, cudnn=cudnn)
    report(python=platform.python_version(), cpu=cpu_name(), cores=describe_cores())
    if not torch.cuda.is_available():
        report(gpu=None)
        return
    has = torch.cuda.get_device_properties(0)
    report(gpu=has.name, memory=has.total_memory, capability=[has.major, has.minor])
    with start_probe("core.doctor.gpu_probe") as probe:
        facts = read_nvidia(probe.wait(15))
    report(driver=facts.driver, gpus=[asdict(each) for each in facts.gpus])


def train_preset(job: Job) -> None:
    """Train a preset as `mnist-tui train --json` does, whose events are printed."""
    if job["plain"]:
        _train_plainly(job)
        return
    options = ["train", "--json", "--preset", job["preset"], "--seed", str(job["seed"])]
    options += ["--device", "cuda", "--dataset", job["dataset"]]
    options += ["--data", job["data"]] if job["data"] else []
    _run_command([*options, "--checkpoints", job["folder"]])


def _train_plainly(job: Job) -> None:
    """Train a preset by the learner alone: without the command's packages, or on drawn digits."""
    import torch

    from core.config import make_config
    from core.models.metrics import METRICS
    from core.optim.schedules import SCHEDULES

    chosen = make_config(preset=job["preset"], seed=job["seed"])
    tensors, device = load_tensors(job), torch.device("cuda:0")
    learner = make_learner(chosen, tensors, device)
    learner.capture()
    steps = -(-len(tensors.train_labels) // chosen.batch_size)
    schedule, seconds, step = SCHEDULES[chosen.schedule], 0.0, 0
    for epoch in range(chosen.epochs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for images, labels in learner.batches(epoch, 0):
            rate = chosen.learning_rate * schedule(step, steps * chosen.epochs)
            learner.step(images, labels, rate)
            step += 1
        torch.cuda.synchronize()
        seconds += time.perf_counter() - start
        logits = torch.cat(list(learner.test_logits()))
        accuracy = METRICS["accuracy"](logits, learner.test_labels)
        report(event="evaluated", epoch=epoch + 1, test_accuracy=accuracy, train_seconds=seconds)
    report(
        event="run_finished", epochs=chosen.epochs, test_accuracy=accuracy, train_seconds=seconds
    )


def train_record(job: Job) -> None:
    """Train the record recipe once for each seed."""
    import record
    import torch

    device = torch.device("cuda:0")
    tensors = load_tensors(job)
    images, test_images = (record.scale(tensors[place]).to(device) for place in (0, 2))
    labels, test_labels = (tensors[place].to(device) for place in (1, 3))
    record.warm_up(images, labels)
    for seed in range(job["seeds"]):
        model, seconds = record.train(images, labels, seed)
        accuracy = record.evaluate(model, test_images, test_labels)
        report(seed=seed, train_seconds=seconds, test_accuracy=accuracy)


def run_doctor(job: Job) -> None:
    """Run `mnist-tui doctor --json`, or its training on the CPU and the GPU alone."""
    if not job["plain"]:
        options = ["--data", job["data"]] if job["data"] else []
        _run_command(["doctor", "--json", *options, "--checkpoints", job["folder"]])
        return
    import torch

    from core.doctor.check import Check
    from core.doctor.examine import train_on_devices
    from core.doctor.versions_probe import CudaDevice, TorchFacts

    name = torch.cuda.get_device_name(0)
    facts = TorchFacts(torch.__version__, devices=(CudaDevice(name, (0, 0)),))
    found = train_on_devices(job["data"], facts, time.monotonic() + min(50, job["seconds"]))
    report(checks=[vars(each) for each in found if isinstance(each, Check)])


def _run_command(arguments: list[str]) -> None:
    """Run the command line of mnist-tui in this process."""
    sys.argv = ["mnist-tui", *arguments]
    runpy.run_module("tui", run_name="__main__", alter_sys=True)


PARTS: dict[str, Callable[[Job], None]] = {
    "machine": describe_machine,
    "steps": measure_steps,
    "routes": measure_routes,
    "queue": measure_queue,
    "preset": train_preset,
    "record": train_record,
    "doctor": run_doctor,
}

if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    if given["rehearse"]:
        from tests.support.fake_cuda import pretend

        pretend()
    PARTS[sys.argv[1]](given)
