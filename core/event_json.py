"""Events as lines of JSON: what `train --json` prints and events.jsonl keeps."""

import json
import math
from dataclasses import asdict, fields
from typing import Any

from core.events import Event

EVENT_TYPES = {each.name: each for each in Event.__subclasses__() if each.name}
FIELDS = {kind: frozenset(each.name for each in fields(kind)) for kind in EVENT_TYPES.values()}


def as_json(event: Event) -> str:
    """One line without its newline. A number that JSON cannot say (NaN, infinity) is null."""
    values = {"event": event.name, "time": event.time}
    values |= {key: value for key, value in asdict(event).items() if key != "time"}
    try:
        return json.dumps(values, allow_nan=False)
    except ValueError:
        return json.dumps(finite(values))


def finite(value: Any) -> Any:
    """With null for each number that JSON cannot say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value


def from_json(line: str) -> Event | None:
    """The event of one line; None for an event that this version does not know or cannot read."""
    try:
        values = json.loads(line)
        kind = EVENT_TYPES[values["event"]]
        known = FIELDS[kind]
        return kind(**{key: _frozen(value) for key, value in values.items() if key in known})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _frozen(value: Any) -> Any:
    """As the events have it: tuples where JSON has lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
