"""The driver between the app and its terminal, which may be slow or stop reading without blocking
the app."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition, Key, MouseDown, MouseMove
from textual.message import Message

from core.training.stopwatch import stopped_clock
from tui.terminal.job_control import can_be_continued, is_in_front, stop
from tui.terminal.writer import TerminalWriter

if TYPE_CHECKING:
    from types import FrameType

    from textual.app import App

    from tui.terminal.slow_terminal import SlowTerminal

# How long to wait for the terminal's last answer, and between two looks for it.
ANSWER_SECONDS, ANSWER_LOOK_SECONDS = 0.5, 0.01
# How often a background job looks whether it is in front again: `fg` sends a running one no signal.
FRONT_SECONDS = 0.2
RESET_PEN = "\x1b[m"
# A terminal that knows these shows what is between them at once.
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
# Mouse modes, with h on and with l off: clicks, moves with a button pressed, all moves.
CLICKS, BUTTON_MOTION, ANY_MOTION = "\x1b[?1000", "\x1b[?1002", "\x1b[?1003"

# Textual lets the mouse report pixels where the terminal can, and leaves that on.
PIXELS_OFF = "\x1b[?1016l"


def open_without_blocking(terminal: int) -> int:
    """Return a descriptor of the same terminal whose reads do not block; the one given where it is
    no terminal, or cannot be opened again.

    After SIGSTOP the shell has the terminal read whole lines. A key that was announced before that
    is then not there, and its read would block until Enter, with all that waits for the thread that
    reads. The shell shares the given descriptor's flags, so that these must stay as they are.
    """
    try:
        return os.open(os.ttyname(terminal), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return terminal


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
    _is_stopping = False  # from SIGTSTP on, until it has its effect
    _event_loop: asyncio.AbstractEventLoop | None = None
    _later: asyncio.TimerHandle | None = None  # the next look whether this job is in front

    def __init__(self, app: App[Any], *, mouse: bool = True, **options: Any) -> None:
        ignores_stop = signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN  # as its parent does
        super().__init__(app, mouse=mouse, **options)
        self.fileno = open_without_blocking(self.fileno)
        self._may_stop = not ignores_stop
        self.slow_terminal: SlowTerminal = app.slow_terminal  # type: ignore[attr-defined]
        self._has_mouse = mouse
        # In place of Textual's, which work inside the signal handler, in the middle of a frame.
        signal.signal(signal.SIGTSTP, self._on_stop)
        signal.signal(signal.SIGCONT, self._on_continue)

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
        self._event_loop = asyncio.get_running_loop()
        self.writer = TerminalWriter(sys.__stderr__.fileno(), self.slow_terminal.drained)
        self.writer.start()
        self.slow_terminal.begin(self)
        before = self.queued_bytes
        super().start_application_mode()
        self._owns_terminal = self.queued_bytes > before
        if self._owns_terminal:
            # Only in raw mode, or the terminal would show its answer.
            self.slow_terminal.query_cursor()
        else:  # started as a background job, and continued with `bg`
            self._abandon()
            self._later = self._event_loop.call_later(FRONT_SECONDS, self._enter_in_front)

    # As a job of the shell

    def suspend(self) -> bool:
        """Restore the terminal, and stop until the shell continues this job.

        Returns False, without a stop, where no shell would continue it.
        """
        return self._may_stop and can_be_continued() and self._suspend(group=True)

    def _suspend(self, *, group: bool = False) -> bool:
        if self._owns_terminal:
            self.stop_application_mode()
            self._queue(f"{self.slow_terminal.farewell()}\r\n")
            self.close()
        with stopped_clock():
            is_stopped = stop(group=group, always=not group)
        self._is_stopping = False
        self._enter_in_front()
        return is_stopped

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if self._is_stopping:
            return
        self._is_stopping = self._call_soon(self._suspend)
        if not self._is_stopping:
            stop(always=True)

    def _on_continue(self, number: int, frame: FrameType | None) -> None:
        self._call_soon(self._continued)

    def _call_soon(self, callback: Callable[[], object]) -> bool:
        """Call it between two frames, from a signal handler. Returns whether the app still runs."""
        try:
            assert self._event_loop is not None
            self._event_loop.call_soon_threadsafe(callback)
        except (AssertionError, RuntimeError):  # not yet, or closed
            return False
        return True

    def _continued(self) -> None:
        """Enter application mode again: the terminal is in the shell's modes after SIGSTOP."""
        if self._owns_terminal and is_in_front(self.fileno):
            self.suspend_application_mode()
        elif self._owns_terminal:
            self._abandon()
        self._enter_in_front()

    def _enter_in_front(self) -> None:
        """Enter application mode as soon as this job is in front. After `bg` it is not, and only
        training continues."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._owns_terminal or self._event_loop is None:
            return
        if is_in_front(self.fileno):
            self.resume_application_mode()
        else:
            self._later = self._event_loop.call_later(FRONT_SECONDS, self._enter_in_front)

    def _abandon(self) -> None:
        """Leave application mode without touching the terminal, which another job has."""
        self._owns_terminal = False
        self.slow_terminal.end()
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        if self.writer is not None:
            self.writer.stop(discard=True)
            self.writer = None
        self.exit_event.set()
        while self._reads_input:
            sleep(ANSWER_LOOK_SECONDS)
        self.exit_event.clear()

    def run_input_thread(self) -> None:
        self._reads_input = True
        try:
            while True:
                with suppress(BlockingIOError):
                    super().run_input_thread()
                    return
        finally:
            self._reads_input = False

    def disable_input(self) -> None:
        """Wait a moment for the terminal's last answer, which would go to the shell later."""
        if not self._owns_terminal:  # to flush its input would stop this process
            return
        end = monotonic() + ANSWER_SECONDS
        while self._reads_input and self.slow_terminal.lag.is_waiting and monotonic() < end:
            sleep(ANSWER_LOOK_SECONDS)
        super().disable_input()

    def stop_application_mode(self) -> None:
        if not self._owns_terminal:  # suspended: it is as it was
            return
        self.slow_terminal.end()
        self.drop_frames()
        self.write(RESET_PEN + PIXELS_OFF)
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        self._owns_terminal = False
        if self._later is not None:
            self._later.cancel()
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
        if isinstance(message, Key | MouseDown) or (
            isinstance(message, MouseMove) and message.button
        ):
            self.slow_terminal.pressed_at = monotonic()
        super().process_message(message)
