"""What a person can cause: str() of each is the one line that they are shown."""

from collections.abc import Iterable


class UserError(Exception):
    """Something that a person can put right. `reason` is the word that `run_failed` carries."""

    reason = "error"


class UsageError(UserError):
    """An option or argument that cannot be meant."""

    reason = "usage"


class DataError(UserError):
    reason = "data"


class DeviceError(UserError):
    reason = "device"


class CheckpointError(UserError):
    reason = "checkpoint"


class Diverged(UserError):
    reason = "diverged"


def first_line(error: Exception) -> str:
    """What an error says, on one line; its kind where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def exit_status(reason: str) -> int:
    """The exit status of a command whose run failed for that reason."""
    return {UsageError.reason: 2, Diverged.reason: 3}.get(reason, 1)


def closest_match(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is most similar to a misspelled one, None if none is similar."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, names, 1)), None)


def explain(error: OSError) -> str:
    """What the system said, in its own words and without the errno: "Permission denied"."""
    return error.strerror or str(error) or type(error).__name__
