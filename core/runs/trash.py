"""The trash of a folder of runs: what is deleted is moved there, and can be brought back.

It is a hidden folder among the runs, so that each move is one rename on one file system: it takes
no time, and whoever is killed in the middle leaves a thing where it was or where it goes. Its
folders say all there is to know, <when>/run/<run> or <when>/files/<run>/<file>.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import ENOTEMPTY
from pathlib import Path
from time import time

from core.errors import CheckpointError, closest_match, explain
from core.locking import one_at_a_time

TRASH = ".trash"
WHOLE, FILES = "run", "files"
WHEN, WHEN_PATTERN = "%Y%m%d-%H%M%S-%f", re.compile(r"\d{8}-\d{6}-\d{6}")

# After so long an empty folder is no run's that just begins.
LEFT_OVER_SECONDS = 60


@dataclass(frozen=True)
class Trashed:
    """What was thrown away at once: a whole run, or the `files` of one. `bytes` are what the disk
    gets back when it is thrown away for good; a file that has another name still is none of it."""

    run: str
    files: tuple[str, ...]  # none: the whole run
    bytes: int
    at: float  # unix seconds
    place: Path  # what in the trash is its own

    @property
    def folder(self) -> Path:
        """The folder of runs that it was in, and comes back to."""
        return self.place.parent.parent

    @property
    def what(self) -> str:
        """In words: the run's name, the file's, or how many files they are."""
        if not self.files:
            return self.run
        if len(self.files) == 1:
            return f"{self.run}/{self.files[0]}"
        return f"{len(self.files)} files of {self.run}"


def throw_away(folder: Path, run: str, files: Iterable[str] | None = None) -> Trashed:
    """Moves a run of that folder, or some of its files, to the trash. The run must be held.

    Raises CheckpointError; what has been moved by then can be brought back.
    """
    place = folder / run
    if TRASH in place.absolute().parts:
        raise CheckpointError(f"{place} has been deleted already; `runs restore` brings it back")
    with explained(f"{place} cannot be deleted"):
        with suppress(FileExistsError):
            (folder / TRASH).mkdir()
        with _opened(folder) as trash:
            entry = _new_entry(trash)
            inside = entry / (WHOLE if files is None else FILES)
            try:
                inside.mkdir()
                if files is None:
                    place.rename(inside / run)
                else:
                    with same_age(place):
                        (inside / run).mkdir()
                        for name in files:
                            (place / name).rename(inside / run / name)
            finally:
                _sweep(entry)
            trashed = _read(entry)
    if trashed is None:
        raise CheckpointError(f"{place} has been moved to {entry}, which cannot be read")
    return trashed


def _new_entry(trash: Path) -> Path:
    while True:
        entry = trash / datetime.now(UTC).strftime(WHEN)
        try:
            entry.mkdir()
        except FileExistsError:  # in this same microsecond
            continue
        return entry


def _sweep(entry: Path) -> None:
    """Takes folders away that have nothing in them."""
    for place in (*entry.glob("*/*"), *entry.glob("*"), entry):
        if place.parent.name != WHOLE:  # a run is there in whatever state it was thrown away
            with suppress(OSError):
                place.rmdir()


def list_trash(folder: Path) -> list[Trashed]:
    """What can be brought back to that folder of runs, what was deleted last first. Raises
    CheckpointError."""
    with explained(f"{folder / TRASH} cannot be read"):
        try:
            if not stat.S_ISDIR(os.lstat(folder / TRASH).st_mode):
                raise CheckpointError(f"{folder / TRASH} is no folder, so nothing is deleted there")
            names = os.listdir(folder / TRASH)
        except FileNotFoundError:
            return []
    found = (_read(folder / TRASH / name) for name in sorted(names, reverse=True))
    return [each for each in found if each]


def _read(entry: Path) -> Trashed | None:
    """None for what is not ours, which a link is not either, and for what is gone meanwhile."""
    if not WHEN_PATTERN.fullmatch(entry.name) or entry.is_symlink():
        return None
    try:
        at = datetime.strptime(entry.name, WHEN).replace(tzinfo=UTC).timestamp()
        for kind in (WHOLE, FILES):
            if not (entry / kind).is_dir() or (entry / kind).is_symlink():
                continue
            for run in os.listdir(entry / kind):
                if kind == FILES and (entry / kind / run).is_symlink():
                    continue
                files = () if kind == WHOLE else tuple(sorted(os.listdir(entry / kind / run)))
                if kind == WHOLE or files:
                    return Trashed(run, files, freed([entry]), at, entry)
    except (OSError, ValueError):
        pass
    return None


def restore(name: str, folder: Path) -> Path:
    """Brings back what was last deleted of the run of that name; gives the run's folder. Raises
    CheckpointError."""
    trashed = list_trash(folder)
    for each in trashed:
        if each.run == name:
            return bring_back(each)
    near = closest_match(name, [each.run for each in trashed])
    hint = f"; did you mean {near}?" if near else ""
    raise CheckpointError(f"nothing of {name or repr(name)} is in the trash of {folder}{hint}")


def bring_back(trashed: Trashed) -> Path:
    """Puts it where it was, and never in the place of something; gives the run's folder. Raises
    CheckpointError."""
    home = trashed.folder / trashed.run
    with explained(f"{trashed.what} cannot be brought back"), _opened(trashed.folder):
        if not trashed.files:
            move(trashed.place / WHOLE / trashed.run, home)
        elif not home.is_dir():
            inside = trashed.place / FILES / trashed.run
            raise CheckpointError(
                f"{trashed.run}, whose files these are, is not in {trashed.folder} any more; "
                f"they are in {inside}"
            )
        else:
            for name in trashed.files:
                if os.path.lexists(home / name):
                    raise CheckpointError(f"{home / name} is there again, and stays as it is")
            with same_age(home):
                for name in trashed.files:
                    move(trashed.place / FILES / trashed.run / name, home / name)
        _sweep(trashed.place)
    return home


def call_otherwise(folder: Path, before: str, now: str) -> None:
    """What is there of a run's files comes back to the run under its new name. What is older than
    a whole run of the old name there is of that one. Raises OSError and CheckpointError."""
    if not os.path.lexists(folder / TRASH):
        return
    with _opened(folder):
        for each in list_trash(folder):
            if each.run == before and not each.files:
                break
            if each.run == before:
                (each.place / FILES / before).rename(each.place / FILES / now)


def move(source: Path, target: Path) -> None:
    """A rename that never takes something's place. Raises OSError, and CheckpointError where
    something is there; then the source is where it was."""
    try:
        if source.is_dir() and not source.is_symlink():
            _move_folder(source, target)
        elif source.is_symlink():
            target.symlink_to(os.readlink(source))
            source.unlink()
        else:
            _move_file(source, target)
    except FileExistsError:
        raise CheckpointError(f"{target} is there already, and stays as it is") from None


def _move_folder(source: Path, target: Path) -> None:
    # A folder takes the place of an empty one, which may be a run that just begins; so the name is
    # claimed by an empty one of our own first.
    if not _is_left_over(target):
        target.mkdir()
    try:
        if sys.platform == "win32":  # where it would not
            target.rmdir()
        source.rename(target)
    except OSError as error:
        with suppress(OSError):
            target.rmdir()
        if error.errno == ENOTEMPTY:  # a run has begun there meanwhile
            raise FileExistsError(target) from None
        raise


def _is_left_over(place: Path) -> bool:
    """Whether it is an empty folder that is nobody's: who claimed it was killed before the move."""
    try:
        status = os.lstat(place)
        old = time() - status.st_mtime > LEFT_OVER_SECONDS
        return stat.S_ISDIR(status.st_mode) and old and not os.listdir(place)
    except OSError:
        return False


def _move_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        source.rename(target)
    else:
        source.unlink()


def empty_trash(folder: Path) -> int:
    """Deletes for good what is in the trash; gives the bytes that the disk has back. Raises
    CheckpointError."""
    if not os.path.lexists(folder / TRASH):
        return 0
    with explained(f"{folder / TRASH} cannot be emptied"), _opened(folder) as trash:
        # Nothing that somebody else has put there.
        entries = [each for each in trash.iterdir() if WHEN_PATTERN.fullmatch(each.name)]
        entries = [each for each in entries if each.is_dir() and not each.is_symlink()]
        total = freed(entries)
        for each in entries:
            shutil.rmtree(each)
    return total


@contextmanager
def _opened(folder: Path) -> Iterator[Path]:
    """The trash, while no other process moves things in or out. A link is not followed: emptying it
    would delete what is elsewhere. Raises OSError and CheckpointError."""
    trash = folder / TRASH
    if not stat.S_ISDIR(os.lstat(trash).st_mode):
        raise CheckpointError(f"{trash} is no folder, so nothing is deleted there")
    with one_at_a_time(trash):
        yield trash


@contextmanager
def explained(what: str) -> Iterator[None]:
    """What the system refuses is a CheckpointError that begins so."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(f"{what} ({explain(error)})") from None


@contextmanager
def same_age(*places: Path) -> Iterator[None]:
    """What a person does with a run makes it no newer: lists are by when it was last saved to."""
    ages = {place: os.stat(place) for place in places}
    yield
    for place, age in ages.items():
        with suppress(OSError):
            os.utime(place, ns=(age.st_atime_ns, age.st_mtime_ns))


def freed(places: Iterable[Path]) -> int:
    """The bytes of all files under there that have no name anywhere else, each counted once. Links
    are not followed, and what goes meanwhile is left out."""
    names: dict[tuple[int, int], int] = {}
    total = 0
    for status in _files_under(places):
        same = (status.st_dev, status.st_ino)
        names[same] = names.get(same, 0) + 1
        if names[same] == max(1, status.st_nlink):
            total += status.st_size
    return total


def _files_under(places: Iterable[Path]) -> Iterator[os.stat_result]:
    left: list[str] = [os.fspath(place) for place in places]
    while left:
        place = left.pop()
        with suppress(OSError):
            status = os.lstat(place)
            if stat.S_ISDIR(status.st_mode):
                left += [each.path for each in os.scandir(place)]
            else:
                yield status
