"""Serve the viewers of a run: its events go to each viewer, their commands to the run's inbox.

The training thread only queues events. A thread of its own sends them. It disconnects a viewer that
does not read, or that sends an invalid command.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from time import monotonic

from core.attach.sockets import is_ours, listen
from core.attach.viewer import EventMessage, Viewer
from core.attach.wire import hello_message
from core.commands import Inbox
from core.errors import CheckpointError
from core.event_json import EVENT_TYPES
from core.events import DigitsLoaded, Event, Notice, RunStarted, Scored
from core.questions import ForgetAsker
from core.responses.layers import NetworkInspected
from core.responses.predictions import ImagesPredicted, Predicted
from core.runs.layout import EVENTS_FILE

MAX_VIEWERS = 16
# The share of training time for the requests of all viewers: training waits for each response.
REQUEST_SHARE = 0.02
# After this time no response to a request is expected any more.
RESPONSE_SECONDS = 5.0
# The predictions of the newest evaluations, as many as a screen can step back through.
MAX_SCORED, MAX_SCORED_BYTES = 32, 64 * 2**20
# Between checks of commands that wait until they are due, and of whether the socket exists.
SOON, SELDOM = 0.05, 1.0
# How long the last events may take to reach the viewers at the run's end.
CLOSING_SECONDS = 1.0


def serve_viewers(events: Iterator[Event], inbox: Inbox) -> Iterator[Event]:
    """Yield a run's events, and serve viewers from its start to its end. A response to a viewer's
    request goes to that viewer only.

    If there can be no socket, a Notice says so, and the run continues without viewers.
    """
    server: ViewerServer | None = None
    try:
        for event in events:
            if isinstance(event, RunStarted) and server is None and os.path.isdir(event.folder):
                try:
                    server = ViewerServer(Path(event.folder), inbox)
                except (CheckpointError, OSError) as error:
                    yield Notice(message=f"this run cannot be attached to: {error}")
            if server and event.name in EVENT_TYPES:
                server.send(event)
            if not getattr(event, "asker", 0):
                yield event
    finally:
        if server:
            server.close()


class ViewerServer:
    """The socket of a run, and the thread that serves it until `close`."""

    def __init__(self, folder: Path, inbox: Inbox) -> None:
        """Raises CheckpointError and OSError."""
        self._folder, self._inbox = folder, inbox
        # A new viewer gets earlier events from events.jsonl and from what is kept here, and later
        # ones from its queue. The lock prevents that an event falls between the two.
        self._lock = Lock()
        self._viewers: dict[int, Viewer] = {}
        self._digits: list[EventMessage] = []
        self._scored: deque[EventMessage] = deque(maxlen=MAX_SCORED)
        self._recorded = 0
        self._counted = 0
        self._requested_at = self._next_request_at = 0.0
        self._response_until = 0.0  # so long the response to a request is expected
        self._ends_at: float | None = None
        self._server = listen(folder)
        self._inode = self._socket_inode()
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._thread = Thread(target=self._serve, name="viewers", daemon=True)
        self._thread.start()

    # On the training thread

    def send(self, event: Event) -> None:
        asker = getattr(event, "asker", None)
        if asker == 0:
            return  # a response to the run's own screen
        message = EventMessage(event)
        with self._lock:
            with suppress(OSError):
                self._recorded = (self._folder / EVENTS_FILE).stat().st_size
            # Later viewers need these, and they are not in events.jsonl.
            if isinstance(event, DigitsLoaded):
                self._digits = [message]
            elif isinstance(event, Scored):
                self._scored.append(message)
                while len(self._scored) > max(1, MAX_SCORED_BYTES // max(1, len(event.logits))):
                    self._scored.popleft()
            receivers = [self._viewers.get(asker)] if asker else [*self._viewers.values()]
            for viewer in filter(None, receivers):
                viewer.queue(message)
        if isinstance(event, Predicted | ImagesPredicted | NetworkInspected):
            self._next_request_at = self._requested_at + event.seconds / REQUEST_SHARE
            self._response_until = 0.0
        if receivers:
            self._wake()

    def close(self) -> None:
        """Wait a moment until the viewers have the last events, and end."""
        self._ends_at = monotonic() + CLOSING_SECONDS
        self._wake()
        self._thread.join(2 * CLOSING_SECONDS)
        if not self._thread.is_alive():
            self._woken.close()
            self._waker.close()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # enough wake-ups are waiting
            self._waker.send(b".")

    # On its own thread

    def _serve(self) -> None:
        try:
            while not self._ended():
                self._wait()
                self._accept()
                for viewer in [*self._viewers.values()]:
                    self._serve_viewer(viewer)
                self._send_request()
        finally:
            self._close_sockets()

    def _ended(self) -> bool:
        if self._ends_at is None:
            return False
        return monotonic() > self._ends_at or not any(v.is_behind for v in self._viewers.values())

    def _wait(self) -> None:
        """Wait until there is something to do."""
        self._restore_socket()
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            for viewer in self._viewers.values():
                events = selectors.EVENT_WRITE if viewer.is_behind else 0
                events |= 0 if viewer.is_full else selectors.EVENT_READ
                if events:
                    selector.register(viewer.peer, events)
            has_unhandled = any(viewer.has_unhandled for viewer in self._viewers.values())
            selector.select(SOON if has_unhandled else SELDOM)
        with suppress(BlockingIOError):
            self._woken.recv(2**16)

    def _accept(self) -> None:
        try:
            peer, _ = self._server.accept()
        except OSError:
            return
        peer.setblocking(False)
        if not is_ours(peer) or len(self._viewers) >= MAX_VIEWERS:
            full = f"it already has {MAX_VIEWERS} viewers"
            refused = full if is_ours(peer) else "it belongs to another user"
            with suppress(OSError):
                peer.send(hello_message(refused=refused))
            peer.close()
            return
        with self._lock:
            self._counted += 1
            hello = hello_message(
                run=self._folder.name,
                folder=os.path.realpath(self._folder),
                pid=os.getpid(),
                recorded=self._recorded,
            )
            waiting = [*self._digits, *self._scored]
            self._viewers[self._counted] = Viewer(peer, self._counted, hello, waiting)

    def _serve_viewer(self, viewer: Viewer) -> None:
        try:
            viewer.write()
            viewer.read()
            for command in viewer.commands():
                self._inbox.put(command)
        except (OSError, ValueError):
            viewer.peer.close()
            with self._lock:
                del self._viewers[viewer.number]
            self._inbox.put(ForgetAsker(viewer.number))

    def _send_request(self) -> None:
        """Pass the next request on, unless one is waiting for its response. Viewers take turns."""
        now = monotonic()
        viewers = [viewer for viewer in self._viewers.values() if viewer.requests]
        if not viewers or now < self._next_request_at or now <= self._response_until:
            return
        viewer = min(viewers, key=lambda each: each.requested_at)
        viewer.requested_at = self._requested_at = now
        self._response_until = now + RESPONSE_SECONDS
        self._inbox.put(viewer.requests.popleft())

    def _restore_socket(self) -> None:
        """Listen again if the socket was removed, as systemd does at the end of a login."""
        if self._socket_inode() == self._inode:
            return
        with suppress(CheckpointError, OSError):
            server = listen(self._folder)
            self._server.close()
            self._server = server
            self._inode = self._socket_inode()

    def _socket_inode(self) -> int | None:
        try:
            return os.stat(self._server.getsockname()).st_ino
        except OSError:
            return None

    def _close_sockets(self) -> None:
        if self._socket_inode() == self._inode:
            with suppress(OSError):
                os.unlink(self._server.getsockname())
        self._server.close()
        for viewer in self._viewers.values():
            viewer.peer.close()
