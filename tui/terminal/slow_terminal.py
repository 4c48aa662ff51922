"""The line to the terminal: what is on it, and what is sent next.

As long as it keeps up, textual writes what has changed. A slow line gets the difference between
what the terminal shows and the newest frame, as much of it as there is room for, the most wanted
first; the frames between are never sent.
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
    ByteRate,
    ScreenArea,
    SendOrder,
    TerminalLag,
    TokenBucket,
    split_screen,
)
from tui.terminal.screen_diff import CellRow, ShownScreen, to_cells

WHERE_IS_THE_CURSOR = "\x1b[6n"
# What has changed so soon after a key was pressed has changed because of it.
ANSWER_SECONDS = 0.6
# A part is not sent for less room than this; most take less.
LEAST = 100
# Frames are passed over while so many bytes of others wait to be written.
MOST_QUEUED = 32_768
# How often it is looked whether the line keeps up.
LOOK_SECONDS = 1.0

Box = tuple[int, int, int, int]  # x, y, width, height


class SlowTerminal:
    def __init__(self, erases: bool, missed: Callable[[], object]) -> None:
        """`erases`: whether what the terminal erases takes the background that is set. `missed` is
        called when frames were passed over and there is room for a whole one."""
        self.lag, self.meter = TerminalLag(), ByteRate()
        self.slow = False
        self.rate = 0.0  # bytes a second
        self.pressed_at = 0.0
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
        self._boxes: list[Box] = []
        self._turns = SendOrder()

    # The terminal's side; what is marked so is called in threads of its own

    def begin(self, driver: TerminalDriver) -> None:
        self._driver, self._loop = driver, asyncio.get_running_loop()
        driver.hovers = not self.slow
        self._shown, self._passed_over = None, False
        self.lag.forget(driver.said)
        self.meter = ByteRate()  # a new outlet has written nothing

    def end(self) -> None:
        self._driver = None
        self._not_later()

    def drained(self) -> None:
        """There may be room for more. In any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        if self.slow:
            self.send()
        elif self._passed_over and self._driver is not None:
            self._passed_over = False
            self._missed()

    def ask(self) -> None:
        driver = self._driver
        size = len(WHERE_IS_THE_CURSOR)
        if driver is not None and self.lag.asks(driver.said, size, monotonic()):
            driver.write(WHERE_IS_THE_CURSOR)

    # What the app says

    @contextmanager
    def frame(self) -> Iterator[bool]:
        """Whether textual may write a frame, and what it writes; if not, it is passed over, and so
        are those after it, which are but changes to it, until all can be drawn anew."""
        driver = self._driver
        if driver is None or driver.outlet is None:
            yield True  # to a driver of another kind
            return
        self._passed_over |= driver.outlet.pending > MOST_QUEUED
        with driver.drawing():
            yield not self._passed_over

    def look(self) -> bool:
        """Once a second: measures, and says whether the line falls behind."""
        driver, now = self._driver, monotonic()
        if driver is None or driver.outlet is None:
            return False
        self.rate = self.meter.read(driver.outlet.written, now)
        # Where the app itself was held up, so was what would have heard the terminal's answer.
        held_up = now - self._looked_at > 1.5 * LOOK_SECONDS
        self._looked_at = now
        behind = not held_up and self.lag.is_behind(driver.outlet.queued_seconds, now)
        self.ask()
        return behind

    def set_slow(self, slow: bool) -> None:
        """From now on. After a slow line all must be drawn anew."""
        self.slow, self._passed_over = slow, False
        self._shown, self._strips, self._wanted = None, [], []
        self._not_later()
        driver = self._driver
        if driver is None:
            return
        if slow:
            driver.cut()
            self._bucket, self._charged = TokenBucket(monotonic()), driver.said
        else:
            driver.write(RESET_PEN)
        driver.follow_mouse(not slow)

    def forget(self) -> None:
        """It is not known any more what the terminal shows."""
        self._shown = None

    def show(self, strips: list[Strip], width: int, colours: ColorSystem) -> None:
        """Takes the newest frame."""
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
    def holds_back(self) -> bool:
        """Whether frames are to be shown by this link."""
        return self.slow and self._driver is not None

    def set_pictures(self, boxes: Sequence[Box]) -> None:
        """Where in the frame that comes next there are charts and drawings."""
        if boxes != self._boxes:
            self._boxes, self._areas = list(boxes), []

    # What is sent

    def _room(self, now: float) -> float:
        assert self._driver is not None
        self._bucket.take(self._driver.said - self._charged, now)
        self._charged = self._driver.said
        outstanding = self.lag.outstanding(self._driver.said)
        return min(self._bucket.room(now), WINDOW - outstanding)

    def send(self) -> None:
        """As much as there is room for of what differs."""
        driver = self._driver
        if driver is None or driver.outlet is None or driver.outlet.pending or not self._wanted:
            return  # the outlet calls when it has written
        self._not_later()
        room = self._room(monotonic())
        text, left = self._difference(room)
        if text:
            with driver.drawing():
                driver.write(text)
            self.ask()
        if left is not None and self._loop is not None:
            seconds = self._bucket.seconds_until(min(left + LEAST, BURST), monotonic())
            self._later = self._loop.call_later(max(0.05, seconds), self.send)

    def _not_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _difference(self, room: float) -> tuple[str, int | None]:
        """What to send now; and of the bucket what is not for that which then is still to be sent,
        None if that is nothing."""
        rows, said = self._wanted, []
        shown = self._shown
        if shown is None or [*map(len, shown.rows)] != [*map(len, rows)]:
            if room < RESERVE + LEAST:
                return "", RESERVE
            shown, clearing = ShownScreen.cleared(len(rows[0]), len(rows), erases=self._erases)
            self._shown, self._areas = shown, []
            said.append(clearing)
            room -= len(clearing)
        if not self._areas:
            self._areas = list(split_screen(len(rows[0]), len(rows), self._boxes))
        differing = [a for a in self._areas if _differs(shown.rows[a.y], rows[a.y], a)]
        self._turns.hurried &= {area.y for area in differing}
        for area in sorted(differing, key=self._turns.rank):
            kept = self._turns.kept(area)
            for part in shown.parts(rows, area.y, area.start, area.end):
                size = len(part.encode())
                if room - size < kept:
                    return "".join(said), kept
                said.append(part)
                room -= size
        return "".join(said), None


def _differs(before: CellRow, after: CellRow, area: ScreenArea) -> bool:
    return before[area.start : area.end] != after[area.start : area.end]
