"""What is between the app and its terminal: it may be slow, or stop reading altogether, and neither
holds the app up."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING

from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition, Key, MouseDown
from textual.message import Message

if TYPE_CHECKING:
    from tui.terminal.link import Link

# A terminal says that it takes more; how much more it does not say.
CHUNK = 512
# How often a thread that waits for the terminal looks whether it is still to wait.
LOOK_SECONDS = 0.1
# What leaving may take where the terminal does not read; a line that stumbles goes on by then.
SECONDS_TO_SAY_GOODBYE = 3.0
SECONDS_FOR_AN_ANSWER = 0.5
# Ends an escape sequence that has been cut short, and says nothing by itself.
CANCEL = b"\x18"
RESET_PEN = "\x1b[m"


@dataclass(frozen=True)
class Text:
    data: bytes
    frame: bool  # of a frame, which need not be seen; modes and questions must come
    begun: bool = False  # what is before it has been written


class Outlet(threading.Thread):
    """Writes to a terminal in a thread of its own; write() never waits."""

    def __init__(self, fileno: int, drained: Callable[[], None]) -> None:
        """`drained` is called, in this thread, when all has been written."""
        super().__init__(daemon=True, name="terminal")
        self._fileno, self._drained = fileno, drained
        self._change = threading.Condition()
        self._texts: deque[Text] = deque()
        self._under_way = 0  # bytes that are being written, and are not in the texts
        self._ending = False
        self._queued_at = 0.0
        self.pending = 0  # bytes
        self.written = 0  # bytes, ever

    @property
    def queued_seconds(self) -> float:
        """For how long there has been something to write at any moment."""
        with self._change:
            return monotonic() - self._queued_at if self.pending else 0.0

    def write(self, text: str, *, frame: bool = False) -> int:
        """How many bytes that is."""
        data = text.encode("utf-8", "replace")
        with self._change:
            if not data or self._ending:
                return 0
            if not self.pending:
                self._queued_at = monotonic()
            self._texts.append(Text(data, frame))
            self.pending += len(data)
            self._change.notify_all()
            return len(data)

    def cut(self) -> None:
        """What has not been written of frames will not be."""
        with self._change:
            cut = (Text(CANCEL, False) if text.begun else text for text in self._texts)
            self._texts = deque(text for text in cut if not text.frame)
            self.pending = self._under_way + sum(len(text.data) for text in self._texts)
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
            text = self._texts.popleft()
            chunk = _chunk(text.data)
            self._under_way = len(chunk)
            if rest := text.data[len(chunk) :]:
                self._texts.appendleft(Text(rest, text.frame, begun=text.frame))
        try:
            count = os.write(self._fileno, chunk)
        except BlockingIOError:  # where somebody has made it so that it does not wait
            count = 0
        with self._change:
            self.written += count
            self.pending -= count
            self._under_way = 0
            if unwritten := chunk[count:]:  # whose first byte may be amid a character
                self._texts.appendleft(Text(unwritten, False))
            done = not self.pending
            self._change.notify_all()
        if done:
            self._drained()

    def _forget_all(self) -> None:
        with self._change:
            self._texts.clear()
            self.pending, self._under_way, self._ending = 0, 0, True
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
    _draws = False  # whether what is written is of a frame

    @property
    def link(self) -> Link:
        link: Link = self._app.link  # type: ignore[attr-defined]
        return link

    def write(self, data: str) -> None:
        if self.outlet is not None:
            self.said += self.outlet.write(data, frame=self._draws)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """What is written now may be cut."""
        self._draws = True
        try:
            yield
        finally:
            self._draws = False

    def cut(self) -> None:
        """No more of the frames that wait."""
        if self.outlet is not None:
            self.outlet.cut()
            self._app._end_update()  # which may have been of a frame that was begun

    def start_application_mode(self) -> None:
        assert self._file is not None  # LinuxDriver has taken stderr
        if self.outlet is None:  # there is one where this is the second try, after `bg`
            self.outlet = Outlet(self._file.fileno(), self.link.drained)
            self.outlet.start()
        self.link.begin(self)
        super().start_application_mode()
        # Not before the terminal is in raw mode: it would show its answer.
        self.link.ask()

    def _sigcont_application(self, *arguments: object) -> None:
        """After a stop without notice the terminal has the shell's modes, and the app believes that
        it has its own: it ends them first."""
        if self._auto_restart and self._writer_thread is not None and self._is_in_front():
            self.suspend_application_mode()
        super()._sigcont_application(*arguments)

    def _is_in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:  # no terminal
            return False

    def disable_input(self) -> None:
        """The terminal's last answer is awaited, for a moment: later it would go to the shell."""
        end = monotonic() + SECONDS_FOR_AN_ANSWER
        hears = self._key_thread is not None and self._key_thread.is_alive()
        while hears and self.link.lag.waiting and monotonic() < end:
            sleep(LOOK_SECONDS / 10)
        super().disable_input()

    def stop_application_mode(self) -> None:
        self.link.end()
        self.cut()
        self.write(RESET_PEN)
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        self._writer_thread = None  # which says that the terminal is not the app's
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
