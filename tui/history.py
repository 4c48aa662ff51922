"""Runs that have been: read back from their folders, to be looked at beside the live one."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from core.events import EVENTS as KINDS
from core.events import Evaluated, Event, Progress, RunStarted, from_json
from core.headers import SUFFIX
from core.listing import RunListed, scan_runs
from core.runs import EVENTS
from tui.state import RunState, fold, fold_progress

# More than these and the live one cannot be told apart on a chart.
MOST_EARLIER = 4
# A longer line is no event: the longest, an evaluation, has 2 KB.
LONGEST_LINE = 2**20
# Of progress: a curve is made anew each time that it grows.
MOST_AT_ONCE = 128
LARGEST_NUMBER = 2**53


def read_run(folder: Path) -> RunState:
    """The state that a run's record ends in; that of no run where there is no record. A line that
    is broken is passed over. Raises OSError.

    The run, its folder and its checkpoint are those that are in this folder, whatever the record
    calls them: a run can be renamed and moved, and a record can be by somebody else's hand.
    """
    state = RunState()
    for events in _together(event for event in read_events(folder) if event):
        with suppress(TypeError, ValueError, AttributeError, ArithmeticError):
            state = fold_progress(state, events) if len(events) > 1 else fold(state, events[0])
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


def read_events(folder: Path) -> Iterator[Event | None]:
    """What a run's record tells, line by line; None for one that is broken, or of another version.
    Nothing where there is no record. No more than a line is held at a time. Raises OSError.
    """
    # Neither waiting for a pipe's writer, nor following a link to somewhere else.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        number = os.open(folder / EVENTS, flags)
    except FileNotFoundError:
        return
    with open(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(f"{EVENTS} is not a file")
        while line := file.readline(LONGEST_LINE):
            whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
            event = from_json(line.decode(errors="replace")) if whole else None
            while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            yield event if event and _plausible(event) else None


def _inside(folder: Path, told: str | None) -> str | None:
    """The checkpoint of that name in the folder, if it is there."""
    place = folder / os.path.basename(told or "")
    there = place.name.endswith(SUFFIX) and place.is_file() and not place.is_symlink()
    return str(place) if there else None


def _plausible(event: Event) -> bool:
    """Whether its values are of the types that it says, and no larger than any that is meant."""
    values = vars(event)
    if not all(check(values[name]) for name, check in CHECKED[type(event)]):
        return False
    if isinstance(event, Evaluated):
        rows = event.confusion
        if not 0 <= event.test_accuracy <= 1:
            return False
        whole = len(rows) == 10 and all(len(row) == 10 and all(map(_count, row)) for row in rows)
        return whole or rows == ()
    if isinstance(event, RunStarted):
        return min(event.epochs, event.steps_per_epoch, event.total_steps, event.batch_size) > 0
    return True


def _count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < LARGEST_NUMBER


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value) and abs(value) < 1e30


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


CHECKS: dict[Any, Callable[[Any], bool]] = {
    int: _count,
    float: _number,
    bool: lambda value: isinstance(value, bool),
    str: lambda value: isinstance(value, str),
    float | None: _or_none(_number),
    str | None: _or_none(lambda value: isinstance(value, str)),
    tuple[float, ...]: lambda value: isinstance(value, tuple) and all(map(_number, value)),
    dict[str, Any]: lambda value: isinstance(value, dict),
}


# By an event's class: the names of its values, and what each has to be.
CHECKED = {
    kind: [(each.name, CHECKS[each.type]) for each in fields(kind) if each.type in CHECKS]
    for kind in KINDS.values()
}


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
    earlier: tuple[RunState, ...], before: RunState, taken_up: Path | None
) -> tuple[RunState, ...]:
    """The earlier runs, and with them the one before, once another starts; but not the one that is
    taken up, since that is the live one again.
    """
    live = None if taken_up is None else os.path.abspath(taken_up)
    own = [before] if before.started and before.curves.losses.points else []
    rest = [each for each in earlier if place_of(each) != place_of(before)]
    runs = [lightened(each) for each in (*rest, *own) if place_of(each) != live]
    return tuple(runs[-MOST_EARLIER:])


def lightened(state: RunState) -> RunState:
    """Without what no chart shows: an evaluation of every digit takes 400 KB."""
    return replace(state, evaluations=(), labels=b"", digits=(), opened=None, scored=())
