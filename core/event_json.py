"""Events as JSON, one object a line: what `train --json` prints and events.jsonl contains."""

import json
import math
from dataclasses import asdict, fields
from typing import Any

from core import events
from core.events import Event
from core.responses import devices, explanations, layers, predictions, scores

# By their names; without events that never leave this process.
EVENT_TYPES: dict[str, type[Event]] = {
    each.name: each
    for module in (events, devices, explanations, layers, predictions, scores)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Event) and each.name
}
FIELDS = {kind: frozenset(each.name for each in fields(kind)) for kind in EVENT_TYPES.values()}


def as_json(event: Event) -> str:
    """Return one line without its newline. NaN and infinity, which JSON has not, become null."""
    values = {"event": event.name, "time": event.time}
    values |= {key: value for key, value in asdict(event).items() if key != "time"}
    try:
        return json.dumps(values, allow_nan=False)
    except ValueError:
        return json.dumps(finite(values))


def finite(value: Any) -> Any:
    """Return the value with null for each NaN and infinity, at any depth."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value


def from_json(line: str) -> Event | None:
    """Return the event of a line; None for a damaged line and an event that this version lacks."""
    try:
        values = json.loads(line)
        kind = EVENT_TYPES[values["event"]]
        known = FIELDS[kind]
        return kind(**{key: _to_tuples(value) for key, value in values.items() if key in known})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _to_tuples(value: Any) -> Any:
    return tuple(map(_to_tuples, value)) if isinstance(value, list) else value
