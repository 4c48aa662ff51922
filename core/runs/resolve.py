"""Find the run or the checkpoint that RUN_OR_CHECKPOINT means: a run's name, its folder, or a file.

A path comes before a name. The name is that of a run's folder in a folder of runs.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.checkpoints.header import SUFFIX
from core.checkpoints.other_files import is_foreign
from core.errors import CheckpointError, UsageError, closest_match, quoted
from core.runs.catalog import list_run_checkpoints
from core.runs.layout import BEST_FIRST, DESCRIPTION, EVENTS_FILE
from core.user import expand


def resolve_run(text: str, folder: Path) -> Path:
    """Return the folder of a run. A folder with nothing but checkpoints is a run in `folder` only.

    Raises CheckpointError where there is none, and UsageError for an empty text.
    """
    for place in _candidates(text, folder):
        if is_run(place):
            return with_own_name(place)
        if place.name[:1] not in ("", ".") and _is_in(place, folder) and _checkpoints_in(place):
            return place
    raise _not_found(text, folder)


def resolve_checkpoint(text: str, folder: Path, kinds: tuple[str, ...] = BEST_FIRST) -> Path:
    """Return a checkpoint file: of a run the first of those kinds that it has.

    Raises CheckpointError where there is none, and UsageError for an empty text.
    """
    for place in _candidates(text, folder):
        if os.path.isdir(place):
            return _checkpoint_of(place, kinds)
        # Also a broken link: its reader reports what is wrong with it.
        if os.path.lexists(place):
            if is_foreign(place):
                how = f"mnist-tui checkpoints import {quoted(place)}"
                raise CheckpointError(f"{place} was not saved by mnist-tui; import it first: {how}")
            return place
    raise _not_found(text, folder)


def resolve_either(text: str, folder: Path) -> Path:
    """Return a checkpoint file that a run has, or else the folder of a run.

    Raises CheckpointError, also for a file that is in no run, and UsageError for an empty text.
    """
    for place in _candidates(text, folder):
        if text.endswith(SUFFIX) and os.path.lexists(place) and not is_run(place):
            parent = place.absolute().parent
            if not is_run(parent) and not _is_in(parent, folder):
                how = "delete it like any other file"
                raise CheckpointError(f"{place} is not in a run's folder: {how}")
            return place
    return resolve_run(text, folder)


def resolve_all(text: str, folder: Path) -> list[Path]:
    """Return every checkpoint of a run, or the one file.

    Raises CheckpointError where there is none, and UsageError for an empty text.
    """
    for place in _candidates(text, folder):
        if found := list_run_checkpoints(place):
            return [each.path for each in found]
    return [resolve_checkpoint(text, folder)]


def find_recorded(text: str, folder: Path) -> Path | None:
    """Return the folder of a run that has a run.json or an events.jsonl, None if there is none.

    Raises UsageError for an empty text.
    """
    return next((with_own_name(each) for each in _candidates(text, folder) if is_run(each)), None)


def is_run(folder: Path) -> bool:
    """Return whether a folder is a run's: one of mnist-tui's files for a run is in it."""
    return any(os.path.isfile(folder / name) for name in (DESCRIPTION, EVENTS_FILE))


def with_own_name(folder: Path) -> Path:
    """Return the path by which a folder has its own name, which "." and ".." do not have."""
    return folder if folder.name not in ("", "..") else Path(os.path.realpath(folder))


def _candidates(text: str, folder: Path) -> tuple[Path, Path]:
    if not text:
        raise UsageError("RUN_OR_CHECKPOINT must not be empty")
    return expand(text), folder / text


def _checkpoint_of(run: Path, kinds: tuple[str, ...]) -> Path:
    for kind in kinds:
        if os.path.exists(run / (kind + SUFFIX)):
            return run / (kind + SUFFIX)
    if not os.access(run, os.X_OK):
        raise CheckpointError(f"{run} cannot be read (Permission denied)")
    if others := _checkpoints_in(run):
        raise CheckpointError(
            f"{run} has no {' and no '.join(kinds)}{SUFFIX}: name one of its files, "
            f"such as {others[-1]}"
        )
    raise CheckpointError(f"{run} has no checkpoint in it")


def _checkpoints_in(folder: Path) -> list[Path]:
    names = (each for each in _names_in(folder) if each.endswith(SUFFIX) and each[0] != ".")
    return [folder / each for each in names]


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):  # no folder, no permission, or a name that no file can have
        return []


def _is_in(place: Path, folder: Path) -> bool:
    try:
        return os.path.samefile(place.parent, folder)
    except (OSError, ValueError):
        return False


def _not_found(text: str, folder: Path) -> CheckpointError:
    runs = [each for each in _names_in(folder) if each[0] != "." and os.path.isdir(folder / each)]
    near = closest_match(text, runs)
    hint = f"; did you mean {near}?" if near else ""
    return CheckpointError(f"{text} does not exist, and {folder} has no run of that name{hint}")
