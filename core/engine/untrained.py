"""The network that the next run starts from: its predictions before the first step."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from core.class_names import pack_labels
from core.commands import PredictUntrained
from core.config import TrainConfig
from core.data.datasets import Tensors, find_dataset, resolve_auto
from core.data.local_datasets import load_local
from core.digit import with_class_names
from core.errors import UserError
from core.responses.predictions import UntrainedPredicted

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
    names = find_dataset(dataset).class_names
    return UntrainedPredicted(
        arch=config.arch,
        seed=config.seed,
        dataset=dataset,
        digits=with_class_names(predict_digits(model, images, labels, command.indices), names),
        labels=pack_labels(labels.tolist(), len(names)),
        class_names=names,
    )


def find_local_images(config: TrainConfig) -> tuple[str, Tensors] | None:
    """Return a dataset that is on this machine, and its name: that of the config, else the sample
    if that has the same classes.

    None where neither is here.
    """
    wanted = resolve_auto(config.dataset)
    try:
        has_digits = find_dataset("sample").class_names == find_dataset(wanted).class_names
    except UserError:  # such as a folder that is not there
        return None
    for name in (wanted, "sample") if has_digits and wanted != "sample" else (wanted,):
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
