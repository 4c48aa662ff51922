"""What a run is told between two of its steps, and what it does then."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from queue import Empty
from time import perf_counter
from typing import TYPE_CHECKING

from torch import nn

from core.commands import (
    Command,
    Detach,
    ForwardedCommand,
    Inspect,
    Pause,
    Predict,
    PredictImages,
    Resume,
    Save,
    SetLearningRate,
    Stop,
)
from core.config import find_problem
from core.events import (
    Detached,
    Event,
    ImagesPredicted,
    LearningRateChanged,
    Notice,
    Paused,
    Predicted,
    Resumed,
)
from core.models.inference import describe_digits, describe_images
from core.runs.layout import LAST
from core.training.diagnostics import copy_weights, inspect

if TYPE_CHECKING:
    from core.training.loop import TrainingLoop


def handle_commands(session: TrainingLoop) -> Iterator[Event]:
    """Does what was asked, in order; while paused, waits here and uses no CPU."""
    paused = False
    while (paused or not session.inbox.empty()) and not session.stopping:
        match (yield from _next_command(session)):
            case Pause() if not paused:
                paused = True
                yield from session.report()
                yield Paused(step=session.step)
                session.save()
                if session.before:  # that step may be long in coming
                    session.before = None
                    yield inspect(session.learner, session.step)
            case Resume() if paused:
                paused = False
                yield Resumed(step=session.step)
            case Pause() | Resume():
                pass
            case Stop():
                session.stopping = True
            case Detach():
                session.stopping = True
                session.handing_over = Detached(
                    folder=str(session.run.folder),
                    checkpoint=str(session.run.folder / LAST),
                    config=asdict(session.config) | {"dataset": session.dataset},
                    paused=paused,
                )
            case Save():
                yield from session.report()
                session.save()
            case SetLearningRate(learning_rate=rate):
                yield from _set_learning_rate(session, rate)
            case Inspect() if paused:
                yield inspect(session.learner, session.step)
            case Inspect():
                session.before = copy_weights(session.learner)
            case Predict(indices=indices, asker=asker):
                yield _predict(session, indices, asker)
            case PredictImages(images=images, asker=asker):
                with _evaluating(session) as model:
                    digits = describe_images(model, images)
                yield ImagesPredicted(digits=digits, step=session.step, asker=asker)
            case other:
                yield ForwardedCommand(command=other)


def _next_command(session: TrainingLoop) -> Generator[Event, None, Command]:
    """Waits for it, and tells meanwhile of what has been saved."""
    while (seconds := session.saver.seconds) is not None:
        with suppress(Empty):
            return session.inbox.get(timeout=seconds)
        yield from session.saver.written()
    return session.inbox.get()


def _set_learning_rate(session: TrainingLoop, rate: float) -> Iterator[Event]:
    if why := find_problem("learning_rate", rate):
        yield Notice(message=f"the learning rate {why}; it stays as it was")
        return
    yield from session.report()
    session.config = replace(session.config, learning_rate=rate)
    yield LearningRateChanged(step=session.step, learning_rate=rate)


def _predict(session: TrainingLoop, indices: tuple[int, ...], asker: int) -> Predicted:
    images, labels = session.tensors.test_images, session.tensors.test_labels
    since = perf_counter()
    with _evaluating(session) as model:
        digits = describe_digits(model, images, labels, indices)
    return Predicted(
        digits=digits,
        samples=len(labels),
        step=session.step,
        seconds=perf_counter() - since,
        asker=asker,
    )


@contextmanager
def _evaluating(session: TrainingLoop) -> Iterator[nn.Module]:
    """The network, which is put back into the mode that it was in."""
    model = session.learner.model
    mode = model.training
    try:
        yield model
    finally:
        model.train(mode)
