"""Measures training time alone, without evaluating, saving and pauses."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

# Since when the clock stands still (None: it runs), and for how many seconds it did before. One
# tuple, since the thread that trains reads both while another one sets them.
_standstill: tuple[float | None, float] = None, 0.0


def clock() -> float:
    """Return perf_counter() without the seconds in which `stopped_clock` was active."""
    since, seconds = _standstill
    return (perf_counter() if since is None else since) - seconds


@contextmanager
def stopped_clock() -> Iterator[None]:
    """Stop the clock while this process is stopped, as by Ctrl-Z. For one thread at a time."""
    global _standstill
    since, (_, seconds) = perf_counter(), _standstill
    _standstill = since, seconds
    try:
        yield
    finally:
        _standstill = None, seconds + perf_counter() - since


class Stopwatch:
    """Adds up the seconds between each `start` and the `stop` or `lap` that follows."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.since = 0.0  # of `clock`, when the seconds were last added up

    def start(self) -> None:
        self.since = clock()

    def stop(self) -> None:
        self.seconds += clock() - self.since

    def lap(self, now: float) -> None:
        """Add the seconds up to `now`, by `clock`, and keep running."""
        self.seconds += now - self.since
        self.since = now
