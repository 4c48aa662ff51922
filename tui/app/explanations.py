"""Questions about why a network answers as it does, sent to the network that a view shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from core.commands import Command
from core.config import TrainConfig
from core.questions import CancelExplanation, OfCheckpoint, OfUntrained, Question

if TYPE_CHECKING:
    from tui.app.app import MnistApp


class ExplanationRequests:
    """Sends one question at a time; a new one cancels the one before."""

    def __init__(self, app: MnistApp, next_config: Callable[[], TrainConfig]) -> None:
        """`next_config` returns the settings of the next run."""
        self._app, self._next_config = app, next_config
        self._number = 0
        self._asked: Command | None = None

    def ask(self, question: Question, path: str | None = None) -> int:
        """Send a question and return its number, which its answers have.

        It is about the checkpoint at `path`; without one, about the network in training, else the
        run's last checkpoint, else the network that the next run starts from.
        """
        self._number += 1
        question = replace(question, question=self._number)
        state, data = self._app.run_state, self._app.config.data
        if path is None and state.phase not in ("preparing", "training", "paused"):
            path = state.checkpoint
        if path is not None:
            command: Command = OfCheckpoint(path, question, data)
        elif state.is_active:
            command = question
        else:
            command = OfUntrained(self._next_config(), question)
        if type(self._asked) is not type(command):
            self.cancel()  # the one before is another network's
        self._asked = command
        self._app.send(command)
        return self._number

    def cancel(self) -> None:
        """Cancel the question that is being answered, by whichever process."""
        if self._asked is None:
            return
        cancel = CancelExplanation()
        if self._asked.name:
            self._app.send(cancel)
        else:
            self._app.runs.engine.send(cancel)
        self._asked = None
