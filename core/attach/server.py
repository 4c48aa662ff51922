"""A run that can be watched and told from elsewhere: its events to every viewer, their commands to
its inbox.

Training hands each event over and goes on. All else is on a thread of its own, which waits for
nobody: a viewer that does not read is cut off, and so is one that says what cannot be meant.
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
from core.attach.viewer import Greeting, Line, Viewer
from core.attach.wire import hello_line
from core.commands import Inbox
from core.errors import CheckpointError
from core.event_json import EVENT_TYPES
from core.events import DigitsLoaded, Event, Notice, RunStarted, Scored
from core.responses import ImagesPredicted, NetworkInspected, Predicted
from core.runs.layout import EVENTS_FILE

MOST_VIEWERS = 16
# A question holds training up: so much of its time may go to viewers' questions, all together.
QUESTIONS_SHARE = 0.02
# After this a question is taken for one that will not be answered.
ANSWER_SECONDS = 5.0
# The newest evaluations' guesses, as many as a screen steps back through.
MOST_SCORED = 32
# Between two looks at what waits for its time; at whether the socket is still there.
SOON, SELDOM = 0.05, 1.0
# How long the last events may take to reach the viewers, once the run has ended.
FAREWELL_SECONDS = 1.0


def serve_viewers(events: Iterator[Event], inbox: Inbox) -> Iterator[Event]:
    """A run's events, with viewers beside it from its start to its end. What a viewer has asked is
    answered to that one alone."""
    sharing: Sharing | None = None
    try:
        for event in events:
            if isinstance(event, RunStarted) and sharing is None and os.path.isdir(event.folder):
                try:
                    sharing = Sharing(Path(event.folder), inbox)
                except (CheckpointError, OSError) as error:
                    yield Notice(message=f"nobody can attach to this run: {error}")
            if sharing and event.name in EVENT_TYPES:
                sharing.tell(event)
            if not _asker(event):
                yield event
    finally:
        if sharing:
            sharing.close()


def _asker(event: Event) -> int:
    return event.asker if isinstance(event, Predicted | ImagesPredicted) else 0


class Sharing:
    """The socket of a run, and the thread that serves it until `close`."""

    def __init__(self, folder: Path, inbox: Inbox) -> None:
        """Raises CheckpointError and OSError."""
        self._folder, self._inbox = folder, inbox
        # A viewer that comes has all that was told before from the record and from what is kept,
        # and all later events from its own queue: between the two nothing may be told.
        self._lock = Lock()
        self._viewers: dict[int, Viewer] = {}
        self._digits: list[Line] = []
        self._scored: deque[Line] = deque(maxlen=MOST_SCORED)
        self._recorded = 0
        self._counted = 0
        self._asked_at: float | None = None  # when the question was asked that is not answered yet
        self._ask_after = 0.0
        self._ends_at: float | None = None
        self._server = listen(folder)
        self._inode = self._socket_inode()
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._thread = Thread(target=self._serve, name="viewers", daemon=True)
        self._thread.start()

    # On the thread that trains

    def tell(self, event: Event) -> None:
        asker = _asker(event)
        if isinstance(event, Predicted | ImagesPredicted) and not asker:
            return  # the run's own screen has asked
        line = Line(event)
        with self._lock:
            self._recorded = self._record_bytes()
            self._keep(line)
            hearing = [self._viewers.get(asker)] if asker else [*self._viewers.values()]
            for viewer in filter(None, hearing):
                viewer.waiting.append(line)
        if isinstance(event, Predicted | ImagesPredicted | NetworkInspected):
            self._ask_after = monotonic() + getattr(event, "seconds", 0.0) / QUESTIONS_SHARE
            self._asked_at = None
        if hearing:
            self._wake()

    def close(self) -> None:
        """Waits a moment until the viewers have the last events."""
        self._ends_at = monotonic() + FAREWELL_SECONDS
        self._wake()
        self._thread.join(2 * FAREWELL_SECONDS)
        if not self._thread.is_alive():
            self._woken.close()
            self._waker.close()

    def _keep(self, line: Line) -> None:
        """What those who come later must know and is not in the record."""
        if isinstance(line.event, DigitsLoaded):
            self._digits = [line]
        elif isinstance(line.event, Scored):
            self._scored.append(line)

    def _record_bytes(self) -> int:
        try:
            return (self._folder / EVENTS_FILE).stat().st_size
        except OSError:
            return self._recorded

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # it has been woken often enough
            self._waker.send(b".")

    # On its own thread

    def _serve(self) -> None:
        try:
            while not self._ended():
                self._wait()
                self._accept()
                for viewer in [*self._viewers.values()]:
                    self._attend(viewer)
                self._ask()
        finally:
            self._leave()

    def _ended(self) -> bool:
        if self._ends_at is None:
            return False
        return monotonic() > self._ends_at or not any(v.behind for v in self._viewers.values())

    def _wait(self) -> None:
        """Until there is something to do."""
        self._listen_still()
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            for viewer in self._viewers.values():
                wanted = selectors.EVENT_WRITE if viewer.behind else 0
                wanted |= 0 if viewer.full else selectors.EVENT_READ
                if wanted:
                    selector.register(viewer.peer, wanted)
            unheard = any(viewer.unheard for viewer in self._viewers.values())
            selector.select(SOON if unheard else SELDOM)
        with suppress(BlockingIOError):
            self._woken.recv(2**16)

    def _accept(self) -> None:
        try:
            peer, _ = self._server.accept()
        except OSError:
            return
        peer.setblocking(False)
        refused = ""
        if not is_ours(peer):
            refused = "it is another user's"
        elif len(self._viewers) >= MOST_VIEWERS:
            refused = f"it has {MOST_VIEWERS} viewers already"
        if refused:
            with suppress(OSError):
                peer.send(hello_line(refused=refused))
            peer.close()
            return
        with self._lock:
            self._counted += 1
            hello = hello_line(
                run=self._folder.name,
                folder=os.path.realpath(self._folder),
                pid=os.getpid(),
                recorded=self._recorded,
            )
            waiting: list[Line | Greeting] = [Greeting(hello), *self._digits, *self._scored]
            self._viewers[self._counted] = Viewer(peer, self._counted, waiting)

    def _attend(self, viewer: Viewer) -> None:
        try:
            viewer.write()
            viewer.read()
            for command in viewer.commands():
                self._inbox.put(command)
        except (OSError, ValueError):
            viewer.peer.close()
            with self._lock:
                del self._viewers[viewer.number]

    def _ask(self) -> None:
        """The next question, where none is on its way; those who have asked take turns."""
        now = monotonic()
        lost = self._asked_at is not None and now > self._asked_at + ANSWER_SECONDS
        if now < self._ask_after or (self._asked_at is not None and not lost):
            return
        asking = [viewer for viewer in self._viewers.values() if viewer.questions]
        if not asking:
            return
        viewer = min(asking, key=lambda each: each.asked_at)
        viewer.asked_at = self._asked_at = now
        self._inbox.put(viewer.questions.popleft())

    def _listen_still(self) -> None:
        """Listens anew where its socket has been removed, as systemd does at the end of a login."""
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

    def _leave(self) -> None:
        if self._socket_inode() == self._inode:
            with suppress(OSError):
                os.unlink(self._server.getsockname())
        self._server.close()
        for viewer in self._viewers.values():
            viewer.peer.close()
