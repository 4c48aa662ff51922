"""Read a run's run.json, and find out whether a process is training that run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import CheckpointError
from core.files import open_no_follow, open_regular_file, replace_file
from core.locking import NoLocks, check_locks, fcntl, is_locked, lock
from core.runs.layout import DESCRIPTION, EVENTS_FILE
from core.runs.owner import has_process, is_owner_alive

# The status of a run in progress, and every status in a run.json.
IN_PROGRESS = ("running", "paused")
STATUSES = (*IN_PROGRESS, "finished", "stopped", "failed")
# What a run.json says of imported weights; that of a branch from them does not.
IMPORT_KEYS = ("imported_from", "imported_at", "imported_names")
# What is shown in place of the metrics and curves of such weights.
NO_HISTORY = "imported: no training history"
LARGEST_TABLE = 2**20


def read_description(folder: Path) -> dict[str, Any]:
    """Return a run's run.json, empty where there is none that can be read."""
    return read_table(folder / DESCRIPTION)


def read_table(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, empty where there is none that can be read."""
    try:
        with open_regular_file(path) as file:
            found = json.loads(file.read(LARGEST_TABLE))
    except (CheckpointError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Replace a run's run.json. Raises OSError."""
    replace_file(folder / DESCRIPTION, json.dumps(description, indent=2).encode() + b"\n")


def config_in(description: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that a run.json stores, empty where it has none."""
    found = description.get("config")
    return found if isinstance(found, dict) else {}


def is_imported(description: dict[str, Any]) -> bool:
    """Return whether the folder has weights of another program, and no run."""
    return isinstance(description.get("imported_from"), str)


def status_of(folder: Path, description: dict[str, Any]) -> str:
    """Return a run's status: as in run.json, but `interrupted` if its process is gone, and
    `imported` or `unknown` where run.json has none."""
    status = description.get("status")
    if status not in STATUSES:
        return "imported" if is_imported(description) else "unknown"
    if status not in IN_PROGRESS or is_live(folder, description):
        return status
    # The run may have ended since run.json was read.
    now = read_description(folder).get("status")
    return now if isinstance(now, str) and now not in IN_PROGRESS else "interrupted"


def is_live(folder: Path, description: dict[str, Any]) -> bool:
    """Return whether the process that run.json names is training the run."""
    if has_process(description) is False:
        return False
    try:
        # Only for runs in progress: testing the lock takes it for a moment.
        return is_locked(folder / EVENTS_FILE)
    except NoLocks:
        return is_owner_alive(description) is True and description.get("status") in IN_PROGRESS


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Keep a run from being trained, so that its folder can be moved; resuming it is refused.

    Raises CheckpointError where a process is training it, or where it is gone.
    """
    if fcntl is None:  # Windows, where no folder can be moved that has an open file
        _check_owner(folder)
        yield
        return
    with ExitStack() as stack:
        with suppress(OSError):  # no event file of its own, so no process can be writing it
            file = stack.enter_context(_open_events(folder))
            lock_events(file.fileno(), folder)
        yield


def _open_events(folder: Path) -> BinaryIO:
    path = folder / EVENTS_FILE
    try:
        return open(path, "r+b", opener=open_no_follow)  # NFS locks no file that is only read
    except OSError:  # read-only
        return open(path, "rb", opener=open_no_follow)


def lock_events(number: int, folder: Path) -> str | None:
    """Lock the open events.jsonl of a run until it is closed.

    Returns why the file system has no locks, None where it has. Then run.json is the only sign.
    Raises CheckpointError where a process is training the run, or where the folder was moved.
    """
    missing = None
    try:
        if not lock(number):
            raise _in_use(folder)
        check_locks(folder / EVENTS_FILE)
    except NoLocks as error:
        missing = str(error)
        _check_owner(folder)
    with suppress(OSError):
        if os.path.samestat(os.fstat(number), os.stat(folder / EVENTS_FILE)):
            return missing
    raise CheckpointError(f"{folder} has just been renamed or deleted")


def _check_owner(folder: Path) -> None:
    """Raise CheckpointError where run.json says that a process is training the run."""
    description = read_description(folder)
    status = description.get("status")
    if status not in IN_PROGRESS or (alive := is_owner_alive(description)) is False:
        return
    if alive:
        raise _in_use(folder)
    raise CheckpointError(
        f"{folder} is {status} in process {description.get('pid')} on {description.get('host')}, "
        "and this file system has no locks that show whether it still is; stop it there, or, if it "
        f'has ended, set "status" to "stopped" in {folder / DESCRIPTION}'
    )


def _in_use(folder: Path) -> CheckpointError:
    description = read_description(folder)
    # A process that has only just resumed the run is not in run.json yet.
    by = f"process {description['pid']}" if has_process(description) else "another process"
    return CheckpointError(f"{folder} is being trained by {by}; stop it first")
