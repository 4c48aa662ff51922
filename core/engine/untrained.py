"""The network that the next run starts from: its predictions before the first step."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from core.commands import PredictUntrained
from core.config import TrainConfig
from core.data.datasets import Tensors, resolve_auto
from core.data.local_datasets import load_local
from core.responses import UntrainedPredicted

if TYPE_CHECKING:
    from torch import nn

    from core.models.networks import Network


def predict_untrained(command: PredictUntrained) -> UntrainedPredicted:
    """Predict test images that are on this machine; without any, the response has no digits."""
    from core.models.inference import predict_digits

    config = command.config
    found = find_local_images(config)
    if found is None:
        return UntrainedPredicted(arch=config.arch, seed=config.seed)
    dataset, tensors = found
    model = load_untrained(config.network, config.seed)
    images, labels = tensors.test_images, tensors.test_labels
    return UntrainedPredicted(
        arch=config.arch,
        seed=config.seed,
        dataset=dataset,
        digits=predict_digits(model, images, labels, command.indices),
        labels=bytes(labels.tolist()),
    )


def find_local_images(config: TrainConfig) -> tuple[str, Tensors] | None:
    """Return a dataset that is on this machine, and its name: that of the config, else the sample.

    None where neither is here.
    """
    wanted = resolve_auto(config.dataset)
    for name in dict.fromkeys((wanted, "sample")):
        if tensors := load_local(name, config.data):
            return name, tensors
    return None


@lru_cache(maxsize=1)
def load_untrained(network: Network, seed: int) -> nn.Module:
    """Build the network; the newest is cached, so that paging through its predictions does not
    build it again."""
    import torch

    from core.models.networks import build_untrained

    # Other random numbers of this process stay as they are.
    with torch.random.fork_rng(devices=()):
        return build_untrained(network, seed)
