"""The driver between the app and its terminal, which may be slow or stop reading without blocking
the app."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition, Key, MouseDown
from textual.message import Message

if TYPE_CHECKING:
    from types import FrameType

    from textual.app import App

    from tui.terminal.slow_terminal import SlowTerminal

# Bytes written at a time: select() reports that a terminal takes more, but not how much.
CHUNK = 512
# How long a thread waits for the terminal before it checks whether it is to end.
LOOK_SECONDS = 0.1
# How long leaving may take while the terminal does not read; a short hang is over by then.
LEAVE_SECONDS = 3.0
ANSWER_SECONDS = 0.5
# Ends an escape sequence that has been cut short, and shows nothing itself.
CANCEL = b"\x18"
RESET_PEN = "\x1b[m"
# A terminal that knows these shows what is between them at once.
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
# Mouse modes, with h on and with l off: clicks, moves with a button pressed, all moves.
CLICKS, BUTTON_MOTION, ANY_MOTION = "\x1b[?1000", "\x1b[?1002", "\x1b[?1003"


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

    def stop(self) -> None:
        """Wait until the queue is empty, at most LEAVE_SECONDS, and end the thread."""
        with self._change:
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


class TerminalDriver(LinuxDriver):
    """Textual's driver for Linux and macOS with a TerminalWriter in place of its writer thread.

    That one's queue fills up and then blocks the app. Answers and keys are reported to the app's
    SlowTerminal. Only public methods are overridden.
    """

    writer: TerminalWriter | None = None
    queued_bytes = 0  # given to the writers, in total
    reports_moves = True  # whether the mouse reports each of its moves
    _draws = False  # whether what is written is part of a frame
    _synchronizes = False  # whether frames are marked with SYNC_START and SYNC_END
    _owns_terminal = False  # from start_application_mode() to close()
    _reads_input = False

    def __init__(self, app: App[Any], *, mouse: bool = True, **options: Any) -> None:
        super().__init__(app, mouse=mouse, **options)
        self.slow_terminal: SlowTerminal = app.slow_terminal  # type: ignore[attr-defined]
        self._has_mouse = mouse
        self._resume = signal.getsignal(signal.SIGCONT)
        signal.signal(signal.SIGCONT, self._on_continued)

    def write(self, data: str) -> None:
        self._synchronizes |= data == SYNC_START
        # Textual always asks for all moves of the mouse.
        self._queue(data if self.reports_moves else data.replace(ANY_MOTION, BUTTON_MOTION))

    def _queue(self, data: str) -> None:
        if self.writer is not None:
            self.queued_bytes += self.writer.write(data, frame=self._draws)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Let what is written in this context be dropped by `cut`."""
        self._draws = True
        try:
            yield
        finally:
            self._draws = False

    def drop_frames(self) -> None:
        """Drop the frames that have not been written yet."""
        if self.writer is not None:
            self.writer.drop_frames()
            if self._synchronizes:  # the end of a frame may have been among them
                self.write(SYNC_END)

    def start_application_mode(self) -> None:
        assert sys.__stderr__ is not None  # Textual writes to it
        if self.writer is None:  # after `bg` this is the second try, and there is one
            self.writer = TerminalWriter(sys.__stderr__.fileno(), self.slow_terminal.drained)
            self.writer.start()
        self.slow_terminal.begin(self)
        before = self.queued_bytes
        super().start_application_mode()
        self._owns_terminal = self.queued_bytes > before  # False in the background
        # Only in raw mode, or the terminal would show its answer.
        self.slow_terminal.query_cursor()

    def _on_continued(self, number: int, frame: FrameType | None) -> None:
        """Leave application mode before Textual enters it again.

        After SIGSTOP the terminal is in the shell's modes, and Textual takes it for its own.
        """
        if self._owns_terminal and self._is_in_front():
            self.suspend_application_mode()
        if callable(self._resume):
            self._resume(number, frame)

    def _is_in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:  # no terminal
            return False

    def run_input_thread(self) -> None:
        self._reads_input = True
        try:
            super().run_input_thread()
        finally:
            self._reads_input = False

    def disable_input(self) -> None:
        """Wait a moment for the terminal's last answer, which would go to the shell later."""
        end = monotonic() + ANSWER_SECONDS
        while self._reads_input and self.slow_terminal.lag.is_waiting and monotonic() < end:
            sleep(LOOK_SECONDS / 10)
        super().disable_input()

    def stop_application_mode(self) -> None:
        self.slow_terminal.end()
        self.drop_frames()
        self.write(RESET_PEN)
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        self._owns_terminal = False
        if self.writer is not None:
            self.writer.stop()
            self.writer = None

    def set_mouse_moves(self, reports_moves: bool) -> None:
        """Have the mouse report each of its moves, or clicks and drags alone."""
        self.reports_moves = reports_moves
        if self._has_mouse:
            # Each of these modes ends the others.
            moves = f"{BUTTON_MOTION}l{CLICKS}h{ANY_MOTION}h"
            self._queue(moves if reports_moves else f"{ANY_MOTION}l{BUTTON_MOTION}h")

    def process_message(self, message: Message) -> None:
        if isinstance(message, CursorPosition):
            self.slow_terminal.lag.record_answer(monotonic())
            self.slow_terminal.drained()
            return
        if isinstance(message, Key | MouseDown):
            self.slow_terminal.pressed_at = monotonic()
        super().process_message(message)
