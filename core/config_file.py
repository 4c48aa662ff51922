"""Read and write settings as TOML, with the names of the command-line options."""

import json
import math
from dataclasses import asdict
from datetime import date, time
from pathlib import Path
from tomllib import loads
from typing import Any

from core.config import FIELDS, TrainConfig, find_problem, flag
from core.errors import UsageError, closest_match, explain, first_line
from core.models.network_file.named import is_file_spec, label_of
from core.user import expand

LARGEST_FILE = 2**20
LONGEST_SHOWN = 60
# The field of each name in a file: `learning_rate`, `lr` and `learning-rate`. The names that are
# suggested for a misspelled one come first.
NAMES = (
    {name: name for name in FIELDS}
    | {flag(name).removeprefix("--"): name for name in FIELDS}
    | {name.replace("_", "-"): name for name in FIELDS}
)


def read_settings(path: str) -> dict[str, Any]:
    """Return the fields that a file sets and their values.

    Relative folders start at the current directory, as on the command line. Raises UsageError that
    names the file and the first setting that is not allowed.
    """
    place = expand(path)
    settings: dict[str, Any] = {}
    spelling: dict[str, str] = {}  # the name by which each field was set
    for key, value in _read_table(place).items():
        if (name := NAMES.get(key)) is None:
            near = closest_match(key.lower(), NAMES)
            hint = f"did you mean {near}?" if near else "`mnist-tui train --dry-run` lists all"
            raise UsageError(f"{place}: there is no setting {_format(key)}; {hint}")
        if name in settings:
            raise UsageError(
                f"{place}: {spelling[name]} and {key} are the same setting: remove one"
            )
        settings[name], spelling[name] = _convert(place, key, name, value), key
    return settings


def _read_table(place: Path) -> dict[str, Any]:
    """Return the content of a TOML file. Raises UsageError."""
    try:
        with open(place, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UsageError(f"--config {place} cannot be read ({explain(error)})") from None
    if len(content) > LARGEST_FILE:
        raise UsageError(f"--config {place} is larger than 1 MB, so not a file of settings")
    try:
        return loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"--config {place} is not TOML: it is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--config {place} is not TOML: {first_line(error)}") from None


def _convert(place: Path, key: str, name: str, value: Any) -> Any:
    """Return the value with the type of its field. Raises UsageError."""
    if isinstance(FIELDS[name].default, float) and type(value) is int:
        value = float(value) if abs(value) < 2**1023 else math.inf
    # No system has paths with a NUL.
    why = find_problem(name, value)
    if why is None and isinstance(value, str) and "\0" in value:
        why = "must be a folder without NUL in its name"
    if why is not None:
        if isinstance(value, str) and name == "arch" and is_file_spec(value):
            raise UsageError(f"{place}: {key} {why}")
        raise UsageError(f"{place}: {key} {why.partition(', not ')[0]}, not {_format(value)}")
    return value


def _format(value: Any) -> str:
    """Return a value as TOML writes it, shortened."""
    match value:
        case dict():
            return "a table"
        case list():
            return "a list"
        case date() | time():
            return f"the date or time {value.isoformat()}"
        case float():
            return repr(value)
        case int() if value.bit_length() > 128:  # more digits than Python may convert to text
            return "a number with that many digits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def as_toml(config: TrainConfig) -> str:
    """Return the text of a file from which `read_settings` reads the same config.

    Raises UsageError for a folder whose name is not UTF-8.
    """
    return "".join(f"{_to_line(name, value)}\n" for name, value in asdict(config).items())


def _to_line(name: str, value: Any) -> str:
    if value is None:
        return f"# {name} is not set"
    if name == "arch" and is_file_spec(value):
        return f"# {name} is code, which only the command line can name: --arch {label_of(value)}"
    return f"{name} = {_to_toml(name, value)}"


def _to_toml(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return repr(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{flag(name)} {value} is not a UTF-8 name, and TOML allows no other"
        ) from None
    # Strings of TOML are those of JSON, except that DEL must be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
