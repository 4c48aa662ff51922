"""Attach to a run that another process on this machine trains: find it, watch it, control it."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from time import sleep

from core.attach.sockets import connect, socket_name, sockets, why_ignored
from core.attach.wire import Hello, command_message, read_event, read_hello
from core.commands import Command
from core.errors import CheckpointError, UsageError, closest_match
from core.events import Event, RunFailed, RunFinished
from core.runs.catalog import read_run_info
from core.runs.description import is_live, read_description
from core.runs.event_reader import read_events
from core.runs.resolve import resolve_run

# Bytes of a message. The logits of 70,000 images have less.
LONGEST_MESSAGE = 2**23
RETRY_SECONDS = 0.3

# Returns what stands for the first N bytes of a run's events.jsonl, or for all of it (None).
Recall = Callable[[Path, int | None], Iterable[Event]]


class Connection:
    """A socket to a run's process. `hello` names the run, and how many bytes of its events.jsonl
    precede the events that the connection brings."""

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
        with suppress(OSError):  # the process does not read, or has ended
            self._peer.send(command_message(command), getattr(socket, "MSG_DONTWAIT", 0))

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
        last = deque(self._all_recorded(None), maxlen=1)
        if not last or not isinstance(last[0], RunFinished | RunFailed):
            yield _interrupted(self.folder)

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
        return islice(self._all_recorded(size), self._recorded, None)

    def _all_recorded(self, size: int | None) -> Iterator[Event]:
        return filter(None, read_events(self.folder, size))


def open_connection(folder: Path) -> Connection:
    """Connect to the run in a folder. Raises CheckpointError with the reason if that fails."""
    reasons = []
    for path in (each for each in sockets() if each.name == socket_name(folder)):
        if peer := connect(path):
            try:
                return Connection(peer)
            except CheckpointError as error:
                reasons.append(str(error))
    description = read_description(folder)
    if is_live(folder, description):
        reason = (
            next(iter(reasons), None) or why_ignored() or "this user can open none of its sockets"
        )
        process = description.get("pid")
        raise CheckpointError(
            f"cannot attach to {folder}, which process {process} trains: {reason}"
        )
    raise CheckpointError(_why_not_live(folder))


def _why_not_live(folder: Path) -> str:
    with suppress(OSError):
        if folder.stat().st_uid != os.getuid():
            return f"{folder} belongs to another user; only the user who started a run can attach"
    info = read_run_info(folder)
    name, status = folder.name, info.status if info else "unknown"
    if status in ("interrupted", "stopped"):
        how = "its process has died" if status == "interrupted" else "it was stopped"
        return f"{name} is not running: {how}; resume it with `mnist-tui resume {folder}`"
    if status in ("finished", "failed"):
        return f"{name} has {status}; inspect it with `mnist-tui runs show {folder}`"
    return f"{name} is not running (its status is {status})"


def _interrupted(folder: Path) -> RunFailed:
    """Return the last event of a run whose process ended without one."""
    how = f"resume it with `mnist-tui resume {folder}`"
    message = f"the process that trained {folder.name} has died; {how}"
    return RunFailed(reason="interrupted", message=message)


def find_live(name: str | None, folder: Path) -> Path:
    """Return the folder of a run in progress, by its name or folder; without a name, of the only
    one. `folder` is the one with the runs. Raises CheckpointError and UsageError."""
    live = dict.fromkeys(_live_folders())
    if name is None:
        if len(live) == 1:
            return next(iter(live))
        if live:
            raise UsageError(f"{len(live)} runs are in progress: name one of {_joined(live)}")
        why = why_ignored()
        raise CheckpointError(
            "no run is in progress here; start one with `mnist-tui train --detach`"
            + (f" ({why})" if why else "")
        )
    matches = {each: None for each in live if each.name == name}
    try:
        matches[Path(os.path.realpath(resolve_run(name, folder)))] = None
    except CheckpointError as error:
        if not matches:
            near = closest_match(name, [each.name for each in live])
            hint = f"; {near} is in progress, in {_parent(near, live)}" if near else ""
            raise CheckpointError(f"{error}{hint}") from None
    if len(matches) > 1:
        raise UsageError(
            f"{len(matches)} runs are called {name}; name one by its folder: {_joined(matches)}"
        )
    return next(iter(matches))


def _parent(name: str, live: dict[Path, None]) -> Path:
    return next(each.parent for each in live if each.name == name)


def _joined(folders: dict[Path, None]) -> str:
    return ", ".join(map(str, folders))


def _live_folders() -> Iterator[Path]:
    """Yield the folders of all runs of this user that reply."""
    for path in sockets():
        if peer := connect(path):
            with suppress(CheckpointError):
                connection = Connection(peer)
                connection.close()
                yield Path(connection.hello.folder)
