"""Runs read back from their folders, to be shown beside the one that is running."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from core.checkpoints.header import SUFFIX
from core.events import Event, Progress
from core.runs.catalog import RunInfo, list_run_checkpoints, scan_runs
from core.runs.event_reader import read_events
from core.runs.layout import EVENTS_FILE, LAST, MOST_LASTING
from tui.state.fold import fold, fold_progress
from tui.state.run_state import LETTERS, RunState

MAX_OVERLAID = len(LETTERS)
# Progress events folded at once: each fold copies the curves.
MAX_FOLDED = 128


def read_run(folder: Path, max_bytes: int | None = None) -> RunState:
    """Return the state at the end of a run's record, or of its first `max_bytes`. Raises OSError.

    Lines that are broken are skipped; without a record the state is that of no run. The state's
    run, folder and checkpoint are those of this folder, whatever the record names: a run can be
    renamed and moved, and a record may come from anywhere.
    """
    state = RunState()
    for events in _batched(event for event in read_events(folder, max_bytes) if event):
        with suppress(TypeError, ValueError, AttributeError, ArithmeticError):
            state = fold_progress(state, events) if len(events) > 1 else fold(state, events[0])
    return _moved_to(folder, state)


def _moved_to(folder: Path, state: RunState) -> RunState:
    started = state.started
    return replace(
        state,
        started=started and replace(started, run=folder.name, folder=str(folder)),
        checkpoint=_inside(folder, state.checkpoint),
    )


def follow_rename(state: RunState, before: Path, now: Path) -> RunState:
    """Return the state with its run's new folder, if it is the run that was renamed."""
    return _moved_to(now, state) if folder_of(state) == os.path.abspath(before) else state


def _batched(events: Iterable[Event]) -> Iterator[list[Any]]:
    """Yield each event by itself, but progress in lists."""
    for is_progress, group in groupby(events, lambda event: isinstance(event, Progress)):
        while batch := list(islice(group, MAX_FOLDED if is_progress else 1)):
            yield batch


def _inside(folder: Path, recorded: str | None) -> str | None:
    """Return the path of the checkpoint of that name in the folder, if it is there."""
    path = folder / os.path.basename(recorded or "")
    is_there = path.name.endswith(SUFFIX) and path.is_file() and not path.is_symlink()
    return str(path) if is_there else None


def list_recorded_runs(folder: Path) -> list[RunInfo]:
    """Return the runs in a folder that have a record, newest first. Raises CheckpointError where
    the folder exists and cannot be read."""
    found = [run for run in scan_runs(folder) if (run.folder / EVENTS_FILE).is_file()]
    return sorted(found, key=lambda run: run.modified, reverse=True)


def arch_of(run: RunInfo) -> str:
    """Return the name of a run's network; a dash if unknown."""
    return run.arch or "–"


def folder_of(state: RunState) -> str | None:
    """Return the absolute path of the run's folder, which identifies the run."""
    return os.path.abspath(state.started.folder) if state.started else None


def overlay_runs(
    overlaid: tuple[RunState, ...], previous: RunState, resumed: Path | None
) -> tuple[RunState, ...]:
    """Return the runs to overlay on the chart of a run that starts: those so far and the previous
    one, at most MAX_OVERLAID. A run that is resumed from the folder `resumed` is not overlaid on
    itself.
    """
    live = None if resumed is None else os.path.abspath(resumed)
    own = [previous] if previous.started and previous.curves.losses.points else []
    rest = [each for each in overlaid if folder_of(each) != folder_of(previous)]
    runs = [without_digits(each) for each in (*rest, *own) if folder_of(each) != live]
    return tuple(runs[-MAX_OVERLAID:])


def without_digits(state: RunState) -> RunState:
    """Return the state without what no chart shows: the predictions of one evaluation take
    400 KB."""
    return replace(state, evaluations=(), labels=b"", digits=())


def find_checkpoint_at(state: RunState, step: int) -> Path | None:
    """Return the checkpoint of a step, in the run's folder or in that of the run that it branched
    from; of several the one that is kept longest. None where there is none.

    The `last` of a run in training is not that of this step for long, so it does not count.
    """
    run = state.started
    if run is None:
        return None
    folders = [Path(run.folder)]
    if run.branched_from and step <= run.branched_at:
        folders.append(folders[0].with_name(run.branched_from))
    for folder in folders:
        changing = LAST if folder == folders[0] and state.phase == "training" else None
        found = [
            file
            for file in list_run_checkpoints(folder)
            if file.info and file.info.step == step and file.path.name != changing
        ]
        if found:
            return min(found, key=lambda file: MOST_LASTING.index(file.kind)).path
    return None
