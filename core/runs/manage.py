"""Manage runs on disk: rename, note, star, delete and prune them.

No torch here. A process that is killed at any moment loses nothing.
"""

from __future__ import annotations

import json
import os
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from core.checkpoints.header import SUFFIX
from core.errors import CheckpointError
from core.files import open_no_follow, replace_file
from core.locking import lock_folder
from core.runs.catalog import read_checkpoint_file
from core.runs.description import lock_run, read_description, write_description
from core.runs.disk import explain_errors, freed_bytes, keep_times, move
from core.runs.layout import BEST, DESCRIPTION, EXTRA, LAST, NOTES, TRASH, find_length_problem
from core.runs.trash import Trashed, move_to_trash, rename_in_trash

LONGEST_NOTE = 500
SHOWN = 40  # characters of a name that is too long
LARGEST_NOTES = 2**16


def rename(folder: Path, name: str) -> Path:
    """Rename a run's folder, and return it. Its checkpoints keep the name that they were saved
    under. Raises CheckpointError."""
    if problem := find_length_problem(name):
        raise CheckpointError(f"a run cannot be named {name[:SHOWN]!r}…: the name {problem}")
    if problem := _problem_with(name):
        raise CheckpointError(f"a run cannot be named {name!r}: {problem}")
    target = folder.with_name(name)
    if name == folder.name:
        return folder
    with explain_errors(f"{folder} cannot be renamed"), lock_run(folder):
        description = {} if folder.is_symlink() else read_description(folder)
        before = (folder / DESCRIPTION).read_bytes() if description else b""
        try:
            if description:
                with keep_times(folder, folder / DESCRIPTION):
                    write_description(folder, description | {"run": name})
            move(folder, target)
        except BaseException:
            if description:
                with suppress(OSError), keep_times(folder, folder / DESCRIPTION):
                    replace_file(folder / DESCRIPTION, before)
            raise
    with suppress(CheckpointError, OSError):  # `restore` then reports where the files are
        rename_in_trash(folder.parent, folder.name, name)
    return target


def _problem_with(name: str) -> str | None:
    """Return what a file system, a shell or a terminal would misread in a name."""
    problems = {
        "must not be empty": not name.strip(),
        "must not begin or end with a space": name != name.strip(),
        "must not begin with ., - or ~": name.startswith((".", "-", "~")),
        "must not contain / or \\": "/" in name or "\\" in name,
        "must not contain line breaks or control characters": not name.isprintable(),
        f"must not end with {SUFFIX}, as checkpoints do": name.endswith(SUFFIX),
    }
    return next((f"a name {rule}" for rule, is_broken in problems.items() if is_broken), None)


def set_note(folder: Path, text: str) -> str:
    """Write a note beside a run, which may be training; an empty text removes it. Return the note
    as it is stored, on one line. Raises CheckpointError."""
    line = " ".join(text.split())
    if len(line) > LONGEST_NOTE:
        raise CheckpointError(f"a note has at most {LONGEST_NOTE} characters, not {len(line)}")
    _write_notes(folder, "note", line)
    return line


def set_star(folder: Path, starred: bool) -> None:
    """Star a run, which may be training, or remove its star. Raises CheckpointError."""
    _write_notes(folder, "star", starred)


def _write_notes(folder: Path, field: str, value: str | bool) -> None:
    path = folder / NOTES
    with explain_errors(f"{path} cannot be written"), lock_folder(folder), keep_times(folder):
        try:
            with open(path, "rb", opener=open_no_follow) as file:
                notes = json.loads(file.read(LARGEST_NOTES))
        except (FileNotFoundError, ValueError, RecursionError):
            notes = {}
        notes = notes if isinstance(notes, dict) else {}
        replace_file(path, json.dumps(notes | {field: value}).encode() + b"\n")


def delete(place: Path) -> Trashed:
    """Move a run's folder, or one checkpoint of a run, to the trash beside the runs. A link is
    moved itself, never what it leads to. Raises CheckpointError, also for a run in progress."""
    place = place.absolute()
    if not os.path.lexists(place):
        raise CheckpointError(f"{place} does not exist")
    parent = place.parent
    if not place.name.endswith(SUFFIX) or (place / DESCRIPTION).is_file():
        with lock_run(place):
            return move_to_trash(parent, place.name)
    # A run in progress needs none of its checkpoints but the last.
    with lock_run(parent) if place.name == LAST else nullcontext():
        return move_to_trash(parent.parent, parent.name, [place.name])


@dataclass(frozen=True)
class Pruned:
    """The checkpoints of a run beside its best and last. `bytes` are what deleting them for good
    frees: nothing for a file that is also the last one's. `trashed` is None until they are moved.
    """

    run: str
    files: tuple[str, ...]
    bytes: int
    trashed: Trashed | None = None


def prune(folder: Path, *, dry_run: bool = False) -> Pruned:
    """Move all epoch and step checkpoints of a run to the trash, so that its best and last stay,
    and files that a person has put there. A dry run moves nothing.

    Raises CheckpointError, also for a run in progress.
    """
    with lock_run(folder):
        with explain_errors(f"{folder} cannot be read"):
            files = tuple(sorted(filter(EXTRA.fullmatch, os.listdir(folder))))
        if files and not any(read_checkpoint_file(folder / name, 0).info for name in (LAST, BEST)):
            problem = "has no readable best or last checkpoint, so it keeps its others"
            raise CheckpointError(f"{folder} {problem}")
        if dry_run or not files:
            return Pruned(folder.name, files, freed_bytes(folder / name for name in files))
        trashed = move_to_trash(folder.parent, folder.name, files)
        return Pruned(folder.name, trashed.files, trashed.bytes, trashed)


def disk_use(folder: Path) -> tuple[int, int]:
    """Return the bytes of a folder's runs and those of its trash, as `freed_bytes` counts."""
    trash = freed_bytes([folder / TRASH])
    return freed_bytes([folder]) - trash, trash
