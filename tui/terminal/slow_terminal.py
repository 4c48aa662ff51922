"""A terminal behind a slow connection: what it shows, and what is sent to it next.

While the connection keeps up, Textual writes each frame's changes. A slow connection gets the
difference between what the terminal shows and the newest frame, as many bytes as the limit allows,
the most important part first; frames in between are never sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic

from rich.color import ColorSystem
from textual.strip import Strip

from tui.terminal.driver import RESET_PEN, TerminalDriver
from tui.terminal.rate_limit import (
    BURST,
    RESERVE,
    WINDOW,
    Box,
    ByteRate,
    ScreenArea,
    SendOrder,
    TerminalLag,
    TokenBucket,
    split_screen,
)
from tui.terminal.screen_diff import CellRow, ShownScreen, to_cells

CURSOR_QUERY = "\x1b[6n"
# A change within this time after a key is taken to be its effect.
ANSWER_SECONDS = 0.6
# Bytes that must be free before sending begins; most parts are smaller.
LEAST = 100
# Frames are skipped while more bytes than this are queued.
MOST_QUEUED = 32_768
# How often the connection is measured.
LOOK_SECONDS = 1.0


class SlowTerminal:
    def __init__(self, erases: bool, missed: Callable[[], object]) -> None:
        """`erases`: whether the terminal erases to the current background colour. `missed` is
        called when frames have been skipped and the queue is empty again."""
        self.lag, self.meter = TerminalLag(), ByteRate()
        self.slow = False
        self.rate = 0.0  # bytes a second
        self.pressed_at = 0.0
        self.farewell: Callable[[], str] = str  # returns what the shell shows after a suspension
        self._erases, self._missed = erases, missed
        self._driver: TerminalDriver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._later: asyncio.TimerHandle | None = None
        self._looked_at = 0.0
        self._passed_over = False
        self._bucket, self._charged = TokenBucket(monotonic()), 0
        self._shown: ShownScreen | None = None
        self._strips: list[Strip] = []
        self._wanted: list[CellRow] = []
        self._areas: list[ScreenArea] = []
        self._boxes: tuple[list[Box], list[Box]] = [], []  # pictures, and what is sent first
        self._turns = SendOrder()

    # Called by the driver

    def begin(self, driver: TerminalDriver) -> None:
        self._driver, self._loop = driver, asyncio.get_running_loop()
        driver.reports_moves = not self.slow
        self._shown, self._passed_over = None, False
        self.lag.forget(driver.queued_bytes)
        self.meter = ByteRate()  # a new writer counts from 0

    def end(self) -> None:
        self._driver = None
        self._not_later()

    def drained(self) -> None:
        """Continue sending; called in the writer's and the input's thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        if self.slow:
            self.send()
        elif self._passed_over and self._driver is not None:
            self._passed_over = False
            self._missed()

    def query_cursor(self) -> None:
        driver, size = self._driver, len(CURSOR_QUERY)
        if driver is not None and self.lag.should_query(driver.queued_bytes, size, monotonic()):
            driver.write(CURSOR_QUERY)

    # Called by the app

    @contextmanager
    def frame(self) -> Iterator[bool]:
        """Yield whether Textual may write a frame, in this context.

        After a skipped frame the next ones are skipped too, since each is only the change to the
        one before, until the whole screen can be drawn.
        """
        driver = self._driver
        if driver is None or driver.writer is None:
            yield True  # another driver
            return
        self._passed_over |= driver.writer.pending > MOST_QUEUED
        with driver.drawing():
            yield not self._passed_over

    def suspend(self) -> bool:
        """Stop the program until its shell continues it. Returns False where none would."""
        return self._driver is not None and self._driver.suspend()

    def measure(self) -> bool:
        """Measure the connection, and return whether it falls behind; call it once a second."""
        driver, now = self._driver, monotonic()
        if driver is None or driver.writer is None:
            return False
        self.rate = self.meter.read(driver.writer.written, now)
        # If the app itself was blocked, so was the thread that reads the terminal's answer.
        held_up = now - self._looked_at > 1.5 * LOOK_SECONDS
        self._looked_at = now
        behind = not held_up and self.lag.is_behind(driver.writer.queued_seconds, now)
        self.query_cursor()
        return behind

    def set_slow(self, slow: bool) -> None:
        """Switch the limit on or off; afterwards the whole screen must be drawn."""
        self.slow, self._passed_over = slow, False
        self._shown, self._strips, self._wanted = None, [], []
        self._not_later()
        driver = self._driver
        if driver is None:
            return
        if slow:
            driver.drop_frames()
            self._bucket, self._charged = TokenBucket(monotonic()), driver.queued_bytes
        else:
            driver.write(RESET_PEN)
        driver.set_mouse_moves(not slow)

    def forget_screen(self) -> None:
        """Take what the terminal shows for unknown: the next frame is sent whole."""
        self._shown = None

    def show_frame(self, strips: list[Strip], width: int, colours: ColorSystem) -> None:
        """Send the difference to a new frame of `width` columns, now or as the limit allows."""
        rows = [
            self._wanted[y]
            if y < len(self._wanted) and len(self._wanted[y]) == width and strip == self._strips[y]
            else to_cells(strip, width, colours)
            for y, strip in enumerate(strips)
        ]
        if monotonic() - self.pressed_at < ANSWER_SECONDS:
            known = len(rows) == len(self._wanted)
            self._turns.hurried |= {
                y for y, row in enumerate(rows) if not known or row != self._wanted[y]
            }
        self._strips, self._wanted = strips, rows
        self.send()

    @property
    def is_limited(self) -> bool:
        """Whether frames go through `show_frame`."""
        return self.slow and self._driver is not None

    def set_boxes(self, pictures: Sequence[Box], first: Sequence[Box] = ()) -> None:
        """Set where the next frame has charts and images, which are sent last, and what is sent
        before all else."""
        if (boxes := (list(pictures), list(first))) != self._boxes:
            self._boxes, self._areas = boxes, []

    # Sending

    def send(self) -> None:
        """Send as much of the difference as the limit allows, and the rest later."""
        driver = self._driver
        if driver is None or driver.writer is None or driver.writer.pending or not self._wanted:
            return  # the writer calls `drained`
        self._not_later()
        queued, now = driver.queued_bytes, monotonic()
        self._bucket.take(queued - self._charged, now)
        self._charged = queued
        room = min(self._bucket.room(now), WINDOW - self.lag.outstanding(queued))
        text, left = self._difference(room)
        if text:
            with driver.drawing():
                driver.write(text)
            self.query_cursor()
        if left is not None and self._loop is not None:
            seconds = self._bucket.seconds_until(min(left + LEAST, BURST), monotonic())
            self._later = self._loop.call_later(max(0.05, seconds), self.send)

    def _not_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _difference(self, room: float) -> tuple[str, int | None]:
        """Return what to send now, and the reserve that the rest leaves; None without a rest."""
        rows, parts = self._wanted, []
        shown = self._shown
        if shown is None or [*map(len, shown.rows)] != [*map(len, rows)]:
            if room < RESERVE + LEAST:
                return "", RESERVE
            shown, clearing = ShownScreen.cleared(len(rows[0]), len(rows), erases=self._erases)
            self._shown, self._areas = shown, []
            parts.append(clearing)
            room -= len(clearing)
        if not self._areas:
            self._areas = list(split_screen(len(rows[0]), len(rows), *self._boxes))
        differing = [
            area
            for area in self._areas
            if shown.rows[area.y][area.start : area.end] != rows[area.y][area.start : area.end]
        ]
        self._turns.hurried &= {area.y for area in differing}
        for area in sorted(differing, key=self._turns.rank):
            kept = self._turns.kept(area)
            for part in shown.parts(rows, area.y, area.start, area.end):
                size = len(part.encode())
                if room - size < kept:
                    return "".join(parts), kept
                parts.append(part)
                room -= size
        return "".join(parts), None
