"""The layers of a network that does not train: of a checkpoint, or of the next run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.class_names import DIGITS
from core.commands import InspectCheckpoint, InspectUntrained
from core.data.datasets import find_dataset
from core.data.local_datasets import load_local
from core.engine.untrained import find_local_images, load_untrained
from core.responses.layers import UNTRAINED, NetworkInspected

if TYPE_CHECKING:
    from torch import nn

    from core.checkpoints.header import CheckpointInfo


def inspect_untrained(command: InspectUntrained) -> NetworkInspected:
    from core.training.diagnostics import inspect_model

    config = command.config
    found = find_local_images(config)
    network = config.network
    model = load_untrained(network, config.seed)
    inspected = inspect_model(
        model,
        found[1] if found else None,
        command.wanted,
        names=find_dataset(found[0]).class_names if found else DIGITS,
    )
    return replace(inspected, arch=config.arch, classes=network.classes, source=UNTRAINED)


def inspect_checkpoint(
    command: InspectCheckpoint, info: CheckpointInfo, model: nn.Module
) -> NetworkInspected:
    """Inspect the network of a checkpoint, which has been loaded."""
    from core.runs.data_folder import check_classes, digits_folder
    from core.training.diagnostics import inspect_model

    check_classes(command.path, info)
    tensors = load_local(info.dataset, command.data or digits_folder(info.dataset, info.config))
    inspected = inspect_model(model, tensors, command.wanted, names=info.class_names)
    classes = len(info.class_names)
    return replace(inspected, step=info.step, arch=info.spec, classes=classes, source=command.path)
