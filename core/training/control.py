"""Handles the commands that a run gets between two of its steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from queue import Empty
from time import perf_counter
from typing import TYPE_CHECKING

from torch import nn

from core import commands
from core.config import find_problem
from core.digit import Digit, with_class_names
from core.events import Detached, Event, LearningRateChanged, Notice, Paused, Resumed
from core.explain.asked import NetworkAsked
from core.explain.subject import Subject, copy_network
from core.models.inference import predict_digits, predict_images
from core.novelty.sign import find_cached_detector, mark_unlike
from core.questions import Question
from core.responses.layers import NetworkInspected
from core.responses.predictions import ImagesPredicted, Predicted
from core.runs.layout import LAST
from core.training.diagnostics import copy_weights, inspect

if TYPE_CHECKING:
    from core.training.loop import TrainingLoop


def handle_commands(loop: TrainingLoop) -> Iterator[Event]:
    """Handle the commands in the inbox, in order; while paused, wait here without using the CPU."""
    paused = False
    while (paused or not loop.inbox.empty()) and not loop.stopping:
        if paused:  # also while many commands come
            yield from loop.writer.poll()
        command = None
        if loop.turn and loop.inbox.empty():  # the others train meanwhile
            yield from loop.wait_turn(is_waiting=True)
        else:
            with suppress(Empty):
                command = loop.inbox.get(timeout=loop.writer.poll_seconds)
        match command:
            case None:
                pass
            case commands.Pause() if not paused:
                paused = True
                yield from loop.report()
                yield Paused(step=loop.step)
                loop.save()
                if before := loop.weights_before:  # the step that they were kept for is not next
                    loop.weights_before = None
                    yield _inspect(loop, before.wanted)
            case commands.Resume() if paused:
                paused = False
                yield Resumed(step=loop.step)
            case commands.Pause() | commands.Resume():
                pass
            case commands.Stop():
                loop.stopping = True
            case commands.Detach():
                loop.stopping = True
                folder = loop.run.folder
                config = asdict(loop.config) | {"dataset": loop.setup.dataset}
                loop.detached = Detached(
                    folder=str(folder), checkpoint=str(folder / LAST), config=config, paused=paused
                )
            case commands.Save():
                yield from loop.report()
                loop.save()
            case commands.SetLearningRate(learning_rate=rate):
                yield from _set_learning_rate(loop, rate)
            case commands.Inspect() if paused:
                yield _inspect(loop, command)
            case commands.Inspect():
                loop.weights_before = copy_weights(loop.learner, command)
            case commands.Predict(indices=indices, asker=asker):
                yield _predict(loop, indices, asker)
            case commands.PredictImages():
                yield _predict_images(loop, command)
            case question if isinstance(question, Question):
                yield NetworkAsked(question=question, take=partial(_copy, loop))
            case other:
                yield commands.ForwardedCommand(command=other)


def _set_learning_rate(loop: TrainingLoop, rate: float) -> Iterator[Event]:
    if why := find_problem("learning_rate", rate):
        yield Notice(message=f"the learning rate {why}; it was not changed")
        return
    yield from loop.report()
    loop.config = replace(loop.config, learning_rate=rate)
    yield LearningRateChanged(step=loop.step, learning_rate=rate)


def _inspect(loop: TrainingLoop, wanted: commands.Inspect) -> NetworkInspected:
    return inspect(loop.learner, loop.step, loop.tensors, wanted, names=loop.class_names)


def _predict(loop: TrainingLoop, indices: tuple[int, ...], asker: int) -> Predicted:
    images, labels = loop.tensors.test_images, loop.tensors.test_labels
    since = perf_counter()
    with _evaluation_mode(loop) as model:
        digits = predict_digits(model, images, labels, indices)
        digits = _mark(loop, with_class_names(digits, loop.class_names))
    seconds, samples = perf_counter() - since, len(labels)
    return Predicted(digits=digits, samples=samples, step=loop.step, seconds=seconds, asker=asker)


def _predict_images(loop: TrainingLoop, wanted: commands.PredictImages) -> ImagesPredicted:
    since = perf_counter()
    with _evaluation_mode(loop) as model:
        digits = with_class_names(predict_images(model, wanted.images), loop.class_names)
        if wanted.marks:
            digits = _mark(loop, digits)
    return ImagesPredicted(
        digits=digits,
        step=loop.step,
        seconds=perf_counter() - since,
        asker=wanted.asker,
        question=wanted.question,
    )


def _copy(loop: TrainingLoop) -> Subject:
    """Return the network as it is now, for questions whose answers take longer than a step."""
    return Subject(
        model=copy_network(loop.learner.model),
        step=loop.step,
        arch=loop.arch,
        class_names=loop.class_names,
        test=loop.tensors.without_training(),
    )


def _mark(loop: TrainingLoop, digits: tuple[Digit, ...]) -> tuple[Digit, ...]:
    """Mark the digits that are unlike any, where that costs no more than a prediction: training
    does not wait until a detector has been made."""
    return mark_unlike(digits, find_cached_detector(loop.setup.dataset))


@contextmanager
def _evaluation_mode(loop: TrainingLoop) -> Iterator[nn.Module]:
    """Return the model to its mode afterwards: a command may come while it is being evaluated."""
    model = loop.learner.model
    mode = model.training
    try:
        yield model
    finally:
        model.train(mode)
