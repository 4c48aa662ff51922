"""Measures training time alone, without evaluating, saving and pauses."""

from time import perf_counter


class Stopwatch:
    """Adds up the seconds between each `start` and the `stop` or `lap` that follows."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.since = 0.0  # of the clock perf_counter, when the seconds were last added up

    def start(self) -> None:
        self.since = perf_counter()

    def stop(self) -> None:
        self.seconds += perf_counter() - self.since

    def lap(self, now: float) -> None:
        """Add the seconds up to `now`, by the clock perf_counter, and keep running."""
        self.seconds += now - self.since
        self.since = now
