"""Writes to a terminal that may stop reading, without blocking the app."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

# Bytes written at a time: select() reports that a terminal takes more, but not how much.
CHUNK = 512
# How long the thread waits for the terminal before it checks whether it is to end.
LOOK_SECONDS = 0.1
# How long leaving may take while the terminal does not read; a short hang is over by then.
LEAVE_SECONDS = 3.0
# Ends an escape sequence that has been cut short, and shows nothing itself.
CANCEL = b"\x18"


@dataclass(frozen=True)
class QueuedText:
    data: bytes
    frame: bool  # part of a frame, which may be dropped; modes and queries may not
    begun: bool = False  # whether the bytes before it have been written


class TerminalWriter(threading.Thread):
    """Writes to a terminal in its own thread; write() never blocks."""

    def __init__(self, fileno: int, drained: Callable[[], None]) -> None:
        """`drained` is called, in this thread, when the queue is empty."""
        super().__init__(daemon=True, name="terminal")
        self._fileno, self._drained = fileno, drained
        self._change = threading.Condition()
        self._texts: deque[QueuedText] = deque()
        self._under_way = 0  # bytes that are being written, and are not in the queue
        self._ending = False
        self._queued_at = 0.0
        self.pending = 0  # bytes
        self.written = 0  # bytes, in total

    @property
    def queued_seconds(self) -> float:
        """For how long the queue has not been empty."""
        with self._change:
            return monotonic() - self._queued_at if self.pending else 0.0

    def write(self, text: str, *, frame: bool = False) -> int:
        """Queue text, and return how many bytes it is."""
        data = text.encode("utf-8", "replace")
        with self._change:
            if not data or self._ending:
                return 0
            if not self.pending:
                self._queued_at = monotonic()
            self._texts.append(QueuedText(data, frame))
            self.pending += len(data)
            self._change.notify_all()
            return len(data)

    def drop_frames(self) -> None:
        """Remove the frames from the queue; the begun one is ended."""
        with self._change:
            cut = (QueuedText(CANCEL, False) if text.begun else text for text in self._texts)
            self._texts = deque(text for text in cut if not text.frame)
            self.pending = self._under_way + sum(len(text.data) for text in self._texts)
            self._change.notify_all()

    def stop(self, *, discard: bool = False) -> None:
        """Wait until the queue is empty, at most LEAVE_SECONDS, and end the thread. `discard`: do
        not wait, and write nothing more."""
        with self._change:
            if not discard:
                self._change.wait_for(lambda: not self.pending, LEAVE_SECONDS)
            self._ending = True
            self._change.notify_all()

    def run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self.pending or self._ending)
                if self._ending:
                    return
            try:
                if select.select([], [self._fileno], [], LOOK_SECONDS)[1]:
                    self._write_some()
            except (OSError, ValueError):  # the terminal has gone
                with self._change:
                    self._texts.clear()
                    self.pending, self._under_way, self._ending = 0, 0, True
                    self._change.notify_all()

    def _write_some(self) -> None:
        with self._change:
            if not self._texts or self._ending:
                return
            text = self._texts.popleft()
            chunk = _chunk(text.data)
            self._under_way = len(chunk)
            if rest := text.data[len(chunk) :]:
                self._texts.appendleft(QueuedText(rest, text.frame, begun=text.frame))
        try:
            count = os.write(self._fileno, chunk)
        except BlockingIOError:  # another program has set the terminal to O_NONBLOCK
            count = 0
        with self._change:
            self.written += count
            self.pending -= count
            self._under_way = 0
            if unwritten := chunk[count:]:  # may begin inside a character, so it must be sent
                self._texts.appendleft(QueuedText(unwritten, False))
            done = not self.pending
            self._change.notify_all()
        if done:
            self._drained()


def _chunk(data: bytes) -> bytes:
    """Return the bytes to write next: whole characters, since the rest may be dropped."""
    end = CHUNK
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end]
