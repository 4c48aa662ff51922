"""Compare the routes that are chosen by measuring with every fixed choice, in one run.

For each network and batch size the program's own choice is made as before a run, with the budget
of a long one, and then all routes are timed in turns on the same steps. Prints one table a
network: the seconds of each route over those of the fastest, with the choice marked.

    python benchmarks/routes.py [--data DIR] [--precision P] [--batches N ...] [ARCH ...]
"""

import argparse
import statistics
from dataclasses import dataclass

import torch
from limit import finish
from throughput import find_mnist

from core.compute.candidates import Choices
from core.compute.cores import describe_cores
from core.compute.routes import Route
from core.compute.usage import cpu_model
from core.config import TrainConfig, make_config
from core.data.datasets import Tensors
from core.data.sources.mnist import load_mnist
from core.models.architectures import ARCHITECTURES
from core.training.routes.choice import choices_of
from core.training.routes.measure import Measured, Timer, few_batches, measure

CPU = torch.device("cpu")
GROUP_SECONDS = 0.05
LONG_RUN = 1_000_000  # steps: measuring may then take its longest


@dataclass(frozen=True)
class Column:
    """One network at one batch size: the choice, and each route's seconds over the fastest's."""

    batch: int
    measured: Measured
    ratios: dict[Route, float]
    step_seconds: float  # of the fastest

    @property
    def choice(self) -> float:
        return self.ratios[self.measured.route]


def all_routes(choices: Choices) -> list[Route]:
    return choices.combinations({part: [*values] for part, values in choices.values.items()})


def time_column(config: TrainConfig, tensors: Tensors, rounds: int) -> Column:
    choices = choices_of(config, CPU)
    measured = finish(measure(choices, config, tensors, CPU, LONG_RUN))
    few = few_batches(tensors, config.batch_size, CPU)
    timers = [Timer(route, config, few, CPU) for route in all_routes(choices)]
    group = max(2, round(GROUP_SECONDS / max(measured.step_seconds, 1e-6)))
    taken: dict[Route, list[float]] = {timer.route: [] for timer in timers}
    for _ in range(rounds):
        for timer in timers:
            taken[timer.route].append(timer.seconds_per_step(group))
    middle = {route: statistics.median(each) for route, each in taken.items()}
    best = min(middle, key=middle.__getitem__)
    ratios = {
        route: statistics.median(a / b for a, b in zip(each, taken[best], strict=True))
        for route, each in taken.items()
    }
    return Column(config.batch_size, measured, ratios, middle[best])


def print_table(arch: str, columns: list[Column]) -> None:
    print(f"\n| {arch} | " + " | ".join(f"batch {each.batch}" for each in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for route in sorted(columns[0].ratios, key=columns[0].ratios.__getitem__):
        cells = [_cell(route, column) for column in columns]
        print(f"| `{route}` | " + " | ".join(cells) + " |")
    for name, cells in (
        ("fastest, ms a step", [f"{each.step_seconds * 1000:.3g}" for each in columns]),
        ("choice ÷ fastest (aim: at most 1.03)", [f"{each.choice:.3f}" for each in columns]),
        ("measured in", [f"{each.measured.seconds:.1f} s" for each in columns]),
    ):
        print(f"| {name} | " + " | ".join(cells) + " |")
    for column in columns:
        if column.measured.doubt:
            print(f"\nbatch {column.batch}: the default was kept: {column.measured.doubt}")


def _cell(route: Route, column: Column) -> str:
    marks = " default" if route == column.measured.default else ""
    marks += " **choice**" if route == column.measured.route else ""
    return f"{column.ratios[route]:.2f}{marks}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archs", nargs="*", default=list(ARCHITECTURES), metavar="ARCH")
    parser.add_argument("--data", default=find_mnist(), help="folder that holds MNIST/raw")
    parser.add_argument("--precision", default="auto", choices=("fp32", "bf16", "auto"))
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 256, 1024])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if options.data is None:
        parser.error("MNIST was not found: pass its folder with --data")
    tensors = finish(load_mnist(options.data))
    print(f"{cpu_model()}, {describe_cores()}, torch {torch.__version__}")
    for arch in options.archs:
        configs = [
            make_config(arch=arch, batch_size=batch, precision=options.precision, optimizer="adam")
            for batch in options.batches
        ]
        columns = [time_column(each, tensors, options.rounds) for each in configs]
        print_table(arch, columns)


if __name__ == "__main__":
    main()
