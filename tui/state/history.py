"""Runs that have been: read back from their folders, to be looked at beside the live one."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.checkpoints.header import SUFFIX
from core.events import Event, Progress
from core.runs.catalog import RunListed, scan_runs
from core.runs.record import read_events
from core.runs.run import EVENTS
from tui.state.fold import fold, fold_progress
from tui.state.run_state import RunState

# More than these and the live one cannot be told apart on a chart.
MOST_EARLIER = 4
# Of progress: a curve is made anew each time that it grows.
MOST_AT_ONCE = 128


def read_run(folder: Path, most: int | None = None) -> RunState:
    """The state that a run's record ends in, or the first `most` bytes of it; that of no run where
    there is no record. A line that is broken is passed over. Raises OSError.

    The run, its folder and its checkpoint are those that are in this folder, whatever the record
    calls them: a run can be renamed and moved, and a record can be by somebody else's hand.
    """
    state = RunState()
    for events in _together(event for event in read_events(folder, most) if event):
        with suppress(TypeError, ValueError, AttributeError, ArithmeticError):
            state = fold_progress(state, events) if len(events) > 1 else fold(state, events[0])
    return moved_to(folder, state)


def moved_to(folder: Path, state: RunState) -> RunState:
    """The run's state with the folder where it is now: it may have been renamed since it told."""
    started = state.started
    return replace(
        state,
        started=started and replace(started, run=folder.name, folder=str(folder)),
        checkpoint=_inside(folder, state.checkpoint),
    )


def _together(events: Iterable[Event]) -> Iterator[list[Any]]:
    """Each event by itself, but for progress, which comes in lists."""
    progress: list[Event] = []
    for event in events:
        if isinstance(event, Progress):
            progress.append(event)
        if progress and (len(progress) == MOST_AT_ONCE or not isinstance(event, Progress)):
            yield progress
            progress = []
        if not isinstance(event, Progress):
            yield [event]
    if progress:
        yield progress


def _inside(folder: Path, told: str | None) -> str | None:
    """The checkpoint of that name in the folder, if it is there."""
    place = folder / os.path.basename(told or "")
    there = place.name.endswith(SUFFIX) and place.is_file() and not place.is_symlink()
    return str(place) if there else None


@dataclass(frozen=True)
class Past:
    """One run of a listing. `accuracy` is its best, 0 to 1; `when` is when it last said something,
    unix seconds."""

    folder: Path
    name: str
    arch: str
    accuracy: float | None
    when: float


def list_runs(folder: Path) -> list[Past]:
    """The runs in a folder that have a record, newest first. Raises CheckpointError where the
    folder is there and cannot be read.
    """
    found = [_past(run) for run in scan_runs(folder) if (run.folder / EVENTS).is_file()]
    return sorted(found, key=lambda past: past.when, reverse=True)


def _past(run: RunListed) -> Past:
    accuracy = run.best.test_accuracy if run.best else None
    return Past(run.folder, run.name, arch_of(run), accuracy, run.modified)


def arch_of(run: RunListed) -> str:
    """Its network, by its run.json or else its checkpoints; a dash where none says."""
    arch = run.config.get("arch") or (run.best.arch if run.best else None)
    return arch if isinstance(arch, str) else "–"


def place_of(state: RunState) -> str | None:
    """What tells one run from all others."""
    return os.path.abspath(state.started.folder) if state.started else None


def laid_under(
    earlier: tuple[RunState, ...], before: RunState, resume_point: Path | None
) -> tuple[RunState, ...]:
    """The earlier runs, and with them the one before, once another starts; but not the one that is
    taken up, since that is the live one again.
    """
    live = None if resume_point is None else os.path.abspath(resume_point)
    own = [before] if before.started and before.curves.losses.points else []
    rest = [each for each in earlier if place_of(each) != place_of(before)]
    runs = [lightened(each) for each in (*rest, *own) if place_of(each) != live]
    return tuple(runs[-MOST_EARLIER:])


def lightened(state: RunState) -> RunState:
    """Without what no chart shows: an evaluation of every digit takes 400 KB."""
    return replace(state, evaluations=(), labels=b"", digits=())
