"""The one thread that touches torch: takes commands, gives events.

Two threads that both use torch fight over the cores and train at a quarter of the speed, so the
app has one such thread, and this is all that runs on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands import (
    Command,
    DescribeNetwork,
    Inbox,
    ListDevices,
    OpenCheckpoint,
    PredictImagesWith,
    Quit,
    ScoreCheckpoint,
    Start,
    Stop,
)
from core.errors import UserError, first_line
from core.events import (
    CheckpointRefused,
    CheckpointScored,
    DevicesListed,
    Event,
    ImagesPredicted,
    Notice,
    Predicted,
    RunFailed,
)

if TYPE_CHECKING:
    from torch import nn

    from core.checkpoints.header import CheckpointInfo
    from core.data.datasets import Tensors

Train = Callable[..., Iterator[Event]]  # as trainer.train


def serve(inbox: Inbox, train: Train | None = None) -> Iterator[Event]:
    """Runs and answers what the inbox says until Quit, and gives the events of it all.

    torch is imported here, at the first command that needs it, and not before.
    """
    while not isinstance(command := inbox.get(), Quit):
        if isinstance(command, Start):
            yield from _run(command, inbox, train)
        else:
            yield from answer(command)


def _run(start: Start, inbox: Inbox, train: Train | None) -> Iterator[Event]:
    try:
        from core.attach.server import serve_viewers
        from core.training import trainer
        from core.training.control import ForwardedCommand

        rest = (start.resume_point,) if start.resume_point else ()
        for event in serve_viewers((train or trainer.train)(start.config, inbox, *rest), inbox):
            if not isinstance(event, ForwardedCommand):
                yield event
            elif isinstance(event.command, Quit):
                inbox.put(Stop())
                inbox.put(event.command)
            elif isinstance(event.command, Start):
                yield Notice(message="a run is going on: stop it before you start another")
            else:
                yield from answer(event.command)
    except Exception as error:
        # Whatever the fault is, the app and what it has saved outlive it.
        what = f"{type(error).__name__}: {first_line(error)}"
        yield RunFailed(reason="error", message=what)


def answer(command: Command) -> Iterator[Event]:
    """What can be answered whether or not a run is going on; other commands have no meaning now."""
    try:
        yield from _answer(command)
    except Exception as error:  # whatever it is, the next command is answered
        yield Notice(message=f"{type(error).__name__}: {first_line(error)}")


def _answer(command: Command) -> Iterator[Event]:
    match command:
        case ListDevices():
            from core.compute.devices import list_devices

            try:
                yield DevicesListed(devices=tuple(list_devices()))
            except Exception as error:  # a broken driver, say; the CPU is there all the same
                yield Notice(message=f"the devices cannot be listed: {first_line(error)}")
        case DescribeNetwork(arch=arch):
            from core.models.summary import describe_network

            try:
                yield describe_network(arch)
            except Exception as error:  # a fault in a network's own code
                yield Notice(message=f"the network {arch} cannot be shown: {first_line(error)}")
        case OpenCheckpoint(path=path) | ScoreCheckpoint(path=path) | PredictImagesWith(path=path):
            try:
                yield from _look_into(Path(path), command)
            except UserError as error:
                yield CheckpointRefused(path=path, message=str(error))
            except Exception as error:
                # Whatever is in a file, a run that goes on must not end for it.
                yield CheckpointRefused(path=path, message=f"{path}: {first_line(error)}")


def _look_into(path: Path, command: Command) -> Iterator[Event]:
    info, model = _load_model(path, path.stat().st_mtime_ns if os.path.exists(path) else 0)
    match command:
        case OpenCheckpoint(indices=indices, data=data):
            yield from _open(path, info, model, indices, data)
        case ScoreCheckpoint(data=data):
            yield from _score(path, info, model, data)
        case PredictImagesWith(images=images):
            from core.models.inference import describe_images

            digits = describe_images(model, images)
            yield ImagesPredicted(digits=digits, step=info.step, source=str(path))


def _digits_of(
    info: CheckpointInfo, data: str | None
) -> Generator[Event, None, tuple[str, Tensors]]:
    """Those that the checkpoint was trained on, in that folder, else where they were then."""
    from core.data import datasets
    from core.runs.resume import digits_folder

    return (yield from datasets.load_dataset(info.dataset, data or digits_folder(info.config)))


def _score(path: Path, info: CheckpointInfo, model: nn.Module, data: str | None) -> Iterator[Event]:
    from core.models.inference import predict
    from core.models.metrics import METRICS, confusion

    dataset, tensors = yield from _digits_of(info, data)
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
    from core.models.inference import describe_digits

    _, tensors = yield from _digits_of(info, data)
    yield Predicted(
        digits=describe_digits(model, tensors.test_images, tensors.test_labels, indices),
        samples=len(tensors.test_labels),
        step=info.step,
        source=str(path),
    )


@lru_cache(maxsize=1)
def _load_model(path: Path, changed: int) -> tuple[CheckpointInfo, nn.Module]:
    """The network in a file, kept while one pages through its digits, until the file changes."""
    from core.checkpoints.io import load_model

    return load_model(path)
