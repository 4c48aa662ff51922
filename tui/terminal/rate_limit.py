"""What keeps a slow line pleasant: how much may be sent, what of it first, and how one sees that a
line is slow. Nothing here knows a clock or a terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# Bytes a second, and how many more at once after a rest: a key's answer is to come at once.
RATE, BURST = 1000, 2000
# Of the burst. So much is kept for what must be said: modes on and off, leaving.
RESERVE = 200
# And so much more is left alone by what no key has asked for, and by charts and pictures.
FOR_KEYS, FOR_FIGURES = 500, 300
# Sent to a terminal that has not yet said that the bytes before have come.
WINDOW = 2500
# An answer that takes longer than this is late, and so often in a row that the line is slow.
LATE, TIMES = 1.0, 3
# After so long there will be no answer any more.
GIVEN_UP = 10.0
# What is written in a second is the mean of so many.
MEAN_SECONDS = 5.0


class TokenBucket:
    """At most BURST + RATE · t bytes in any t seconds, as long as no more is taken than there is
    room for. Times are seconds of any one clock."""

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
    """Bytes a second, over the last few."""

    def __init__(self) -> None:
        self._read: deque[tuple[float, int]] = deque()

    def read(self, total: int, now: float) -> float:
        """`total` is what has been written ever."""
        self._read.append((now, total))
        while len(self._read) > 2 and self._read[1][0] <= now - MEAN_SECONDS:
            self._read.popleft()
        (since, before), seconds = self._read[0], now - self._read[0][0]
        return (total - before) / seconds if seconds > 0 and since < now else 0.0


class TerminalLag:
    """How far a terminal is behind what is written to it. It is asked where its cursor is, which
    costs a few bytes, and which it answers when it has come so far; one question at a time."""

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._asked_after, self._come = -1, 0  # bytes
        self._answers = False  # whether this terminal does
        self._late = 0

    @property
    def waiting(self) -> bool:
        """Whether an answer is on its way, from a terminal that gives any."""
        return self._asked_at is not None and self._answers

    def asks(self, total: int, question: int, now: float) -> bool:
        """Whether to ask now, after so many bytes and with so many more; if so, it has been
        asked."""
        asked_at = self._asked_at  # which an answer, in its thread, may change meanwhile
        given_up = asked_at is not None and now - asked_at > GIVEN_UP
        if given_up and self._answers:
            self._come = self._asked_after
        if (asked_at is not None and not given_up) or total <= self._asked_after:
            return False
        self._asked_at, self._asked_after = now, total + question
        return True

    def answered(self, now: float) -> None:
        asked_at = self._asked_at
        if asked_at is None:
            return
        self._late = self._late + 1 if now - asked_at > LATE else 0
        self._answers, self._asked_at, self._come = True, None, self._asked_after

    def forget(self, total: int) -> None:
        """The terminal was another's meanwhile, and has had so many bytes before."""
        self._asked_at, self._come, self._late = None, total, 0

    def outstanding(self, total: int) -> int:
        """Bytes that have perhaps not come yet; of a terminal that never answers none."""
        return total - self._come if self._answers else 0

    def is_behind(self, queued_seconds: float, now: float) -> bool:
        """Whether that is so for good, and not by a hiccup. `queued_seconds`: for how long now
        there has been something that could not even be written."""
        asked_at = self._asked_at
        age = now - asked_at if asked_at is not None and self._answers else 0.0
        return self._late + int(max(age, queued_seconds) / LATE) >= TIMES


@dataclass(frozen=True)
class ScreenArea:
    """Part of a line, from one column to before another. `picture`: a chart or a drawing."""

    y: int
    start: int
    end: int
    picture: bool


def split_screen(
    width: int, height: int, pictures: Sequence[tuple[int, int, int, int]]
) -> Iterator[ScreenArea]:
    """All of a screen, in parts. `pictures`: x, y, width and height of each."""
    for y in range(height):
        x = 0
        for left, _, wide, _ in sorted(p for p in pictures if p[1] <= y < p[1] + p[3]):
            start, end = max(x, left), min(width, left + wide)
            if start < end:
                if x < start:
                    yield ScreenArea(y, x, start, False)
                yield ScreenArea(y, start, end, True)
                x = end
        if x < width:
            yield ScreenArea(y, x, width, False)


@dataclass
class SendOrder:
    """What goes first: text that a key has changed, other text, then charts and pictures."""

    hurried: set[int] = field(default_factory=set)  # lines that a key has changed

    def rank(self, area: ScreenArea) -> tuple[bool, bool, int]:
        return area.picture, area.y not in self.hurried, area.y

    def kept(self, area: ScreenArea) -> int:
        """How much of the bucket is not for this."""
        hurried = area.y in self.hurried
        return RESERVE + (0 if hurried else FOR_KEYS) + (FOR_FIGURES if area.picture else 0)
