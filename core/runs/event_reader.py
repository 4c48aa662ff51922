"""Read a run's events.jsonl: all of its events, or the latest metrics at its end."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

from core.class_names import DIGITS, MOST_CLASSES, find_names_problem
from core.event_json import EVENT_TYPES, from_json
from core.events import MOST_CONFUSED, Evaluated, Event, Progress, RunStarted
from core.files import open_no_follow, read_lines
from core.runs.layout import EVENTS_FILE

LARGEST_NUMBER = 2**53
# How much of the end of events.jsonl is read for a run's latest metrics, and how much where that
# has no whole line: an evaluation's has 2 KB for ten classes and 50 KB for MOST_CONFUSED.
TAIL_BYTES = (8192, 2**18)
# How much is read at each of the places of a long record where its losses are sampled.
SAMPLE_BYTES = 4096


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
    """Return a run's latest metrics, from the end of its events."""
    found = LatestMetrics()
    for line in _read_tail(folder / EVENTS_FILE):
        event = from_json(line.decode(errors="replace"))
        if not isinstance(event, Progress | Evaluated) or not is_plausible(event):
            continue
        found = replace(found, step=event.step, epoch=event.epoch, time=event.time)
        if isinstance(event, Progress):
            found = replace(found, loss=event.loss, epochs_done=max(0, event.epoch - 1))
        else:
            found = replace(found, accuracy=event.test_accuracy, epochs_done=event.epoch)
    return found


def _read_tail(path: Path) -> list[bytes]:
    """Return the last lines of a file; none where it cannot be read."""
    lines: list[bytes] = []
    with suppress(OSError), open(path, "rb", opener=open_no_follow) as file:
        size = os.fstat(file.fileno()).st_size
        for count in TAIL_BYTES:
            file.seek(max(0, size - count))
            # The first and the last piece may be parts of lines.
            lines = file.read(count).split(b"\n")[1 if size > count else 0 : -1]
            if lines or size <= count:
                break
    return lines


def sample_losses(folder: Path, count: int) -> tuple[float, ...]:
    """Return the training loss along a run: where it began, and then its means over equal parts of
    the steps, `count` values in total; empty where there is no record.

    Reads at most `count` pieces of SAMPLE_BYTES, however long the record is.
    """
    points = [
        (event.step, loss)
        for event in _sampled_progress(folder, count)
        for loss in event.losses or (event.loss,)
    ]
    if not points:
        return ()
    first, last = points[0][0], points[-1][0]
    sums, counts = [0.0] * count, [0] * count
    for step, loss in points:
        # The record may have been edited, and its steps out of order.
        place = max(0, min(count - 1, (step - first) * count // max(1, last - first)))
        sums[place], counts[place] = sums[place] + loss, counts[place] + 1
    values = [points[0][1]]
    for total, number in list(zip(sums, counts, strict=True))[1:]:
        values.append(total / number if number else values[-1])
    return tuple(values)


def _sampled_progress(folder: Path, count: int) -> Iterator[Progress]:
    """Yield the progress events of a short record, of a long one those at `count` places."""
    with suppress(OSError), open(folder / EVENTS_FILE, "rb", opener=open_no_follow) as file:
        size = os.fstat(file.fileno()).st_size
        whole = size <= count * SAMPLE_BYTES
        last = size - SAMPLE_BYTES
        starts = [0] if whole else [last * place // (count - 1) for place in range(count)]
        for start in starts:
            file.seek(start)
            lines = file.read(size if whole else SAMPLE_BYTES).split(b"\n")
            # The first and the last piece may be parts of lines.
            for line in lines[1 if start else 0 : -1]:
                event = from_json(line.decode(errors="replace")) if b"progress" in line else None
                if isinstance(event, Progress) and is_plausible(event):
                    yield event


def read_events(folder: Path, limit: int | None = None) -> Iterator[Event | None]:
    """Yield a run's events, None for a line that is broken or of another version.

    Yields nothing where there is no events.jsonl. Holds one line at a time, and reads no more than
    the first `limit` bytes. Raises OSError.
    """
    path = folder / EVENTS_FILE
    with suppress(FileNotFoundError), open(path, "rb", opener=open_no_follow) as file:
        left, classes = limit, len(DIGITS)
        for line in read_lines(file):
            if left is not None and (left := left - len(line)) < 0:
                return
            event = from_json(line.decode(errors="replace"))
            if event is None or not is_plausible(event):
                yield None
                continue
            if isinstance(event, RunStarted):
                classes = event.classes
            is_other = isinstance(event, Evaluated) and len(event.confusion) not in (0, classes)
            yield None if is_other else event


def is_plausible(event: Event) -> bool:
    """Return whether an event's values have their declared types and possible sizes: the file may
    have been edited."""
    try:
        values = vars(event)
        if not all(check(values[name]) for name, check in CHECKED_FIELDS[type(event)]):
            return False
        if isinstance(event, RunStarted):
            lengths = event.epochs, event.steps_per_epoch, event.total_steps
            return min(*lengths, event.batch_size) > 0 and _has_names(event)
        if not isinstance(event, Evaluated):
            return True
        size, counts = len(event.confusion), chain.from_iterable(event.confusion)
        is_square = size <= MOST_CONFUSED and all(len(row) == size for row in event.confusion)
        is_matrix = is_square and all(map(_is_count, counts))
        return 0 <= event.test_accuracy <= 1 and is_matrix
    except (TypeError, OverflowError):
        return False


def _has_names(event: RunStarted) -> bool:
    """Return whether the classes have names, as far as the file says which they are."""
    names = event.class_names
    if names is DIGITS:
        return 0 < event.classes <= MOST_CLASSES
    is_named = isinstance(names, tuple) and not find_names_problem(names)
    return is_named and len(names) == event.classes


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < LARGEST_NUMBER


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value) and abs(value) < 1e30


def _none_or(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


CHECKS: dict[Any, Callable[[Any], bool]] = {
    int: _is_count,
    float: _is_number,
    bool: lambda value: isinstance(value, bool),
    str: lambda value: isinstance(value, str),
    float | None: _none_or(_is_number),
    str | None: _none_or(lambda value: isinstance(value, str)),
    tuple[float, ...]: lambda value: isinstance(value, tuple) and all(map(_is_number, value)),
    dict[str, Any]: lambda value: isinstance(value, dict),
}

# By event class: the names of its fields, and the check for each.
CHECKED_FIELDS = {
    kind: [(each.name, CHECKS[each.type]) for each in fields(kind) if each.type in CHECKS]
    for kind in EVENT_TYPES.values()
}
