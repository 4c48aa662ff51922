"""A run's record, read back: its events.jsonl, whoever wrote it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from core.event_json import EVENT_TYPES, from_json
from core.events import Evaluated, Event, Progress, RunStarted
from core.files import open_no_follow, read_lines
from core.runs.layout import EVENTS_FILE

LARGEST_NUMBER = 2**53
# How much of the end of events.jsonl is read for a run's latest metrics: an evaluation's line has
# 2 KB, any other less.
TAIL_BYTES = 8192


@dataclass(frozen=True)
class LatestMetrics:
    """What a run has reported last; None where the end of its events does not have it."""

    step: int = 0
    epoch: int | None = None
    epochs_done: int | None = None
    loss: float | None = None  # of training
    accuracy: float | None = None  # of the last evaluation, 0 to 1
    time: float = 0.0  # unix seconds


def read_latest_metrics(folder: Path) -> LatestMetrics:
    """Return a run's latest metrics, from the last TAIL_BYTES of its events."""
    found = LatestMetrics()
    try:
        with open(folder / EVENTS_FILE, "rb", opener=open_no_follow) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL_BYTES))
            lines = file.read(TAIL_BYTES).split(b"\n")
    except OSError:
        return found
    # The first and the last piece may be parts of lines.
    for line in lines[1 if size > TAIL_BYTES else 0 : -1]:
        event = from_json(line.decode(errors="replace"))
        if not isinstance(event, Progress | Evaluated) or not is_plausible(event):
            continue
        found = replace(found, step=event.step, epoch=event.epoch, time=event.time)
        if isinstance(event, Progress):
            found = replace(found, loss=event.loss, epochs_done=max(0, event.epoch - 1))
        else:
            found = replace(found, accuracy=event.test_accuracy, epochs_done=event.epoch)
    return found


def read_events(folder: Path, most: int | None = None) -> Iterator[Event | None]:
    """What a run's record tells, line by line; None for one that is broken, or of another version.
    Nothing where there is no record. No more than a line is held at a time, and no more is read
    than the first `most` bytes, where that is given. Raises OSError.
    """
    try:
        number = open_no_follow(folder / EVENTS_FILE, os.O_RDONLY)
    except FileNotFoundError:
        return
    with open(number, "rb") as file:
        # An event's line has 2 KB at most, an evaluation's.
        left = most
        for line in read_lines(file):
            if left is not None and (left := left - len(line)) < 0:
                return
            event = from_json(line.decode(errors="replace"))
            yield event if event and is_plausible(event) else None


def is_plausible(event: Event) -> bool:
    """Whether its values are of the types that it says, and no larger than any that is meant."""
    try:
        return _is_meant(event)
    except (TypeError, OverflowError):
        return False


def _is_meant(event: Event) -> bool:
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
    for kind in EVENT_TYPES.values()
}
