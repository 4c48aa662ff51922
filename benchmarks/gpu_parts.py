"""The parts of gpu.py that use the GPU, each in a process of its own: a crash ends that one alone.

    python benchmarks/gpu_parts.py PART JOB

JOB is a JSON object; what the part finds is printed as JSON objects, one a line, each as soon as it
is known.
"""

import json
import runpy
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)
import core  # noqa: E402, F401, which sets what OpenMP reads when torch is loaded

BATCHES = (32, 256, 1024, 4096)
# Both kinds of steps are measured in turns: their ratio does not depend on the GPU's clock then.
ROUNDS, ROUND_SECONDS, WARM_UP_STEPS = 5, 0.06, 10
# Networks whose step is short, so that the number of steps queued on the GPU matters most.
QUEUED = (2, 8, 32)
Job = dict[str, Any]
Row = dict[str, Any]


def report(**row: Any) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


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


def load_tensors(job: Job) -> Any:
    """Return the job's dataset; drawn digits are as many as MNIST has, for their time alone."""
    from core.data.datasets import DATASETS, Tensors
    from core.doctor.training_probe import draw_images

    if job["dataset"] == "drawn":
        few = draw_images()
        train, test = 60_000 // len(few.train_labels), 10_000 // len(few.test_labels)
        images, labels = few.train_images.repeat(train, 1, 1), few.train_labels.repeat(train)
        more = few.test_images.repeat(test, 1, 1), few.test_labels.repeat(test)
        return Tensors(images, labels, *more)
    loading = DATASETS[job["dataset"]].load(job["data"])
    while True:
        try:
            next(loading)
        except StopIteration as done:
            return done.value


def make_learner(config: Any, tensors: Any, device: Any) -> Any:
    from core.compute.devices import choose_precision
    from core.training.learner import Learner

    precision = choose_precision(config.precision, config.arch, device)
    return Learner(config, precision, tensors, device)


def train_steps(learner: Any) -> Iterator[tuple[Any, int]]:
    """Train without end, and yield the loss of each step and its number of images."""
    for epoch in count():
        for images, labels in learner.batches(epoch, 0):
            yield learner.step(images, labels, learner.config.learning_rate), len(labels)


def measure_rate(steps: Iterator[tuple[Any, int]]) -> float:
    """Return the samples per second of the next steps."""
    import torch

    samples, start = 0, time.perf_counter()
    while time.perf_counter() - start < ROUND_SECONDS:
        samples += next(steps)[1]
    torch.cuda.synchronize()
    return samples / (time.perf_counter() - start)


def compare(learners: dict[str, Any]) -> Row:
    """Return the median samples per second of each learner, measured in turns, the median of the
    first one's ratios to the last, and whether their losses are equal to the bit."""
    steps = {name: train_steps(each) for name, each in learners.items()}
    first = {
        name: [loss.item() for loss, _ in islice(each, WARM_UP_STEPS)]
        for name, each in steps.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, each in steps.items():
            rates[name].append(measure_rate(each))
    row: Row = {name: round(median(each)) for name, each in rates.items()}
    if len(rates) > 1:
        one, *_, other = rates.values()
        row["ratio"] = round(median(a / b for a, b in zip(one, other, strict=True)), 3)
        row["equal"] = len({tuple(each) for each in first.values()}) == 1
    return row


def measure_steps(job: Job) -> None:
    """Measure each network, batch size and number format with CUDA graphs and without."""
    import torch

    from core.config import TrainConfig
    from core.models.architectures import ARCHITECTURES

    device, until = torch.device("cuda:0"), time.monotonic() + job["seconds"]
    took = 0.0
    # On the GPU they are scaled within a moment for each of the many learners.
    tensors = type(load := load_tensors(job))(*(each.to(device) for each in load))
    for batch in job.get("batches", BATCHES):
        for arch in ARCHITECTURES:
            for precision in ("fp32", "auto"):
                row = {"arch": arch, "batch": batch, "precision": precision}
                start = time.monotonic()
                if start + took > until:
                    report(**row, left_out=True)
                    continue
                config = TrainConfig(arch=arch, batch_size=batch, precision=precision)
                report(**row, **_measure_pair(config, tensors, device))
                took = time.monotonic() - start


def _measure_pair(config: Any, tensors: Any, device: Any) -> Row:
    import torch

    from core.errors import first_line

    try:
        graph, eager = (make_learner(config, tensors, device) for _ in range(2))
        format = {"format": graph.precision}
        if config.precision == "auto" and graph.precision == "fp32":
            return format  # measured already
        why = graph.capture()
        learners = {"graph": graph, "eager": eager}
        return format | compare(learners if graph.captured else {"eager": eager}) | {"failure": why}
    except Exception as error:  # out of memory, or a kernel that this GPU does not have
        torch.cuda.empty_cache()
        return {"failure": f"{type(error).__name__}: {first_line(error)}"}


def measure_queue(job: Job) -> None:
    """Measure how the number of steps that may wait on the GPU changes the speed."""
    import torch

    from core.config import TrainConfig
    from core.training import learner as module

    device = torch.device("cuda:0")
    tensors = load_tensors(job)
    for arch in ("linear", "quick"):
        found = {}
        learner = make_learner(TrainConfig(arch=arch), tensors, device)
        learner.capture()
        steps = train_steps(learner)
        for ahead in QUEUED * 2:  # the first round warms up
            module.STEPS_AHEAD = ahead
            found[ahead] = round(median(measure_rate(steps) for _ in range(3)))
        report(arch=arch, samples_per_second=found)


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
    import torch

    sys.path.append(str(ROOT / "benchmarks"))
    import record

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
