"""Attach to a run that another process on this machine trains: find it, watch it, control it."""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from time import monotonic, sleep

from core.attach.sockets import connect, socket_name, sockets, why_ignored
from core.attach.wire import Hello, command_message, read_event, read_hello
from core.commands import Command
from core.errors import CheckpointError, UsageError, closest_match, quoted
from core.events import Event, RunFailed, RunFinished
from core.runs.catalog import read_run_info
from core.runs.description import is_live, read_description
from core.runs.event_reader import read_events
from core.runs.resolve import resolve_run

# Bytes of a message. The logits of 70,000 images have less.
LONGEST_MESSAGE = 2**23
RETRY_SECONDS = 0.3
# How long the screen waits for the rest of a large command to be read.
FINISH_SECONDS = 0.5

# Returns what stands for the first N bytes of a run's events.jsonl, or for all of it (None).
Recall = Callable[[Path, int | None], Iterable[Event]]


class Connection:
    """A socket to a run's process. `hello` names the run, and how many bytes of its events.jsonl
    precede the events that the connection brings. It may be by another version: `hello.problem`."""

    def __init__(self, peer: socket.socket) -> None:
        """Raises CheckpointError if there is no valid reply."""
        self._peer = peer
        self._file = peer.makefile("rb")
        try:
            hello = read_hello(self._file.readline(LONGEST_MESSAGE))
        except OSError:
            hello = "it does not reply"
        if isinstance(hello, str):
            self.close()
            self._file.close()
            raise CheckpointError(hello)
        self.hello: Hello = hello
        peer.settimeout(None)

    def events(self) -> Iterator[Event]:
        """Yield the run's events until the run or the connection ends."""
        with suppress(OSError, ValueError), self._file:  # closed at either end
            while line := self._file.readline(LONGEST_MESSAGE):
                if event := read_event(line):
                    yield event
                if isinstance(event, RunFinished | RunFailed):
                    return

    def send(self, command: Command) -> None:
        """Send a command, unless the process does not read, or has ended."""
        message = command_message(command)
        with suppress(OSError):
            sent = self._send_now(message)
            if sent < len(message):
                self._finish(message[sent:])

    def _send_now(self, message: bytes) -> int:
        return self._peer.send(message, getattr(socket, "MSG_DONTWAIT", 0))

    def _finish(self, rest: bytes) -> None:
        """Send what is left of a message of which a part was sent, or end the connection: the next
        command would be read as its end."""
        until = monotonic() + FINISH_SECONDS
        while rest and (left := until - monotonic()) > 0:
            if select.select([], [self._peer], [], left)[1]:
                with suppress(BlockingIOError):
                    rest = rest[self._send_now(rest) :]
        if rest:
            self._peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; a thread that waits for an event stops waiting."""
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()


class RemoteHost:
    """A run in another process on this machine. Closing it leaves the run alone."""

    def __init__(self, folder: Path, recall: Recall | None = None) -> None:
        """Connect to the run in `folder`. Raises CheckpointError with the reason if that fails.

        `recall` is called at each connection, for what happened before; the default returns the
        recorded events that `events` has not yielded yet.
        """
        self._connection = open_connection(folder)
        self.hello = self._connection.hello
        self.folder, self.pid = Path(self.hello.folder), self.hello.pid
        self._closed = False
        self._recall = recall or self._read_record
        self._recorded = 0  # recorded events that were yielded

    def send(self, command: Command) -> None:
        self._connection.send(command)

    def close(self) -> None:
        self._closed = True
        self._connection.close()

    def events(self) -> Iterator[Event]:
        """Yield the run's events, from its start to its end. Raises OSError.

        A viewer that reads too slowly is disconnected by the run, and connects again.
        """
        event: Event | None = None
        connected = True
        while connected:
            before = self._recall(self.folder, self._connection.hello.recorded)
            for event in chain(before, self._connection.events()):
                self._recorded += event.recorded
                yield event
            self._connection.close()
            if self._closed or isinstance(event, RunFinished | RunFailed):
                return
            connected = self._reconnect()
        if self._closed:
            return
        yield from self._recall(self.folder, None)
        last = deque(filter(None, read_events(self.folder)), maxlen=1)
        if not last or not isinstance(last[0], RunFinished | RunFailed):
            message = f"the process that trained {self.folder.name} has died"
            how = f"resume it with `mnist-tui resume {quoted(self.folder)}`"
            yield RunFailed(reason="interrupted", message=f"{message}; {how}")

    def _reconnect(self) -> bool:
        """Return whether there is a connection again; not if the run has ended."""
        while not self._closed:
            with suppress(CheckpointError):
                self._connection = open_connection(self.folder)
                if self._closed:  # meanwhile
                    self._connection.close()
                return not self._closed
            if not is_live(self.folder, read_description(self.folder)):
                return False
            sleep(RETRY_SECONDS)
        return False

    def _read_record(self, folder: Path, size: int | None) -> Iterator[Event]:
        return islice(filter(None, read_events(folder, size)), self._recorded, None)


def open_connection(folder: Path) -> Connection:
    """Connect to the run in a folder. Raises CheckpointError with the reason if that fails."""
    reason = ""
    for peer in filter(None, map(connect, sockets(socket_name(folder)))):
        try:
            connection = Connection(peer)
        except CheckpointError as error:
            reason = reason or str(error)
            continue
        if connection.hello.problem is None:
            return connection
        connection.close()
        reason = reason or connection.hello.problem
    description = read_description(folder)
    if not is_live(folder, description):
        raise CheckpointError(_why_not_live(folder))
    reason = reason or why_ignored() or "this user can open none of its sockets"
    trained = f"{folder}, which process {description.get('pid')} trains"
    raise CheckpointError(f"cannot attach to {trained}: {reason}")


def _why_not_live(folder: Path) -> str:
    with suppress(OSError):
        if folder.stat().st_uid != os.getuid():
            return f"{folder} belongs to another user; only the user who started a run can attach"
    info = read_run_info(folder)
    name, status = folder.name, info.status if info else "unknown"
    if status in ("interrupted", "stopped"):
        how = "its process has died" if status == "interrupted" else "it was stopped"
        return f"{name} is not running: {how}; resume it with `mnist-tui resume {quoted(folder)}`"
    if status in ("finished", "failed"):
        return f"{name} has {status}; inspect it with `mnist-tui runs show {quoted(folder)}`"
    return f"{name} is not running (its status is {status})"


def match_live(name: str | None, folder: Path, *, is_given: bool = False) -> list[Path]:
    """Return the folders of the runs in progress that are meant: by a name or folder one, or
    several of one name; without a name all of this user.

    `folder` is the one with the runs. Where a person has given it (`is_given`), only runs in it are
    meant, but for one that is named by its own folder. Raises CheckpointError.
    """
    everywhere = [*dict.fromkeys(_live_folders())]
    here = os.path.realpath(folder)
    live = [each for each in everywhere if not is_given or os.path.realpath(each.parent) == here]
    if name is None:
        if not live:
            where = f"in {folder}" if is_given else "here"
            why = f" ({reason})" if (reason := why_ignored()) else ""
            hint = "start one with `mnist-tui train --detach`"
            raise CheckpointError(f"no run is in progress {where}; {hint}{why}")
        return live
    matches = [each for each in live if each.name == name]
    try:
        found = Path(os.path.realpath(resolve_run(name, folder)))
    except CheckpointError as error:
        if matches:
            return matches
        near = closest_match(name, [each.name for each in everywhere])
        parents = [each.parent for each in everywhere if each.name == near]
        hint = f"; {near} is in progress, in {parents[0]}" if parents else ""
        raise CheckpointError(f"{error}{hint}") from None
    return [*dict.fromkeys([*matches, found])]


def several_live(name: str | None, folders: Sequence[Path]) -> UsageError:
    """Return the error that names the runs of which one must be chosen."""
    problem = f"runs are called {name}; name one by its folder:"
    if name is None:
        problem = "runs are in progress: name one of"
    return UsageError(f"{len(folders)} {problem} {', '.join(map(str, folders))}")


def _live_folders() -> Iterator[Path]:
    """Yield the folders of all runs of this user that reply, also by other versions."""
    for peer in filter(None, map(connect, sockets())):
        with suppress(CheckpointError):
            connection = Connection(peer)
            connection.close()
            yield Path(connection.hello.folder)
