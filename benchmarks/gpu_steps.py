"""The speed of training steps on a GPU, for gpu_parts.py: rows that it prints as JSON."""

import json
import sys
import time
from collections.abc import Iterator
from itertools import count, islice, product
from statistics import median
from typing import Any

BATCHES = (32, 256, 1024, 4096)
ROUTE_BATCHES = (32, 1024)
# Both kinds of steps are measured in turns: their ratio does not depend on the GPU's clock then.
ROUNDS, ROUND_SECONDS, WARM_UP_STEPS = 5, 0.06, 10
# Networks whose step is short, so that the number of steps queued on the GPU matters most.
QUEUED = (2, 8, 32)
Job = dict[str, Any]
Row = dict[str, Any]


def report(**row: Any) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


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


def on_device(tensors: Any, device: Any) -> Any:
    """Return the tensors on the GPU, which scales them for each of many learners in a moment."""
    return type(tensors)(*(each.to(device) for each in tensors))


def make_learner(config: Any, tensors: Any, device: Any, **parts: str) -> Any:
    """Return a learner of the default route, with those parts in place of its own."""
    from core.compute.candidates import list_choices
    from core.training.learner import Learner

    choices = list_choices(config.network, device, config.precision)
    return Learner(config, choices.complete(parts), tensors, device)


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
    """Return the median samples per second of each learner, measured in turns; of steps as a graph
    and without also the median ratio, and whether their losses are equal to the bit."""
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
    if set(rates) == {"graph", "eager"}:
        pairs = zip(rates["graph"], rates["eager"], strict=True)
        row["ratio"] = round(median(a / b for a, b in pairs), 3)
        row["equal"] = len({tuple(each) for each in first.values()}) == 1
    return row


def measure_steps(job: Job) -> None:
    """Measure each network, batch size and number format with CUDA graphs and without."""
    import torch

    from core.config import TrainConfig
    from core.models.architectures import ARCHITECTURES

    device, until = torch.device("cuda:0"), time.monotonic() + job["seconds"]
    took = 0.0
    tensors = on_device(load_tensors(job), device)
    formats = ("fp32", "auto")
    for batch, arch, precision in product(job.get("batches", BATCHES), ARCHITECTURES, formats):
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
        graph = make_learner(config, tensors, device, launch="graph")
        format = {"format": graph.route.precision}
        if config.precision == "auto" and graph.route.precision == "fp32":
            return format  # measured already
        eager = make_learner(config, tensors, device, launch="eager")
        why = graph.capture()
        learners = {"graph": graph, "eager": eager}
        return format | compare(learners if graph.captured else {"eager": eager}) | {"failure": why}
    except Exception as error:  # out of memory, or a kernel that this GPU does not have
        torch.cuda.empty_cache()
        return {"failure": f"{type(error).__name__}: {first_line(error)}"}


def measure_routes(job: Job) -> None:
    """Measure the number formats and memory formats of each network, as CUDA graphs in turns.

    A graph keeps the format that it was captured with, whatever a later learner sets.
    """
    import torch

    from core.compute.candidates import list_choices
    from core.config import TrainConfig
    from core.errors import first_line
    from core.models.architectures import ARCHITECTURES

    device, until = torch.device("cuda:0"), time.monotonic() + job["seconds"]
    tensors = on_device(load_tensors(job), device)
    for batch, arch in product(job.get("batches", ROUTE_BATCHES), ARCHITECTURES):
        row: Row = {"arch": arch, "batch": batch}
        if time.monotonic() > until:
            report(**row, left_out=True)
            continue
        config = TrainConfig(arch=arch, batch_size=batch, precision="auto")
        values = list_choices(TrainConfig(arch=arch).network, device, "auto").values
        learners = {}
        for precision, layout in product(values["precision"], values.get("layout", ("",))):
            parts = {"precision": precision} | ({"layout": layout} if layout else {})
            name = " ".join([precision, *([layout] if layout == "channels-last" else [])])
            try:
                learner = make_learner(config, tensors, device, **parts)
                row |= {"failure": why} if (why := learner.capture()) else {}
            except Exception as error:
                row["failure"] = f"{name}: {type(error).__name__}: {first_line(error)}"
            else:
                learners[name] = learner
        report(**row, samples_per_second=compare(learners) if learners else {})


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
            learner._ahead.clear()  # measure_rate has waited for all of them
            found[ahead] = round(median(measure_rate(steps) for _ in range(3)))
        report(arch=arch, samples_per_second=found)
