"""Compare training networks built from their text with the same layers written as modules.

Rounds alternate in one process, by the same routes, on batches in memory; the median of the rounds'
ratios is printed, and whether both compute the same losses.

    python benchmarks/text_networks.py [--data DIR] [--rounds N]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice

import torch
from article import NETWORKS
from torch import nn

from core.compute.candidates import list_choices
from core.config import TrainConfig
from core.data.dataset import Tensors
from core.data.local_datasets import load_local
from core.models.networks import Network
from core.training.learner import Learner

IMAGES, SECONDS, WARM_UPS, GROUP = 8_192, 0.5, 20, 10
CPU = torch.device("cpu")


class Written(Network):
    """A network whose modules are written out."""

    written: Callable[[], nn.Module]

    def build(self) -> nn.Module:
        return type(self).written()


def make_learner(config: TrainConfig, tensors: Tensors, network: Network) -> Learner:
    route = list_choices(config.network, CPU, "fp32").default
    return Learner(config, route, tensors, CPU, network=network)


def samples_per_second(learner: Learner) -> float:
    batches = cycle([*learner.batches(0, 0)])
    for images, labels in islice(batches, WARM_UPS):
        learner.step(images, labels, 1e-3)
    samples, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < SECONDS:
        for images, labels in islice(batches, GROUP):
            learner.step(images, labels, 1e-3)
            samples += len(labels)
    return samples / seconds


def first_losses(learner: Learner) -> list[float]:
    return [float(learner.step(*each, 1e-3)) for each in islice(learner.batches(0, 0), 20)]


def compare(arch: str, written: Callable[[], nn.Module], tensors: Tensors, rounds: int) -> None:
    config = TrainConfig(arch=arch)
    Written.written = staticmethod(written)
    text = config.network
    other = Written(text.name, text.text, text.classes)
    same = first_losses(make_learner(config, tensors, text)) == first_losses(
        make_learner(config, tensors, other)
    )
    learners = [make_learner(config, tensors, each) for each in (text, other)]
    speeds = [[samples_per_second(each) for each in learners] for _ in range(rounds)]
    ratio = statistics.median(ours / theirs for ours, theirs in speeds)
    ours, theirs = (statistics.median(column) for column in zip(*speeds, strict=True))
    print(f"{arch}: text {ours:,.0f}/s, modules {theirs:,.0f}/s, ratio {ratio:.3f}")
    print(f"  losses of the first steps are {'the same' if same else 'not the same'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("MNIST_TUI_DATA"))
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    found = load_local("mnist", chosen.data) or load_local("sample", None)
    assert found is not None, "neither MNIST nor the sample is on this machine"
    few = Tensors(*(each[:IMAGES] for each in found))
    for each in ("mlp", "cnn"):
        compare(each, NETWORKS[each], few, chosen.rounds)
