"""Questions about a network: that of the run in progress, of a checkpoint or an untrained one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from core.commands import Command, ForwardedCommand, Inbox
from core.data.datasets import find_dataset
from core.data.local_datasets import load_local
from core.engine.requests import load_newest
from core.engine.untrained import find_local_images, load_untrained
from core.errors import UsageError
from core.events import Event, Paused, Resumed, RunStarted
from core.explain.asked import NetworkAsked
from core.questions import (
    CancelExplanation,
    ContinueExplaining,
    ForgetAsker,
    OfCheckpoint,
    OfUntrained,
    Question,
)
from core.responses.layers import UNTRAINED

if TYPE_CHECKING:
    from core.explain.explainer import Explainer
    from core.explain.subject import Subject

# Handled in the pipeline of a run, before its viewers.
HANDLED = (
    Question | OfCheckpoint | OfUntrained | CancelExplanation | ForgetAsker | ContinueExplaining
)
NO_NETWORK = "no network is in training: start training, or open a checkpoint"


class Questions:
    """Answers questions during a run and otherwise; all of them share one Explainer."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._explainer: Explainer | None = None
        self._is_training = False

    def set_training(self, is_training: bool) -> None:
        """Set whether a run in this process trains, and is not paused."""
        self._is_training = is_training
        if self._explainer:
            self._explainer.set_training(is_training)

    def end_run(self) -> None:
        """Drop what is of the run's viewers: there is no run any more."""
        self.set_training(False)
        if self._explainer:
            self._explainer.forget_viewers()

    def answer(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yield the events of a run, and the answers to questions in place of the questions."""
        for event in events:
            match event:
                case NetworkAsked():
                    self._get().begin(event.question, event.take)
                case ForwardedCommand(command=command) if isinstance(command, HANDLED):
                    yield from self.handle(command)
                case RunStarted() | Resumed() | Paused():
                    self.set_training(not isinstance(event, Paused))
                    yield event
                case _:
                    yield event

    def handle(self, command: Command) -> Iterator[Event]:
        """Yield the responses to a command; none to other commands."""
        match command:
            case OfCheckpoint():
                self._get().begin(command.question, partial(_load, command))
            case OfUntrained():
                self._get().begin(command.question, partial(_build, command))
            case CancelExplanation() if self._explainer:
                self._explainer.cancel(command.asker)
            case ForgetAsker() if self._explainer:
                self._explainer.forget(command.asker)
            case ContinueExplaining() if self._explainer:
                yield from self._explainer.proceed()
            # A viewer's question that its run has not handled any more gets no answer.
            case question if isinstance(question, Question) and not question.asker:
                self._get().begin(question, _find_none)

    def _get(self) -> Explainer:
        if self._explainer is None:
            from core.explain.explainer import Explainer  # which imports torch

            self._explainer = Explainer(self._inbox)
            self._explainer.set_training(self._is_training)
        return self._explainer


def _find_none() -> Subject:
    raise UsageError(NO_NETWORK)


def _load(command: OfCheckpoint) -> Subject:
    """Return the network of a checkpoint. Raises UserError."""
    from core.explain.subject import Subject, copy_network
    from core.runs.data_folder import digits_folder

    info, model = load_newest(command.path)
    test = load_local(info.dataset, command.data or digits_folder(info.dataset, info.config))
    return Subject(
        model=copy_network(model),
        step=info.step,
        arch=info.spec,
        class_names=info.class_names,
        test=test.without_training() if test else None,
        source=command.path,
    )


def _build(command: OfUntrained) -> Subject:
    """Return the network that a run starts from. Raises UserError."""
    from core.explain.subject import Subject, copy_network

    config = command.config
    found = find_local_images(config)
    network = config.network
    return Subject(
        model=copy_network(load_untrained(network, config.seed)),
        step=0,
        arch=config.arch,
        class_names=find_dataset(found[0] if found else config.dataset).class_names,
        test=found[1].without_training() if found else None,
        source=UNTRAINED,
    )
