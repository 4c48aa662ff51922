"""A viewer of a run, on the run's side: messages that wait to be sent, and commands received."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from time import monotonic
from weakref import WeakValueDictionary

from core.attach.wire import event_message, read_command
from core.commands import Command, Inspect, Predict, PredictImages
from core.events import Event
from core.questions import CancelExplanation, Question
from core.responses.explanations import Explanation

# Messages that wait for a viewer to read: of about half a minute.
MAX_WAITING = 300
MAX_COMMAND_BYTES = 2**17
COMMANDS_PER_SECOND = 20
MAX_REQUESTS = 8
CHUNK = 2**16


class EventMessage:
    """An event for several viewers, encoded once, when the first of them reads it."""

    def __init__(self, event: Event) -> None:
        self.event: Event | None = event  # None: it is not to be sent any more

    @cached_property
    def text(self) -> bytes:
        return event_message(event) if (event := self.event) else b""


class Viewer:
    """The methods do not wait. They raise OSError if the connection is closed, and ValueError for
    an invalid command and a viewer that does not read."""

    def __init__(
        self, peer: socket.socket, number: int, hello: bytes, waiting: list[EventMessage]
    ) -> None:
        """`number`, from 1, identifies the viewer. `hello` is the first message to it."""
        self.peer, self.number = peer, number
        self.waiting = deque(waiting)  # to be sent
        self.requests: deque[Command] = deque()  # for the network
        self.requested_at = 0.0  # when a request of this viewer was last passed on
        # The newest of each kind while they wait.
        self._explanations: WeakValueDictionary[type[Event], EventMessage] = WeakValueDictionary()
        self._writing = memoryview(hello)
        self._received = bytearray()
        self._not_before = 0.0  # when the next command is handled

    @property
    def is_behind(self) -> bool:
        return bool(self._writing or self.waiting)

    @property
    def is_full(self) -> bool:
        """Whether so much was received that the viewer has to wait."""
        return len(self._received) >= MAX_COMMAND_BYTES or len(self.requests) >= MAX_REQUESTS

    @property
    def has_unhandled(self) -> bool:
        return bool(self.requests) or b"\n" in self._received

    def queue(self, message: EventMessage) -> None:
        """Let a message wait to be sent. An explanation replaces the one of its kind that waits:
        it has what that has, or answers a newer question. So the large ones are few."""
        if isinstance(event := message.event, Explanation):
            if before := self._explanations.get(type(event)):
                before.event = None
            self._explanations[type(event)] = message
        self.waiting.append(message)

    def write(self) -> None:
        """Send as much as the viewer takes now."""
        with suppress(BlockingIOError):
            while self.is_behind:
                if not self._writing:
                    self._writing = memoryview(self.waiting.popleft().text)
                self._writing = self._writing[self.peer.send(self._writing[:CHUNK]) :]
        if len(self.waiting) > MAX_WAITING:
            raise ValueError("the viewer does not read")

    def read(self) -> None:
        """Receive what the viewer has sent."""
        with suppress(BlockingIOError):
            while not self.is_full:
                data = self.peer.recv(CHUNK)
                if not data:
                    raise ConnectionResetError
                self._received += data

    def commands(self) -> Iterator[Command]:
        """Yield the commands that are due. Requests are put aside, so that a pause goes first."""
        while len(self.requests) < MAX_REQUESTS and monotonic() >= self._not_before:
            end = self._received.find(b"\n")
            if end < 0:
                if self.is_full:
                    raise ValueError("a command without an end")
                return
            command = read_command(bytes(self._received[:end]))
            del self._received[: end + 1]
            self._not_before = monotonic() + 1 / COMMANDS_PER_SECOND
            match command:
                case None:
                    raise ValueError("an invalid command")
                case Predict() | PredictImages():
                    self.requests.append(replace(command, asker=self.number))
                case Inspect():
                    self.requests.append(command)
                case CancelExplanation():
                    yield replace(command, asker=self.number)
                case question if isinstance(question, Question):  # these wait for their share
                    yield replace(question, asker=self.number)
                case other:
                    yield other
