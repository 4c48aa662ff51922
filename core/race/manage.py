"""Delete a race with its runs, and restore it. No torch here."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from core.errors import CheckpointError, UserError, printable
from core.race.record import RaceRecord, is_race, is_race_live, lock_race, read_race
from core.runs.manage import delete
from core.runs.trash import Trashed, list_trash, move_to_trash, restore_latest


def run_folders(record: RaceRecord) -> list[Path]:
    """Return the folders of a race's runs that are there, by lane and seed."""
    places = (record.folder.parent / name for names in record.runs for name in names if name)
    return [place for place in places if os.path.isdir(place)]


def delete_race(folder: Path) -> list[Trashed]:
    """Move a race's runs and then its folder to the trash; of one whose race.json is damaged, the
    folder alone. Raises CheckpointError, also for a race in progress."""
    folder = folder.absolute()
    record = None
    with suppress(UserError):
        record = read_race(folder)
    if record and is_race_live(record):
        raise CheckpointError(f"{printable(folder.name)} is in progress: stop it first")
    with lock_race(folder):
        runs = run_folders(record) if record else []
        return [*map(delete, runs), move_to_trash(folder.parent, folder.name)]


def restore_race(folder: Path) -> list[Path]:
    """Restore the runs of a race that was restored, as far as they are in the trash; none where
    the folder is no race's. Raises CheckpointError."""
    if not is_race(folder):
        return []
    names = {name for runs in read_race(folder).runs for name in runs}
    deleted = [each.run for each in list_trash(folder.parent) if not each.files]
    wanted = [each for each in dict.fromkeys(deleted) if each in names]
    missing = [each for each in wanted if not os.path.lexists(folder.parent / each)]
    return [restore_latest(each, folder.parent) for each in missing]
