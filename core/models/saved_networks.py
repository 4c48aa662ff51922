"""The networks that the user has saved: a table of names and texts in the user's config folder."""

from __future__ import annotations

import json
import re
import tomllib
from functools import partial
from pathlib import Path

from core.errors import UsageError, explain, printable
from core.files import replace_file
from core.models.architectures import ARCHITECTURES, CUSTOM
from core.models.layer_kinds import KINDS
from core.models.network_file.named import is_file_spec
from core.models.network_text import SKIP, format_nodes, parse_network
from core.user import config_folder

FILE = "networks.toml"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
# Names with a meaning of their own, such as the commands of `mnist-tui archs`.
RESERVED = (CUSTOM, "auto", "add", "remove", "show")
LARGEST_FILE = 2**20


def saved_file() -> Path:
    return config_folder(FILE) / FILE


def list_saved() -> dict[str, str]:
    """Return the texts by their names, without those that this program cannot read.

    Raises UsageError where the file cannot be read.
    """
    return {
        name: text
        for name, text in _read().items()
        if isinstance(text, str) and _is_valid(name, text)
    }


def _read() -> dict[str, object]:
    path = saved_file()
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE)
        return tomllib.loads(content.decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({explain(error)})") from None
    except ValueError as error:
        raise UsageError(f"{path} is not a TOML file: {printable(str(error))}") from None


def _is_valid(name: str, text: str) -> bool:
    try:
        check_name(name)
        return bool(parse_network(text))
    except UsageError:
        return False


def find_saved(name: str) -> str | None:
    """Return the text of a name, None where there is none. Raises UsageError as list_saved."""
    return list_saved().get(name) if NAME.fullmatch(name) else None


def find_name(text: str) -> str:
    """Return the name that the program or the user has given to a network, else "custom"."""
    if text in ARCHITECTURES:
        return text
    try:
        saved = list_saved()
    except UsageError:
        return CUSTOM
    same = (name for name, each in saved.items() if format_nodes(parse_network(each)) == text)
    return next(same, CUSTOM)


def find_label(spec: str) -> str:
    """Return what a screen or a message calls the network that a config names: "mynet.py:Net" for
    code in a file, else as find_name."""
    if is_file_spec(spec):
        return printable(spec.partition("@")[0])
    return spec if NAME.fullmatch(spec) else find_name(spec)


def check_name(name: str) -> None:
    """Raise UsageError for a name that cannot be saved."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"a network's name must be a letter and then up to 39 letters, digits, - or _, not "
            f"{printable(name)!r}"
        )
    if name in ARCHITECTURES:
        raise UsageError(f"{name} is the name of a built-in network: choose another")
    if name in RESERVED:
        raise UsageError(f"{name} is a reserved name: choose another")
    if name.casefold() in (*KINDS, SKIP, "x"):
        raise UsageError(f"{name} is the name of a layer: choose another")


def save_network(name: str, text: str) -> None:
    """Save a text under a name, and replace the one that the name had. Raises UsageError."""
    check_name(name)
    _write(_read() | {name: format_nodes(parse_network(text))})


def remove_network(name: str) -> None:
    """Remove a name. Raises UsageError where there is none."""
    saved = _read()
    if name not in saved:
        there = f"; there is {', '.join(map(printable, saved))}" if saved else ""
        raise UsageError(f"there is no saved network {printable(name)!r}{there}")
    _write({each: text for each, text in saved.items() if each != name})


def _write(saved: dict[str, object]) -> None:
    """Write the file, with texts that only another version of the program can read."""
    path = saved_file()
    quote = partial(json.dumps, ensure_ascii=False)  # a JSON string is a TOML string too
    lines = "".join(
        f"{name if NAME.fullmatch(name) else quote(name)} = {quote(text)}\n"
        for name, text in sorted(saved.items())
        if isinstance(text, str)
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lines.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({explain(error)})") from None
