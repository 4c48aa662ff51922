"""The user's own names for networks, a table of texts in the user's config folder."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from core.errors import UsageError, explain, printable
from core.files import replace_file
from core.models.architectures import ARCHITECTURES, CUSTOM
from core.models.layer_kinds import KINDS
from core.models.network_text import SKIP, format_nodes, parse_network
from core.user import config_folder

FILE = "networks.toml"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
# Other networks, and the commands of `mnist-tui archs`, which takes a name too.
RESERVED = (CUSTOM, "auto", "add", "remove", "show")
LARGEST_FILE = 2**20


def saved_file() -> Path:
    return config_folder(FILE) / FILE


def list_saved() -> dict[str, str]:
    """Return the texts by their names; those that are no networks any more are left out.

    Raises UsageError where the file cannot be read.
    """
    path = saved_file()
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE)
        table = tomllib.loads(content.decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({explain(error)})") from None
    except ValueError as error:
        raise UsageError(f"{path} is no TOML file: {printable(str(error))}") from None
    return {name: text for name, text in table.items() if _is_saved(name, text)}


def _is_saved(name: str, text: object) -> bool:
    try:
        check_name(name)
        return isinstance(text, str) and bool(parse_network(text))
    except UsageError:
        return False


def find_saved(name: str) -> str | None:
    """Return the text of a name, None where there is none. Raises UsageError as list_saved."""
    return list_saved().get(name) if NAME.fullmatch(name) else None


def find_name(text: str) -> str:
    """Return the name of a network of ours or of the user's, "custom" for any other."""
    if text in ARCHITECTURES:
        return text
    try:
        saved = list_saved()
    except UsageError:
        return CUSTOM
    same = (name for name, each in saved.items() if format_nodes(parse_network(each)) == text)
    return next(same, CUSTOM)


def check_name(name: str) -> None:
    """Raise UsageError for a name that cannot be saved."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"a network's name must be a letter and then up to 39 letters, digits, - or _, not "
            f"{printable(name)!r}"
        )
    if name in ARCHITECTURES:
        raise UsageError(f"{name} is the name of a network of this program: choose another")
    if name in RESERVED:
        raise UsageError(f"{name} has another meaning: choose another name")
    if name.casefold() in (*KINDS, SKIP, "x"):
        raise UsageError(f"{name} is the name of a layer: choose another")


def save_network(name: str, text: str) -> None:
    """Save a text under a name, in place of what that name had. Raises UsageError."""
    check_name(name)
    _write(list_saved() | {name: format_nodes(parse_network(text))})


def remove_network(name: str) -> None:
    """Raises UsageError where there is no such name."""
    saved = list_saved()
    if name not in saved:
        there = f"; there is {', '.join(saved)}" if saved else ""
        raise UsageError(f"no network of yours has the name {printable(name)!r}{there}")
    _write({each: text for each, text in saved.items() if each != name})


def _write(saved: dict[str, str]) -> None:
    path = saved_file()
    # A JSON string is a TOML string too.
    lines = "".join(f"{name} = {json.dumps(text)}\n" for name, text in sorted(saved.items()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lines.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({explain(error)})") from None
