"""What is between the app and its terminal: it may be slow, or stop reading altogether, and neither
holds the app up."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep
from typing import TYPE_CHECKING

from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition, Key, MouseDown
from textual.message import Message

if TYPE_CHECKING:
    from tui.link import Link

# A terminal says that it takes more; how much more it does not say.
CHUNK = 512
# How often a thread that waits for the terminal looks whether it is still to wait.
LOOK_SECONDS = 0.1
# What leaving may take where the terminal does not read.
SECONDS_TO_SAY_GOODBYE = 1.0
SECONDS_FOR_AN_ANSWER = 0.5
# Ends an escape sequence that has been cut short, and says nothing by itself.
CANCEL = b"\x18"
RESET_PEN = "\x1b[m"


class Outlet(threading.Thread):
    """Writes to a terminal in a thread of its own; write() never waits."""

    def __init__(self, fileno: int, drained: Callable[[], None]) -> None:
        """`drained` is called, in this thread, when all has been written."""
        super().__init__(daemon=True, name="terminal")
        self._fileno, self._drained = fileno, drained
        self._change = threading.Condition()
        self._texts: deque[bytes] = deque()
        self._begun = False  # the first of them is partly written
        self._ending = False
        self._queued_at = 0.0
        self.pending = 0  # bytes
        self.written = 0  # bytes, ever

    @property
    def queued_seconds(self) -> float:
        """For how long there has been something to write at any moment."""
        with self._change:
            return monotonic() - self._queued_at if self.pending else 0.0

    def write(self, text: str) -> int:
        """How many bytes that is."""
        data = text.encode("utf-8", "replace")
        with self._change:
            if not data or self._ending:
                return 0
            if not self.pending:
                self._queued_at = monotonic()
            self._texts.append(data)
            self.pending += len(data)
            self._change.notify_all()
            return len(data)

    def cut(self) -> None:
        """What has not been written will not be."""
        with self._change:
            data = CANCEL if self._begun else b""
            self._texts = deque([data] if data else [])
            self._begun, self.pending = False, len(data)
            self._change.notify_all()

    def stop(self) -> None:
        """Waits until all is written, but not for long."""
        with self._change:
            self._change.wait_for(lambda: not self.pending, SECONDS_TO_SAY_GOODBYE)
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
                self._forget_all()

    def _write_some(self) -> None:
        with self._change:
            if not self._texts or self._ending:
                return
            data = self._texts[0]
            chunk = _chunk(data)
            self._begun = len(chunk) < len(data)
        try:
            count = os.write(self._fileno, chunk)
        except BlockingIOError:  # where somebody has made it so that it does not wait
            count = 0
        with self._change:
            self.written += count
            if self._texts and self._texts[0] is data:  # and not cut meanwhile
                self.pending -= count
                self._texts.popleft()
                if rest := data[count:]:
                    self._texts.appendleft(rest)
                self._begun = bool(rest)
            done = not self.pending
            self._change.notify_all()
        if done:
            self._drained()

    def _forget_all(self) -> None:
        with self._change:
            self._texts.clear()
            self._begun, self.pending, self._ending = False, 0, True
            self._change.notify_all()


def _chunk(data: bytes) -> bytes:
    """What is written of it at once: whole characters, since all that follows may be cut."""
    end = CHUNK
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end]


class LinkDriver(LinuxDriver):
    """Textual's, with an outlet instead of its writer thread, whose queue fills up and then holds
    all of the app up. It tells the app's link what comes from the terminal."""

    outlet: Outlet | None = None
    said = 0  # bytes that have been given to the outlets, ever
    hovers = True  # whether the mouse tells of each of its moves

    @property
    def link(self) -> Link:
        link: Link = self._app.link  # type: ignore[attr-defined]
        return link

    def write(self, data: str) -> None:
        if self.outlet is not None:
            self.said += self.outlet.write(data)

    def start_application_mode(self) -> None:
        assert self._file is not None  # LinuxDriver has taken stderr
        self.outlet = Outlet(self._file.fileno(), self.link.drained)
        self.outlet.start()
        self.link.begin(self)
        super().start_application_mode()

    def disable_input(self) -> None:
        """The terminal's last answer is awaited, for a moment: later it would go to the shell."""
        end = monotonic() + SECONDS_FOR_AN_ANSWER
        while self.link.lag.waiting and not self.exit_event.is_set() and monotonic() < end:
            sleep(LOOK_SECONDS / 10)
        super().disable_input()

    def stop_application_mode(self) -> None:
        if self.outlet is not None:
            self.outlet.cut()
        self.link.end()
        self.write(RESET_PEN)
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        if self.outlet is not None:
            self.outlet.stop()
            self.outlet = None

    def follow_mouse(self, hovers: bool) -> None:
        """Whether the mouse tells of each of its moves, or of clicks and drags alone."""
        self.hovers = hovers
        if self._mouse:
            # Each of these modes ends the others.
            self.write("\x1b[?1002l\x1b[?1000h\x1b[?1003h" if hovers else "\x1b[?1003l\x1b[?1002h")

    def _enable_mouse_support(self) -> None:
        if self.hovers:
            super()._enable_mouse_support()
        elif self._mouse:
            self.write("\x1b[?1000h\x1b[?1002h\x1b[?1015h\x1b[?1006h")

    def _disable_mouse_support(self) -> None:
        if self._mouse and not self.hovers:
            self.write("\x1b[?1002l")
        super()._disable_mouse_support()

    def process_message(self, message: Message) -> None:
        if isinstance(message, CursorPosition):
            self.link.lag.answered(monotonic())
            self.link.drained()
            return
        if isinstance(message, Key | MouseDown):
            self.link.pressed_at = monotonic()
        super().process_message(message)
