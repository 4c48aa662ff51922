"""What a race that is continued finds of its runs: what they have recorded, and where to resume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from core.checkpoints.header import read_info
from core.commands import ResumePoint
from core.config import TrainConfig
from core.errors import UserError, explain
from core.events import Event, RunFailed, RunFinished
from core.race.lane_run import LaneRun, has_runs_left
from core.race.record import RaceRecord
from core.runs.event_reader import read_events
from core.runs.resume import prepare_resume


@dataclass(frozen=True)
class EarlierRun:
    """A run of a race that was ended: its events so far, and how to continue it.

    `has_ended`: it has finished or diverged, so there is nothing to continue. `problem` is why it
    cannot be continued.
    """

    events: tuple[Event, ...] = ()
    has_ended: bool = False
    config: TrainConfig | None = None
    point: ResumePoint | None = None
    problem: RunFailed | None = None


def read_earlier(folder: Path) -> EarlierRun:
    """Read a run of a race. Its events are those up to the step that it is resumed from."""
    try:
        events = tuple(filter(None, read_events(folder)))
    except OSError as error:
        what = f"{folder / 'events.jsonl'} cannot be read ({explain(error)})"
        return EarlierRun(problem=RunFailed(reason="checkpoint", message=what))
    match events[-1:]:
        case (RunFinished(stopped=False),) | (RunFailed(reason="diverged"),):
            return EarlierRun(events, has_ended=True)
    try:
        config, point = prepare_resume(str(folder.absolute()), folder.parent)
        step = read_info(point.checkpoint).step if point.checkpoint else 0
    except UserError as error:
        return EarlierRun(events, problem=RunFailed(reason=error.reason, message=str(error)))
    until = takewhile(lambda event: getattr(event, "step", 0) <= step, events)
    # A run that was resumed before has ends in the middle of its record.
    kept = tuple(event for event in until if not isinstance(event, RunFinished | RunFailed))
    return EarlierRun(kept, config=config, point=point)


def read_lane_runs(record: RaceRecord) -> list[list[LaneRun]]:
    """Return what the runs of a race have reached, from their records alone: each lane's runs, one
    for each seed. A run whose record cannot be read has failed."""
    found = []
    for names in record.runs:
        found.append([_read_lane_run(record, name) for name in names])
    return found


def _read_lane_run(record: RaceRecord, name: str) -> LaneRun:
    run = LaneRun(name=name)
    try:
        for event in read_events(record.folder.parent / name) if name else ():
            run = run.after(event, record.plan.goal) if event else run
    except OSError as error:
        return replace(
            run, outcome="failed", message=f"its record cannot be read ({explain(error)})"
        )
    if name and run.outcome == "waiting":
        return replace(run, outcome="failed", message="it was deleted or moved")
    return replace(run, name=name)  # its events have the name that it began with


def is_over(record: RaceRecord) -> bool:
    """Return whether a race has nothing left to train."""
    return not has_runs_left(read_lane_runs(record), record.dropped, failed=True)
