"""Messages between a run and its viewers: events and commands as JSON, one object a line.

Anything can come through a socket, so each value is checked against the type that its field has.
Unlike in events.jsonl, bytes are allowed (in base64), and so are NaN and Infinity.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin

from core.commands import Command, Predict, PredictImages
from core.event_json import EVENT_TYPES
from core.events import Event
from core.questions import (
    MOST_MAP_IMAGES,
    MOST_OFF,
    ExplainLayers,
    ExplainMap,
    ScoreWithoutUnits,
)

# The commands to a run, by their names. A viewer's own process handles all others.
COMMANDS = {each.name: each for each in Command.__subclasses__() if each.name}
# Limits of one request: more than any view shows.
MAX_INDICES = 256
MAX_IMAGES = 64
IMAGE_BYTES = 784

# The version of these messages; both sides must have the same. 2: questions about drawings and why.
PROTOCOL = 2


def hello_message(**values: str | int) -> bytes:
    """Return the first message to a viewer: `run`, `folder` and `pid` of the run, and `recorded`:
    so many bytes of its events.jsonl precede the events that follow. Or `refused`, the reason."""
    return _encode({"hello": PROTOCOL, **values})


@dataclass(frozen=True)
class Hello:
    hello: int  # the version of the run's messages
    run: str
    folder: str
    pid: int
    recorded: int

    @property
    def problem(self) -> str | None:
        """Return why a viewer of this version cannot attach; None if it can."""
        if self.hello < PROTOCOL:
            return (
                "the run is by an older version of mnist-tui than this one; attach with that "
                "version, or stop the run and resume it with this one"
            )
        if self.hello > PROTOCOL:
            return (
                "the run is by a newer version of mnist-tui than this one; "
                "update this one to attach to it"
            )
        return None


def read_hello(message: bytes) -> Hello | str:
    """Return the first message of a run, or the reason why the run accepts no viewer."""
    try:
        values = json.loads(message)
        return str(values["refused"]) if "refused" in values else _build(Hello, values)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "invalid reply"


def event_message(event: Event) -> bytes:
    return _encode({"event": event.name, **_to_json(event)})


def read_event(message: bytes) -> Event | None:
    """Return the event of a message; None if it is malformed, or of another version."""
    return _read(message, "event", EVENT_TYPES)


def command_message(command: Command) -> bytes:
    return _encode({"command": command.name, **_to_json(command)})


def read_command(message: bytes) -> Command | None:
    """Return the command of a message; None if it is malformed or above the limits."""
    command = _read(message, "command", COMMANDS)
    match command:
        case Predict(indices=indices) if len(indices) > MAX_INDICES:
            return None
        case PredictImages(images=images):
            is_complete = all(len(image) == IMAGE_BYTES for image in images)
            return command if is_complete and len(images) <= MAX_IMAGES else None
        case ExplainMap(images=images) if len(images) > MOST_MAP_IMAGES:
            return None
        case ExplainLayers(off=off) | ScoreWithoutUnits(off=off) if len(off) > MOST_OFF:
            return None
    return command


def _encode(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _to_json(value: Any) -> Any:
    """Return a value of JSON's types."""
    if is_dataclass(value):
        return {each.name: _to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, tuple):
        return [_to_json(each) for each in value]
    return value


def _read(message: bytes, key: str, kinds: dict[str, type[Any]]) -> Any:
    try:
        values = json.loads(message)
        return _build(kinds[values[key]], values)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _build(kind: Any, value: Any) -> Any:
    """Build a value of a type from JSON. Raises ValueError, TypeError or KeyError if it has another
    type."""
    if is_dataclass(kind):
        types = _types(kind)  # type: ignore[arg-type]
        return kind(**{name: _build(types[name], value[name]) for name in types if name in value})  # type: ignore[operator]
    if kind is bytes:
        return b64decode(value, validate=True)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_build(get_args(kind)[0], each) for each in value)
    if isinstance(kind, UnionType):
        return None if value is None else _build(get_args(kind)[0], value)
    if kind is float and type(value) is int:
        return float(value)
    expected = get_origin(kind) or kind
    if type(value) is not expected:
        raise TypeError(f"expected {expected}")
    return value


@cache
def _types(kind: type[Any]) -> dict[str, Any]:
    return {each.name: each.type for each in fields(kind) if each.init}
