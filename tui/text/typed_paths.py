"""Read the paths that a person types or pastes, as a shell, a terminal or a file manager has them.

Terminals insert a dropped file with quotes or backslashes, several with spaces between; a file
manager copies "file://" addresses (RFC 8089), a line for each.
"""

import os
import re
import shlex
from pathlib import Path
from urllib.parse import unquote

from core.errors import UsageError
from core.user import expand

BLANKS = " \t\r\n"  # as in a shell; names may have other spaces, as those of macOS's screenshots
END_OF_LINE = re.compile(r"[\r\n]")
LAST_ENDS = re.compile(r"(?<!\\)[\r\n]+\Z")  # after a backslash it is part of a name
WORD = re.compile(
    r"""(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^ \t\r\n'"\\])+(?=[ \t\r\n]|$)""", re.DOTALL
)
PLAIN = re.compile(r"[^ \t\r\n]+")
ADDRESS = re.compile(r"file:(?://[^/]*)?(/.*)", re.IGNORECASE | re.DOTALL)


def split_paths(text: str) -> list[Path]:
    """Return the paths in a text: with or without quotes and backslashes, or as file:// addresses.

    A file that exists under the text as it stands has precedence over what quotes, backslashes and
    spaces mean in a shell. ~ is expanded. Raises UsageError where that user has no home folder.
    """
    if found := _find(text):
        return [found]
    paths = []
    while text := text.lstrip(BLANKS):
        path, end = _first_path(text)
        paths.append(path)
        text = text[end:]
    return paths


def join_lines(text: str) -> str:
    """Return pasted text on one line: of several lines with paths, the quoted paths."""
    text = LAST_ENDS.sub("", text.lstrip("\r\n"))
    if not END_OF_LINE.search(text):
        return text
    return " ".join(shlex.quote(os.fspath(path)) for path in split_paths(text))


def _first_path(text: str) -> tuple[Path, int]:
    """Return the path at the start of the text, and how many characters it takes."""
    line = END_OF_LINE.split(text, maxsplit=1)[0]
    ends = [word.end() for word in PLAIN.finditer(line)]
    for end in (len(line), *reversed(ends)):
        if found := _find(line[:end]):
            return found, end
    is_plain = not set(line) & set("'\"\\") and not ADDRESS.match(line)
    if is_plain and not any(_find(word) for word in line.split()):
        line = line.rstrip(BLANKS)  # a name with spaces, misspelled: reported as a whole
        return expand(line), len(line)
    match = None if ADDRESS.match(text) else WORD.match(text)
    if match is None:  # a quote without its pair is a part of the name
        end = ends[0]
        return _to_path(line[:end]), end
    return _to_path("".join(shlex.split(match[0]))), match.end()


def _to_path(word: str) -> Path:
    if address := ADDRESS.fullmatch(word):
        return Path(unquote(address[1], errors="surrogateescape"))
    return _find(word) or expand(word)


def _find(text: str) -> Path | None:
    """Return the path of a file that exists, with ~ expanded only where there is none called so."""
    try:
        if os.path.lexists(text):
            return Path(text)
        path = expand(text)
        return path if os.path.lexists(path) else None
    except (UsageError, ValueError):  # no such user; a null character
        return None
