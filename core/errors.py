"""Errors that a person can cause: str() of each is the one line that is shown."""

import shlex
from collections.abc import Iterable
from pathlib import Path


class UserError(Exception):
    """An error that a person can fix. `reason` is the `reason` of the event `run_failed`."""

    reason = "error"


class UsageError(UserError):
    """An option or argument with a value that is not allowed."""

    reason = "usage"


class DataError(UserError):
    reason = "data"


class DeviceError(UserError):
    reason = "device"


class CheckpointError(UserError):
    reason = "checkpoint"


class Diverged(UserError):
    reason = "diverged"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type's name where it has none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def explain(error: Exception) -> str:
    """Return the system's message without the errno, "Permission denied"; of others first_line."""
    return (isinstance(error, OSError) and error.strerror) or first_line(error)


def printable(text: str) -> str:
    """Return the text with escapes for characters that could control a terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def quoted(path: Path | str) -> str:
    """Return a path as a command names it that is printed for a person to paste into a shell."""
    return printable(shlex.quote(str(path)))


def closest_match(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is most similar to a misspelled one, None if none is similar."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, names, 1)), None)


def exit_status(reason: str) -> int:
    """Return the exit status of a command whose run failed for that reason."""
    return {UsageError.reason: 2, Diverged.reason: 3}.get(reason, 1)
