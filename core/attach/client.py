"""A run that goes on elsewhere on this machine: found, listened to, and told what to do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from time import sleep

from core.attach.sockets import connect, socket_name, sockets, why_not_here
from core.attach.wire import Hello, command_line, read_event, read_hello
from core.commands import Command
from core.errors import CheckpointError, UsageError, closest_match
from core.events import Event, RunFailed, RunFinished
from core.runs.catalog import read_run_info
from core.runs.description import is_live, read_description
from core.runs.event_reader import read_events
from core.runs.resolve import resolve_run

# Of a line: all guesses of 70,000 digits have less.
LONGEST_LINE = 2**23
RETRY_SECONDS = 0.3


class Connection:
    """A connection to the process that trains a run. `hello` says which, and how much of the run's
    events.jsonl came before what the connection tells."""

    def __init__(self, peer: socket.socket) -> None:
        """Raises CheckpointError where that does not answer, or not so that it is understood."""
        self.closed = False  # at this end
        self._peer = peer
        self._file = peer.makefile("rb")
        try:
            hello = read_hello(self._file.readline(LONGEST_LINE))
        except OSError:
            hello = "it does not answer"
        if isinstance(hello, str):
            self.close()
            raise CheckpointError(hello)
        self.hello: Hello = hello
        self.folder = Path(hello.folder)
        peer.settimeout(None)

    def events(self) -> Iterator[Event]:
        """What it tells, until the run has ended or the connection has."""
        with suppress(OSError, ValueError):  # closed, here or there
            while line := self._file.readline(LONGEST_LINE):
                if event := read_event(line):
                    yield event
                if isinstance(event, RunFinished | RunFailed):
                    return

    def send(self, command: Command) -> None:
        """Waits for nobody: a process that does not hear is not told."""
        with suppress(OSError):
            self._peer.send(command_line(command), getattr(socket, "MSG_DONTWAIT", 0))

    def close(self) -> None:
        """For any thread: who waits for an event of it waits no longer."""
        self.closed = True
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()


def find_live(name: str | None, folder: Path) -> Path:
    """The folder of the run that goes on and is meant by its name or folder; without a name, of the
    only one that does. Raises CheckpointError and UsageError.
    """
    live = dict.fromkeys(_live_folders())
    if name is None:
        if len(live) == 1:
            return next(iter(live))
        if live:
            raise UsageError(f"{len(live)} runs go on: name one of {_listed(live)}")
        why = why_not_here()
        raise CheckpointError(
            "no run goes on here; start one with `mnist-tui train --detach`"
            + (f" ({why})" if why else "")
        )
    meant = {each: None for each in live if each.name == name}
    try:
        meant[Path(os.path.realpath(resolve_run(name, folder)))] = None
    except CheckpointError as error:
        if not meant:
            near = closest_match(name, [each.name for each in live])
            hint = f"; {near} goes on, in {_parent(near, live)}" if near else ""
            raise CheckpointError(f"{error}{hint}") from None
    if len(meant) > 1:
        raise UsageError(
            f"{len(meant)} runs are called {name}; name one by its folder: {_listed(meant)}"
        )
    return next(iter(meant))


def _parent(name: str, live: dict[Path, None]) -> Path:
    return next(each.parent for each in live if each.name == name)


def _listed(folders: dict[Path, None]) -> str:
    return ", ".join(map(str, folders))


def _live_folders() -> Iterator[Path]:
    """Those of all runs of this user that answer."""
    for path in sockets():
        if peer := connect(path):
            with suppress(CheckpointError):
                connection = Connection(peer)
                connection.close()
                yield connection.folder


def follow(folder: Path) -> Connection:
    """To the run in that folder. Raises CheckpointError that says why there is no way to it."""
    whys = []
    for path in (each for each in sockets() if each.name == socket_name(folder)):
        if peer := connect(path):
            try:
                return Connection(peer)
            except CheckpointError as error:
                whys.append(str(error))
    described = read_description(folder)
    if is_live(folder, described):
        why = next(iter(whys), None) or why_not_here() or "it has no socket that this user can open"
        raise CheckpointError(
            f"{folder} goes on in process {described.get('pid')}, but cannot be attached to: {why}"
        )
    raise CheckpointError(_why_not_live(folder))


def _why_not_live(folder: Path) -> str:
    with suppress(OSError):
        if folder.stat().st_uid != os.getuid():
            return f"{folder} belongs to another user; only whoever started a run can attach to it"
    listed = read_run_info(folder)
    name, status = folder.name, listed.status if listed else "unknown"
    if status in ("interrupted", "stopped"):
        how = "its process has died" if status == "interrupted" else "it was stopped"
        return f"{name} does not go on: {how}; take it up with `mnist-tui resume {folder}`"
    if status in ("finished", "failed"):
        return f"{name} has {status}; look at it with `mnist-tui runs show {folder}`"
    return f"{name} does not go on (its status is {status})"


def connections(connection: Connection) -> Iterator[Connection]:
    """It, and when it has broken a new one, while the run goes on and nobody leaves it."""
    while True:
        yield connection
        while not connection.closed:
            try:
                connection = follow(connection.folder)
                break
            except CheckpointError:
                if not is_live(connection.folder, read_description(connection.folder)):
                    return
                sleep(RETRY_SECONDS)
        else:
            return


def followed(first: Connection) -> Iterator[Event]:
    """All that a run tells, each event once: from its record what came before, and then what it
    tells now, until it has ended."""
    recorded, event = 0, None
    for connection in connections(first):
        before = filter(None, read_events(connection.folder, connection.hello.recorded))
        for event in chain(islice(before, recorded, None), connection.events()):
            recorded += event.recorded
            yield event
        if isinstance(event, RunFinished | RunFailed):
            return
    for event in islice(filter(None, read_events(first.folder)), recorded, None):
        yield event
    if not isinstance(event, RunFinished | RunFailed):
        yield interrupted(first.folder, None)


def interrupted(folder: Path, checkpoint: str | None) -> RunFailed:
    """What is told of a run whose process has gone without a word."""
    how = f"take it up with `mnist-tui resume {folder}`"
    message = f"the process that trained {folder.name} has died; {how}"
    return RunFailed(reason="interrupted", message=message, checkpoint=checkpoint)
