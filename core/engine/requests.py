"""Requests that are not about the current run: devices, architectures and checkpoint files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.class_names import pack_labels
from core.commands import (
    Command,
    DescribeNetwork,
    InspectCheckpoint,
    InspectUntrained,
    ListDevices,
    OpenCheckpoint,
    PredictImagesWith,
    PredictUntrained,
    ScoreCheckpoint,
    ScoreCorruptions,
)
from core.digit import with_class_names
from core.errors import UserError, first_line
from core.events import Event, Notice
from core.responses.devices import DevicesListed
from core.responses.predictions import (
    CheckpointRefused,
    ImagesPredicted,
    Predicted,
    UntrainedPredicted,
)
from core.responses.scores import CheckpointScored

if TYPE_CHECKING:
    from torch import nn

    from core.checkpoints.header import CheckpointInfo


def handle_request(command: Command) -> Iterator[Event]:
    """Yield the response to a request, during a run or not. Other commands are ignored."""
    try:
        match command:
            case ListDevices():
                from core.compute.devices import list_devices

                yield DevicesListed(devices=tuple(list_devices()))
            case DescribeNetwork():
                from core.models.summary import describe_network

                yield describe_network(command.arch, command.classes)
            case PredictUntrained():
                from core.engine.untrained import predict_untrained

                yield predict_untrained(command)
            case InspectUntrained():
                from core.engine.inspection import inspect_untrained

                yield inspect_untrained(command)
            case InspectCheckpoint():
                from core.engine.inspection import inspect_checkpoint

                yield inspect_checkpoint(command, *load_newest(command.path))
            case OpenCheckpoint() | ScoreCheckpoint() | PredictImagesWith():
                yield from _use_checkpoint(command)
    except Exception as error:  # a broken GPU driver or a damaged file must not end the engine
        yield describe_failure(command, error)
        if isinstance(command, PredictUntrained):  # the request gets its response, without digits
            yield UntrainedPredicted(arch=command.config.arch, seed=command.config.seed)


def describe_failure(command: Command, error: Exception) -> Event:
    """Return the response to a request that failed."""
    match command:
        case (
            OpenCheckpoint(path=path)
            | ScoreCheckpoint(path=path)
            | ScoreCorruptions(path=path)
            | PredictImagesWith(path=path)
            | InspectCheckpoint(path=path)
        ):
            of_user = isinstance(error, UserError)
            message = str(error) if of_user else f"{path}: {first_line(error)}"
            return CheckpointRefused(path=path, message=message)
        case DescribeNetwork(arch=arch):
            return Notice(message=f"cannot describe the network {arch}: {first_line(error)}")
        case InspectUntrained(config=config):
            return Notice(message=f"cannot inspect {config.arch}: {first_line(error)}")
        case PredictUntrained(config=config):
            what = f"cannot show predictions of the untrained network {config.arch}"
            return Notice(message=f"{what}: {first_line(error)}")
    return Notice(message=f"cannot list the devices: {first_line(error)}")


def _use_checkpoint(
    command: OpenCheckpoint | ScoreCheckpoint | PredictImagesWith,
) -> Iterator[Event]:
    path = command.path
    info, model = load_newest(path)

    from core.models.inference import predict, predict_digits, predict_images
    from core.models.metrics import METRICS, confusion
    from core.novelty.sign import find_cached_detector, find_detector, mark_unlike
    from core.runs.data_folder import check_classes, digits_folder, load_run_data

    data = command.data or digits_folder(info.dataset, info.config)
    if isinstance(command, PredictImagesWith):
        detector = (
            find_cached_detector(info.dataset)
            if command.at_once
            else find_detector(info.dataset, data)
        )
        named = with_class_names(predict_images(model, command.images), info.class_names)
        digits, question = mark_unlike(named, detector), command.question
        yield ImagesPredicted(digits=digits, step=info.step, source=path, question=question)
        return
    check_classes(path, info)
    dataset, tensors = yield from load_run_data(info.dataset, info.config, command.data)
    detector = find_detector(info.dataset, data)  # after a download of the training images
    images, labels = tensors.test_images, tensors.test_labels
    if isinstance(command, OpenCheckpoint):
        digits = predict_digits(model, images, labels, command.indices)
        digits = mark_unlike(with_class_names(digits, info.class_names), detector)
        yield Predicted(digits=digits, samples=len(labels), step=info.step, source=path)
        return
    if command.corruption:
        from core.data.corruptions import corrupt

        images = corrupt(images, command.corruption)
    logits = predict(model, images)
    yield CheckpointScored(
        path=path,
        arch=info.arch,
        dataset=dataset,
        test_loss=METRICS["loss"](logits, labels),
        test_accuracy=METRICS["accuracy"](logits, labels),
        confusion=tuple(map(tuple, confusion(logits, labels).tolist())),
        logits=logits.numpy().tobytes(),
        labels=pack_labels(labels.tolist(), len(info.class_names)),
        images=images.numpy().tobytes(),
        unlike=bytes(detector.find_unlike(images)) if detector else b"",
        corruption=command.corruption,
        class_names=info.class_names,
        run=info.run,
        epoch=info.epoch,
        step=info.step,
        seed=seed if isinstance(seed := info.config.get("seed"), int) else None,
    )


def load_newest(path: str) -> tuple[CheckpointInfo, nn.Module]:
    """Return a checkpoint's header and its network, which is read again where it has changed.
    Raises UserError."""
    changed = os.stat(path).st_mtime_ns if os.path.exists(path) else 0
    return _load_model(Path(path), changed)


@lru_cache(maxsize=1)
def _load_model(path: Path, changed: int) -> tuple[CheckpointInfo, nn.Module]:
    """Load a checkpoint. The newest is cached until the file changes, so that paging through its
    predictions does not load it again."""
    from core.checkpoints.io import load_model

    return load_model(path)
