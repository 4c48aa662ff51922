"""What a race that is continued finds of its runs: what they have recorded, and where to resume."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from core.checkpoints.header import read_info
from core.commands import ResumePoint
from core.config import TrainConfig
from core.errors import UserError, explain
from core.events import Event, RunFailed, RunFinished
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
    kept = takewhile(lambda event: not is_later(event, step), events)
    return EarlierRun(tuple(kept), config=config, point=point)


def is_later(event: Event, step: int) -> bool:
    """Return whether an event is of a later step, or of the end of a run that is continued."""
    at = getattr(event, "step", 0)
    return at > step or isinstance(event, RunFinished | RunFailed)
