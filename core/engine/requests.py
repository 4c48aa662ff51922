"""Requests that are not about the current run: devices, architectures and checkpoint files."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands import (
    Command,
    DescribeNetwork,
    ListDevices,
    OpenCheckpoint,
    PredictImagesWith,
    ScoreCheckpoint,
)
from core.errors import UserError, first_line
from core.events import Event, Notice
from core.responses import (
    CheckpointRefused,
    CheckpointScored,
    DevicesListed,
    ImagesPredicted,
    Predicted,
)

if TYPE_CHECKING:
    from torch import nn

    from core.checkpoints.header import CheckpointInfo
    from core.data.datasets import Tensors


def handle_request(command: Command) -> Iterator[Event]:
    """Yield the response to a request, during a run or not. Other commands are ignored."""
    try:
        yield from _handle(command)
    except Exception as error:  # a defect in one response must not end the engine
        yield Notice(message=f"{type(error).__name__}: {first_line(error)}")


def _handle(command: Command) -> Iterator[Event]:
    match command:
        case ListDevices():
            from core.compute.devices import list_devices

            try:
                yield DevicesListed(devices=tuple(list_devices()))
            except Exception as error:  # a broken GPU driver; the CPU is available still
                yield Notice(message=f"cannot list the devices: {first_line(error)}")
        case DescribeNetwork(arch=arch):
            from core.models.summary import describe_network

            try:
                yield describe_network(arch)
            except Exception as error:  # a defect in the network's own code
                yield Notice(message=f"cannot describe the network {arch}: {first_line(error)}")
        case OpenCheckpoint(path=path) | ScoreCheckpoint(path=path) | PredictImagesWith(path=path):
            try:
                yield from _use_checkpoint(Path(path), command)
            except UserError as error:
                yield CheckpointRefused(path=path, message=str(error))
            except Exception as error:  # a damaged file must not end a run in progress
                yield CheckpointRefused(path=path, message=f"{path}: {first_line(error)}")


def _use_checkpoint(path: Path, command: Command) -> Iterator[Event]:
    info, model = _load_model(path, path.stat().st_mtime_ns if os.path.exists(path) else 0)
    match command:
        case OpenCheckpoint(indices=indices, data=data):
            yield from _open(path, info, model, indices, data)
        case ScoreCheckpoint(data=data):
            yield from _score(path, info, model, data)
        case PredictImagesWith(images=images):
            from core.models.inference import predict_images

            digits = predict_images(model, images)
            yield ImagesPredicted(digits=digits, step=info.step, source=str(path))


def _load_digits(
    info: CheckpointInfo, data: str | None
) -> Generator[Event, None, tuple[str, Tensors]]:
    """Return the name and tensors of the checkpoint's dataset, from the folder `data` or, without
    one, from the folder that it was trained from."""
    from core.data import datasets
    from core.runs.resume import digits_folder

    return (yield from datasets.load_dataset(info.dataset, data or digits_folder(info.config)))


def _score(path: Path, info: CheckpointInfo, model: nn.Module, data: str | None) -> Iterator[Event]:
    from core.models.inference import predict
    from core.models.metrics import METRICS, confusion

    dataset, tensors = yield from _load_digits(info, data)
    labels = tensors.test_labels
    logits = predict(model, tensors.test_images)
    yield CheckpointScored(
        path=str(path),
        arch=info.arch,
        dataset=dataset,
        test_loss=METRICS["loss"](logits, labels),
        test_accuracy=METRICS["accuracy"](logits, labels),
        confusion=tuple(map(tuple, confusion(logits, labels).tolist())),
        logits=logits.numpy().tobytes(),
        labels=bytes(labels.tolist()),
        images=tensors.test_images.numpy().tobytes(),
    )


def _open(
    path: Path,
    info: CheckpointInfo,
    model: nn.Module,
    indices: tuple[int, ...],
    data: str | None,
) -> Iterator[Event]:
    from core.models.inference import predict_digits

    _, tensors = yield from _load_digits(info, data)
    yield Predicted(
        digits=predict_digits(model, tensors.test_images, tensors.test_labels, indices),
        samples=len(tensors.test_labels),
        step=info.step,
        source=str(path),
    )


@lru_cache(maxsize=1)
def _load_model(path: Path, changed: int) -> tuple[CheckpointInfo, nn.Module]:
    """Load a checkpoint. The newest is cached until the file changes, so that paging through its
    predictions does not load it again."""
    from core.checkpoints.io import load_model

    return load_model(path)
