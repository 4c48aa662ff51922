"""The networks that the user has saved: a table of names and texts in the user's config folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.errors import UsageError, explain, printable
from core.files import open_no_wait, replace_file
from core.locking import lock_folder
from core.models.architectures import ARCHITECTURES, CUSTOM
from core.models.layer_kinds import KINDS
from core.models.network_file.named import is_file_spec, label_of
from core.models.network_text import SKIP, format_nodes, normalize_text, parse_network
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
        for name, text in sorted(_read().items())
        if isinstance(text, str) and _is_valid(name, text)
    }


def _read() -> dict[str, object]:
    return _parse(_read_text())


def _read_text() -> str:
    """Return the content of the file, "" where there is none. Raises UsageError."""
    path = saved_file()
    try:
        with open(path, "rb", opener=open_no_wait) as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise UsageError(f"{path} is larger than 1 MB")
        return content.decode()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({explain(error)})") from None
    except ValueError as error:
        raise UsageError(f"{path} is not a TOML file: {printable(str(error))}") from None


def _parse(content: str) -> dict[str, object]:
    import tomllib  # which most commands do not need

    try:
        return tomllib.loads(content)
    except ValueError as error:
        raise UsageError(f"{saved_file()} is not a TOML file: {printable(str(error))}") from None


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
    same = (name for name, each in saved.items() if normalize_text(each) == text)
    return next(same, CUSTOM)


def find_label(spec: str) -> str:
    """Return what a screen or a message calls the network that a config names: "mynet.py:Net" for
    code in a file, else as find_name."""
    if is_file_spec(spec):
        return label_of(spec)
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
    """Save a text under a name, and replace the one that the name had. Raises UserError."""
    check_name(name)
    _edit(name, format_nodes(parse_network(text)))


def remove_network(name: str) -> None:
    """Remove a name. Raises UserError where there is none."""
    _edit(name, None)


def _edit(name: str, text: str | None) -> None:
    """Replace the line of a name, or remove it where the text is None. All other lines stay, such
    as comments and what another version of the program reads. Raises UserError."""
    path = saved_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock_folder(path.parent):
            content = _read_text()
            edited = _replace_line(content, name, text)
            replace_file(path, edited.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({explain(error)})") from None


def _replace_line(content: str, name: str, text: str | None) -> str:
    """Return the content of the file with another text for a name. Raises UsageError."""
    saved = _parse(content)
    if text is None and name not in saved:
        there = f"; there is {', '.join(map(printable, saved))}" if saved else ""
        raise UsageError(f"there is no saved network {printable(name)!r}{there}")
    keys = "|".join(map(re.escape, (name, json.dumps(name, ensure_ascii=False))))
    own = re.compile(rf"[ \t]*(?:{keys})[ \t]*=")
    lines = [line for line in content.split("\n") if not own.match(line)]
    wanted = {each: value for each, value in saved.items() if each != name}
    if text is not None:  # above all others, one of which may begin a table
        lines.insert(0, f"{name} = {json.dumps(text)}")
        wanted[name] = text
    edited = "\n".join(lines)
    if _parse(edited) != wanted:
        raise UsageError(f"{saved_file()} has {printable(name)} in an unusual form: edit the file")
    return edited
