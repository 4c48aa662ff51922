"""Read the values of a mission's file: each with its type, or an error that names file and key."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from pathlib import Path
from tomllib import loads
from typing import Any, NoReturn

from core.errors import UserError, closest_match, explain, first_line, printable
from core.files import open_no_wait

LARGEST_FILE = 2**16
LONGEST_SHOWN = 60
NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")


class MissionError(UserError):
    """A fault in the file of a mission: its text names the file, the key and the reason."""


class Table:
    """A table of the file, at the place `where` in it: "runs[2].open"."""

    def __init__(self, path: Path, values: dict[str, Any], where: str = "") -> None:
        self.path, self.values, self.where = path, values, where

    def fail(self, key: str, why: str) -> NoReturn:
        """Raise MissionError."""
        place = f"{self.where}.{key}" if self.where and key else self.where or key
        raise MissionError(printable(f"{self.path}: {place}: {why}" if place else why))

    def check_keys(self, known: Collection[str]) -> None:
        for key in self.values:
            if key not in known:
                near = closest_match(key, known)
                hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
                self.fail(_shorten(key), f"is not a key of a mission; {hint}")

    def text(self, key: str, most: int, default: str | None = None) -> str:
        """Return one paragraph of text, with single spaces."""
        if key not in self.values and default is not None:
            return default
        return self._clean(key, self._get(key), most)

    def texts(self, key: str, least: int, most: int, longest: int) -> tuple[str, ...]:
        found = self._get(key)
        count = str(least) if least == most else f"{least} to {most}"
        if not isinstance(found, list) or not least <= len(found) <= most:
            self.fail(key, f"must be a list of {count} texts, not {describe(found)}")
        return tuple(
            self._clean(f"{key}[{place}]", each, longest) for place, each in enumerate(found, 1)
        )

    def number(self, key: str, default: float | None = None) -> float | None:
        """Return a number that is finite, or the default where there is none."""
        if key not in self.values:
            return default
        found = self.values[key]
        if isinstance(found, bool) or not isinstance(found, int | float):
            self.fail(key, f"must be a number, not {describe(found)}")
        if isinstance(found, int) and found.bit_length() > 60:
            self.fail(key, "is too large")
        if not math.isfinite(found):
            self.fail(key, f"must be a finite number, not {found}")
        return found

    def name(self, key: str, default: str | None = None) -> str:
        found = self.text(key, 24, default)
        if found and not NAME.fullmatch(found):
            self.fail(key, "must be a name of lowercase letters, digits and hyphens")
        return found

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        found = self.values.get(key, default)
        if found not in list(choices):
            self.fail(key, f"must be one of {', '.join(choices)}, not {describe(found)}")
        return str(found)

    def table(self, key: str, *, required: bool = True) -> Table:
        found = self._get(key) if required else self.values.get(key, {})
        if not isinstance(found, dict):
            self.fail(key, f"must be a table, not {describe(found)}")
        return Table(self.path, found, f"{self.where}.{key}" if self.where else key)

    def tables(self, key: str, most: int) -> tuple[Table, ...]:
        found = self._get(key)
        is_list = isinstance(found, list) and all(isinstance(each, dict) for each in found)
        if not is_list or not 1 <= len(found) <= most:
            self.fail(key, f"must be 1 to {most} tables, each after a line [[{key}]]")
        return tuple(
            Table(self.path, each, f"{key}[{place}]") for place, each in enumerate(found, 1)
        )

    def _get(self, key: str) -> Any:
        if key not in self.values:
            self.fail(key, "is missing")
        return self.values[key]

    def _clean(self, key: str, found: Any, most: int) -> str:
        if not isinstance(found, str) or not found.strip():
            self.fail(key, f"must be a text, not {describe(found)}")
        text = " ".join(found.split())
        if not text.isprintable():
            self.fail(key, "must not have control characters")
        if len(text) > most:
            self.fail(key, f"is too long: {len(text):,} characters, at most {most}")
        return text


def read_table(path: Path) -> Table:
    """Return the content of a mission's file. Raises MissionError."""
    top = Table(path, {})
    try:
        with open(path, "rb", opener=open_no_wait) as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        top.fail("", f"{path} cannot be read ({explain(error)})")
    if len(content) > LARGEST_FILE:
        top.fail("", f"{path} is larger than 64 KB, so not a mission")
    try:
        return Table(path, loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        top.fail("", f"{path} is not TOML: it is not UTF-8 text")
    except (ValueError, RecursionError) as error:
        top.fail("", f"{path} is not TOML: {first_line(error)}")


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def describe(value: Any) -> str:
    """Return a value of a file in a few words, for an error."""
    match value:
        case dict():
            return "a table"
        case list():
            return f"a list of {len(value)}"
        case str():
            return repr(_shorten(value)) if value.strip() else "an empty one"
        case int() if value.bit_length() > 128:
            return "a number with that many digits"
    return _shorten(str(value).lower() if isinstance(value, bool) else str(value))
