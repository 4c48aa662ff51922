"""Events and commands as lines, to and from the viewers of a run: JSON, one object a line.

It is read strictly, since anything can come through a socket: a line is what it says it is, or
nothing. Other than in events.jsonl, bytes are in base64, and numbers may be NaN and Infinity.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin

from core.commands import (
    Command,
    Inspect,
    Pause,
    Predict,
    PredictImages,
    Resume,
    Save,
    SetLearningRate,
    Stop,
)
from core.event_json import EVENT_TYPES
from core.events import Event

# What a run can be told from elsewhere. All else is answered where it is asked.
RUN_COMMANDS = (Pause, Resume, Stop, Save, SetLearningRate, Predict, PredictImages, Inspect)
COMMANDS: dict[str, type[Any]] = {each.name: each for each in RUN_COMMANDS}
# What one question may ask of the network: more than any view shows.
MOST_ASKED = 256
MOST_IMAGES = 64
IMAGE_BYTES = 784


# What a viewer must speak too.
PROTOCOL = 1


def hello_line(**values: str | int) -> bytes:
    """What a viewer reads first: `run`, `folder` and `pid` of the run, and how many bytes of its
    events.jsonl tell what came before; or `refused`, with the reason."""
    return _line({"hello": PROTOCOL, **values})


@dataclass(frozen=True)
class Hello:
    run: str
    folder: str
    pid: int
    recorded: int


def read_hello(line: bytes) -> Hello | str:
    """What the run says first; or in words why it cannot be followed."""
    try:
        values = json.loads(line)
        if values["hello"] != PROTOCOL:
            return "it is of another version of mnist-tui"
        return values["refused"] if "refused" in values else _built(Hello, values)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "it gives no answer that makes sense"


def event_line(event: Event) -> bytes:
    return _line({"event": event.name, **_plain(event)})


def read_event(line: bytes) -> Event | None:
    """The event of a line; None for one that is broken, or of another version."""
    return _read(line, "event", EVENT_TYPES)


def command_line(command: Command) -> bytes:
    return _line({"command": command.name, **_plain(command)})


def read_command(line: bytes) -> Command | None:
    """The command of a line; None for what is none, or asks for more than a view can show."""
    command = _read(line, "command", COMMANDS)
    match command:
        case Predict(indices=indices) if len(indices) > MOST_ASKED:
            return None
        case PredictImages(images=images):
            whole = all(len(image) == IMAGE_BYTES for image in images)
            return command if whole and len(images) <= MOST_IMAGES else None
    return command


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _plain(value: Any) -> Any:
    """As JSON can say it."""
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _read(line: bytes, key: str, kinds: dict[str, type[Any]]) -> Any:
    try:
        values = json.loads(line)
        return _built(kinds[values[key]], values)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _built(kind: Any, value: Any) -> Any:
    """The value of that kind. Raises ValueError, TypeError or KeyError where it is another."""
    if is_dataclass(kind):
        types = _types(kind)  # type: ignore[arg-type]
        return kind(**{name: _built(types[name], value[name]) for name in types if name in value})  # type: ignore[operator]
    if kind is bytes:
        return b64decode(value, validate=True)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), value)
    if isinstance(kind, UnionType):
        return None if value is None else _built(get_args(kind)[0], value)
    if kind is float and type(value) is int:
        return float(value)
    wanted = get_origin(kind) or kind
    if type(value) is not wanted:
        raise TypeError(f"{wanted} is wanted")
    return value


def _tuple(parts: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is wanted")
    return tuple(_built(parts[0], each) for each in value)


@cache
def _types(kind: type[Any]) -> dict[str, Any]:
    return {each.name: each.type for each in fields(kind) if each.init}
