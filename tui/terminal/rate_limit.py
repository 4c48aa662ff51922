"""The limit of a slow connection: how many bytes may be sent, which of them first, and how a slow
connection is detected. Pure: times and byte counts are arguments."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

# Bytes a second, and how many at once after a pause, so that a key has its effect at once.
RATE, BURST = 1000, 2000
# Bytes of the burst that are kept for what must be sent: switching modes, leaving.
RESERVE = 200
# More bytes that are kept from changes not caused by a key, and from charts and images.
FOR_KEYS, FOR_FIGURES = 500, 300
# Bytes sent to a terminal that has not acknowledged the ones before.
WINDOW = 2500
# An answer after more seconds than LATE is late; TIMES late ones in a row mean a slow connection.
LATE, TIMES = 1.0, 3
# Seconds after which no answer is expected any more.
GIVEN_UP = 10.0
# Seconds over which the byte rate is averaged.
MEAN_SECONDS = 5.0


class TokenBucket:
    """A token bucket: at most burst + rate · t bytes in any t seconds, if never overdrawn.

    Times are seconds of any one clock. https://en.wikipedia.org/wiki/Token_bucket
    """

    def __init__(self, now: float, rate: float = RATE, burst: float = BURST) -> None:
        self._rate, self._burst = rate, burst
        self._level, self._at = burst, now

    def room(self, now: float) -> float:
        self._level = min(self._burst, self._level + self._rate * max(0.0, now - self._at))
        self._at = now
        return self._level

    def take(self, count: int, now: float) -> None:
        self._level = self.room(now) - count

    def seconds_until(self, room: float, now: float) -> float:
        return max(0.0, (room - self.room(now)) / self._rate)


class ByteRate:
    """Bytes a second over the last MEAN_SECONDS."""

    def __init__(self) -> None:
        self._read: deque[tuple[float, int]] = deque()

    def read(self, total: int, now: float) -> float:
        """Return the rate, given that `total` bytes have been written by now."""
        self._read.append((now, total))
        while len(self._read) > 2 and self._read[1][0] <= now - MEAN_SECONDS:
            self._read.popleft()
        (since, before), seconds = self._read[0], now - self._read[0][0]
        return (total - before) / seconds if seconds > 0 and since < now else 0.0


class TerminalLag:
    """How far a terminal is behind what is written to it.

    A query for the cursor's position costs a few bytes, and the terminal answers it once it has
    processed all bytes before; one query at a time.
    """

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._asked_after, self._come = -1, 0  # bytes
        self._answers = False  # whether this terminal has ever answered
        self._late = 0

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is due from a terminal that gives answers."""
        return self._asked_at is not None and self._answers

    def should_query(self, total: int, question: int, now: float) -> bool:
        """Return whether to send a query of `question` bytes after `total` bytes; if True, it
        counts as sent."""
        asked_at = self._asked_at  # an answer may change it from another thread
        given_up = asked_at is not None and now - asked_at > GIVEN_UP
        if given_up and self._answers:
            self._come = self._asked_after
        if (asked_at is not None and not given_up) or total <= self._asked_after:
            return False
        self._asked_at, self._asked_after = now, total + question
        return True

    def record_answer(self, now: float) -> None:
        if self._asked_at is not None:
            self._late = self._late + 1 if now - self._asked_at > LATE else 0
            self._answers, self._asked_at, self._come = True, None, self._asked_after

    def forget(self, total: int) -> None:
        """Start over after `total` bytes: another program has used the terminal in between."""
        self._asked_at, self._come, self._late = None, total, 0

    def outstanding(self, total: int) -> int:
        """Return the bytes that may not have arrived; 0 for a terminal that never answers."""
        return total - self._come if self._answers else 0

    def is_behind(self, queued_seconds: float, now: float) -> bool:
        """Return whether the terminal is behind lastingly, and not for a moment.

        `queued_seconds` is for how long bytes have been waiting to be written.
        """
        asked_at = self._asked_at
        age = now - asked_at if asked_at is not None and self._answers else 0.0
        return self._late + int(max(age, queued_seconds) / LATE) >= TIMES


Box = tuple[int, int, int, int]  # x, y, width, height


@dataclass(frozen=True)
class ScreenArea:
    """A part of line y: columns start to end, exclusive. `picture`: of a chart or an image;
    `first`: sent before all else."""

    y: int
    start: int
    end: int
    picture: bool
    first: bool = False


def split_screen(
    width: int, height: int, pictures: Sequence[Box], first: Sequence[Box] = ()
) -> Iterator[ScreenArea]:
    """Yield all of a screen in parts. What is sent `first` may be inside of a picture."""
    for y in range(height):
        for part in _split(ScreenArea(y, 0, width, picture=False), pictures, picture=True):
            yield from _split(part, first, first=True)


def _split(area: ScreenArea, boxes: Sequence[Box], **changes: bool) -> Iterator[ScreenArea]:
    """Yield an area in parts, those in a box with the changes."""
    x = area.start
    for left, _, wide, _ in sorted(box for box in boxes if box[1] <= area.y < box[1] + box[3]):
        start, end = max(x, left), min(area.end, left + wide)
        if start < end:
            if x < start:
                yield replace(area, start=x, end=start)
            yield replace(area, start=start, end=end, **changes)
            x = end
    if x < area.end:
        yield replace(area, start=x)


@dataclass
class SendOrder:
    """The order of sending: what is first, text that a key has changed, other text, pictures."""

    hurried: set[int] = field(default_factory=set)  # lines that a key has changed

    def rank(self, area: ScreenArea) -> tuple[bool, bool, bool, int]:
        return not area.first, area.picture, area.y not in self.hurried, area.y

    def kept(self, area: ScreenArea) -> int:
        """Return how many bytes of the bucket must remain after sending this area."""
        if area.first:
            return RESERVE
        hurried = area.y in self.hurried
        return RESERVE + (0 if hurried else FOR_KEYS) + (FOR_FIGURES if area.picture else 0)
