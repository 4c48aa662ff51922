"""One viewer of a run, seen from the run: what it has yet to read, and what it has said."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from time import monotonic

from core.attach.wire import event_line, read_command
from core.commands import Command, Inspect, Predict, PredictImages
from core.events import Event

# Lines that it has not read yet: of half a minute or so.
MOST_WAITING = 300
LONGEST_COMMAND = 2**17
COMMANDS_PER_SECOND = 20
MOST_QUESTIONS = 8
CHUNK = 2**16


class Line:
    """An event on its way to several viewers; made into text once, when the first one reads."""

    def __init__(self, event: Event) -> None:
        self.event = event

    @cached_property
    def text(self) -> bytes:
        return event_line(self.event)


class Greeting:
    """What a viewer reads first."""

    def __init__(self, text: bytes) -> None:
        self.text = text


class Viewer:
    """Nothing here waits. Raises OSError where the other end has gone, and ValueError where it says
    what cannot be meant or does not read."""

    def __init__(self, peer: socket.socket, number: int, waiting: list[Line | Greeting]) -> None:
        """`number`, from 1, tells it from the others."""
        self.peer, self.number = peer, number
        self.waiting = deque(waiting)  # to be written
        self.questions: deque[Command] = deque()  # to be asked of the network
        self.asked_at = 0.0  # when a question of its was last asked
        self._writing = memoryview(b"")
        self._heard = bytearray()
        self._not_before = 0.0  # when its next command is heard

    @property
    def behind(self) -> bool:
        return bool(self._writing or self.waiting)

    @property
    def full(self) -> bool:
        """It has said so much that it must wait."""
        return len(self._heard) >= LONGEST_COMMAND or len(self.questions) >= MOST_QUESTIONS

    @property
    def unheard(self) -> bool:
        return bool(self.questions) or b"\n" in self._heard

    def write(self) -> None:
        """As much as it takes now."""
        with suppress(BlockingIOError):
            while self.behind:
                if not self._writing:
                    self._writing = memoryview(self.waiting.popleft().text)
                self._writing = self._writing[self.peer.send(self._writing[:CHUNK]) :]
        if len(self.waiting) > MOST_WAITING:
            raise ValueError("it does not read")

    def read(self) -> None:
        """What it has said meanwhile."""
        with suppress(BlockingIOError):
            while not self.full:
                said = self.peer.recv(CHUNK)
                if not said:
                    raise ConnectionResetError
                self._heard += said

    def commands(self) -> Iterator[Command]:
        """Those whose time has come; questions are put aside, so that a pause need not wait."""
        while len(self.questions) < MOST_QUESTIONS and monotonic() >= self._not_before:
            end = self._heard.find(b"\n")
            if end < 0:
                if self.full:
                    raise ValueError("a line without an end")
                return
            command = read_command(bytes(self._heard[:end]))
            del self._heard[: end + 1]
            self._not_before = monotonic() + 1 / COMMANDS_PER_SECOND
            match command:
                case None:
                    raise ValueError("no command")
                case Predict() | PredictImages():
                    self.questions.append(replace(command, asker=self.number))
                case Inspect():
                    self.questions.append(command)
                case other:
                    yield other
