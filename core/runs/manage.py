"""What a person does with runs that are there: names, notes, stars, and what is kept of them.

No torch here. A process that is killed at any moment loses nothing.
"""

from __future__ import annotations

import json
import os
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from core.checkpoints.header import SUFFIX, read_info
from core.errors import CheckpointError
from core.files import open_no_follow, replace_file
from core.locking import one_at_a_time
from core.runs.description import lock_run, read_description
from core.runs.disk import explain_errors, freed_bytes, keep_times, move
from core.runs.layout import BEST, DESCRIPTION, EXTRA, LAST, NOTES, TRASH
from core.runs.trash import Trashed, move_to_trash, rename_in_trash

# In bytes, since that is what a file system counts; it leaves room for what is put around a name.
LONGEST_NAME = 200
LONGEST_NOTE = 500
LARGEST_NOTES = 2**16


def rename(folder: Path, name: str) -> Path:
    """Gives the run's folder another name; its checkpoints go on saying what it was called when
    they were saved. Gives the folder as it is now. Raises CheckpointError.
    """
    if problem := _problem_with(name):
        raise CheckpointError(f"a run cannot be called {name!r}: {problem}")
    target = folder.with_name(name)
    if name == folder.name:
        return folder
    with explain_errors(f"{folder} cannot be renamed"), lock_run(folder):
        described = {} if folder.is_symlink() else read_description(folder)
        before = (folder / DESCRIPTION).read_bytes() if described else b""
        try:
            if described:
                now = json.dumps(described | {"run": name}, indent=2) + "\n"
                _describe(folder, now.encode())
            move(folder, target)
        except BaseException:
            with suppress(OSError):
                if described:
                    _describe(folder, before)
            raise
    with suppress(CheckpointError, OSError):  # then `restore` says where they lie
        rename_in_trash(folder.parent, folder.name, name)
    return target


def _describe(folder: Path, content: bytes) -> None:
    with keep_times(folder, folder / DESCRIPTION):
        replace_file(folder / DESCRIPTION, content)


def _problem_with(name: str) -> str | None:
    """What a file system, a shell or a terminal would take for something else."""
    if not name.strip():
        return "a name must not be empty"
    if name != name.strip():
        return "a name must not begin or end with a space"
    if name[0] in ".-~":
        return "a name must not begin with ., - or ~"
    if "/" in name or "\\" in name:
        return "a name has no / or \\ in it"
    if not name.isprintable():
        return "a name has no line breaks and no control characters in it"
    if name.endswith(SUFFIX):
        return f"{SUFFIX} is what checkpoints end with"
    if len(os.fsencode(name)) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} bytes"
    return None


def note(folder: Path, text: str) -> str:
    """Writes a line beside the run, which may be going on; no text takes it away. Gives it as it
    is kept: on one line. Raises CheckpointError."""
    line = " ".join(text.split())
    if len(line) > LONGEST_NOTE:
        raise CheckpointError(f"a note has at most {LONGEST_NOTE} characters, not {len(line)}")
    _say(folder, "note", line)
    return line


def star(folder: Path, on: bool) -> None:
    """Gives the run, which may be going on, a star, or takes it away. Raises CheckpointError."""
    _say(folder, "star", on)


def _say(folder: Path, field: str, value: str | bool) -> None:
    path = folder / NOTES
    with explain_errors(f"{path} cannot be written"), one_at_a_time(folder), keep_times(folder):
        try:
            with open(path, "rb", opener=open_no_follow) as file:
                said = json.loads(file.read(LARGEST_NOTES))
        except (FileNotFoundError, ValueError, RecursionError):
            said = {}
        said = said if isinstance(said, dict) else {}
        replace_file(path, json.dumps(said | {field: value}).encode() + b"\n")


def delete(what: Path) -> Trashed:
    """Moves a run's folder, or one checkpoint of a run, to the trash beside the runs. A link is
    moved itself, never what it leads to. Raises CheckpointError, as for a run that is going on.
    """
    what = what.absolute()
    if not os.path.lexists(what):
        raise CheckpointError(f"{what} does not exist")
    place = what.parent
    if not what.name.endswith(SUFFIX) or (what / DESCRIPTION).is_file():
        with lock_run(what):
            return move_to_trash(place, what.name)
    # A run that goes on does without all but its last.
    with lock_run(place) if what.name == LAST else nullcontext():
        return move_to_trash(place.parent, place.name, [what.name])


@dataclass(frozen=True)
class Pruned:
    """The checkpoints of a run beside its best and last. `bytes` are what the disk gets back once
    they are gone for good: none for a file that is also the last one's. `trashed` is None where
    nothing has been moved."""

    run: str
    files: tuple[str, ...]
    bytes: int
    trashed: Trashed | None = None


def prunable(folder: Path) -> Pruned:
    """What `prune` would move. Raises CheckpointError, as for a run that is going on."""
    with lock_run(folder):
        return _prunable(folder)


def prune(folder: Path) -> Pruned:
    """Moves all checkpoints of a run that are of an epoch or a step to the trash, so that its best
    and last stay, and what a person has put there. Raises CheckpointError."""
    with lock_run(folder):
        found = _prunable(folder)
        if not found.files:
            return found
        trashed = move_to_trash(folder.parent, folder.name, found.files)
        return Pruned(found.run, trashed.files, trashed.bytes, trashed)


def _prunable(folder: Path) -> Pruned:
    with explain_errors(f"{folder} cannot be read"):
        files = tuple(sorted(filter(EXTRA.fullmatch, os.listdir(folder))))
    if files and not any(_is_whole(folder / name) for name in (LAST, BEST)):
        raise CheckpointError(
            f"{folder} has no best or last checkpoint that can be read, so it keeps its others"
        )
    return Pruned(folder.name, files, freed_bytes(folder / name for name in files))


def _is_whole(path: Path) -> bool:
    try:
        read_info(path)
    except CheckpointError:
        return False
    return True


@dataclass(frozen=True)
class DiskUse:
    """Bytes of all files in a folder of runs, counted as `freed` does."""

    runs: int
    trash: int


def disk_use(folder: Path) -> DiskUse:
    trash = freed_bytes([folder / TRASH])
    return DiskUse(freed_bytes([folder]) - trash, trash)
