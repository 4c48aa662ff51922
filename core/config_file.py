"""Settings in a file: TOML with the names of the command line's options."""

import json
import math
from dataclasses import asdict
from datetime import date, time
from pathlib import Path
from tomllib import loads
from typing import Any

from core.config import FIELDS, TrainConfig, find_problem, flag
from core.errors import UsageError, closest_match, explain, first_line
from core.files import expand

LARGEST_FILE = 2**20
LONGEST_SHOWN = 60


def _names() -> dict[str, str]:
    """What a file may call each field: `learning_rate`, `learning-rate` and, as the option, `lr`.
    What is offered for a name that is none comes first."""
    plain = {name: name for name in FIELDS}
    options = {flag(name).removeprefix("--"): name for name in FIELDS}
    dashed = {name.replace("_", "-"): name for name in FIELDS}
    return plain | options | dashed


NAMES = _names()


def read_settings(path: str) -> dict[str, Any]:
    """The fields that a file sets, and to what. A folder in it is meant as on the command line:
    seen from where the program was started.

    Raises UsageError that names the file and the first thing in it that cannot be meant.
    """
    place = expand(path)
    settings: dict[str, Any] = {}
    said: dict[str, str] = {}  # by which of its names each was set
    for key, value in _read_table(place).items():
        name = NAMES.get(key)
        if name is None:
            near = closest_match(key.lower(), NAMES)
            hint = f"did you mean {near}?" if near else "`mnist-tui train --dry-run` prints all"
            raise UsageError(f"{place}: there is no setting {_shown(key)}; {hint}")
        if name in settings:
            raise UsageError(f"{place}: {said[name]} and {key} are the same setting: leave one out")
        settings[name], said[name] = _meant(place, key, name, value), key
    return settings


def _read_table(place: Path) -> dict[str, Any]:
    """Raises UsageError."""
    try:
        with open(place, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: no name that a file can have
        why = explain(error) if isinstance(error, OSError) else first_line(error)
        raise UsageError(f"--config {place} cannot be read ({why})") from None
    if len(content) > LARGEST_FILE:
        raise UsageError(f"--config {place} is larger than 1 MB: no file of settings")
    try:
        return loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"--config {place} is not TOML: it is no text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--config {place} is not TOML: {first_line(error)}") from None


def _meant(place: Path, key: str, name: str, value: Any) -> Any:
    """The value as a field has it. Raises UsageError."""
    if isinstance(FIELDS[name].default, float) and type(value) is int:
        value = float(value) if abs(value) < 2**1023 else math.inf
    # A path with a NUL in it is none to any system, and no option can hold it.
    why = find_problem(name, value)
    if why is None and isinstance(value, str) and "\0" in value:
        why = "must be a folder, with no NUL in its name"
    if why is not None:
        allowed = why.partition(", not ")[0]
        raise UsageError(f"{place}: {key} {allowed}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    """A value as TOML has it, cut short."""
    match value:
        case dict():
            return "a table"
        case list():
            return "a list"
        case date() | time():
            return f"the date or time {value.isoformat()}"
        case float():
            return repr(value)
    # An integer may have more digits than Python would print.
    if isinstance(value, int) and value.bit_length() > 128:
        return "a number of so many digits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def as_toml(config: TrainConfig) -> str:
    """The lines of a file that `read_settings` makes the same config of. Raises UsageError for a
    folder whose name TOML cannot hold."""
    return "".join(
        f"# {name} is not set\n" if value is None else f"{name} = {_in_toml(name, value)}\n"
        for name, value in asdict(config).items()
    )


def _in_toml(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return repr(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{flag(name)} {value} is no name in UTF-8, which is all that TOML can hold"
        ) from None
    # TOML's strings are JSON's, but for DEL, which has to be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
