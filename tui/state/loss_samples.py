"""The losses along runs, read from their records for sparklines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.runs.catalog import RunInfo
from core.runs.event_reader import sample_losses

POINTS = 16  # of each run
MAX_KEPT = 500  # runs


class LossSamples:
    """The losses along the runs that were read last. One thread at a time may read."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[float, tuple[float, ...]]] = {}  # the newest last

    def losses(self, run: RunInfo) -> tuple[float, ...] | None:
        """Return the training loss along a run, as of the last reading; None before it."""
        known = self._known.get(run.folder)
        return known[1] if known else None

    def unread(self, runs: Iterable[RunInfo]) -> list[RunInfo]:
        """Return those of the runs that have changed since they were read, or were not read."""
        return [run for run in runs if self._known.get(run.folder, (None,))[0] != _age(run)]

    def read(self, run: RunInfo) -> None:
        """Read the record of a run."""
        losses = sample_losses(run.folder, POINTS)
        self._known.pop(run.folder, None)
        self._known[run.folder] = _age(run), losses
        while len(self._known) > MAX_KEPT:
            self._known.pop(next(iter(self._known)))


def _age(run: RunInfo) -> float:
    """Return the time of the newest change of a run's record that is known, in unix seconds."""
    return max(run.modified, run.latest.time if run.latest else 0.0)
