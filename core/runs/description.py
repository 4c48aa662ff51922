"""Read a run's run.json, and find out whether a process is training that run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from core.errors import CheckpointError
from core.files import open_no_follow, open_regular_file, replace_file
from core.locking import fcntl, is_locked, lock
from core.runs.layout import DESCRIPTION, EVENTS_FILE
from core.user import host_name

# The status of a run in progress, and every status in a run.json.
IN_PROGRESS = ("running", "paused")
STATUSES = (*IN_PROGRESS, "finished", "stopped", "failed")
# What a run.json says of imported weights; that of a branch from them does not.
IMPORT_KEYS = ("imported_from", "imported_at")
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
    pid = description.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    here = description.get("host", host_name()) == host_name()
    if fcntl is None:
        return here and _exists(pid)
    # Only for runs in progress: testing the lock takes it for a moment.
    return (not here or _exists(pid)) and is_locked(folder / EVENTS_FILE)


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Keep a run from being trained, so that its folder can be moved; resuming it is refused.

    Raises CheckpointError where a process is training it, or where it is gone.
    """
    if fcntl is None:
        description = read_description(folder)
        if description.get("status") in IN_PROGRESS and is_live(folder, description):
            raise _in_use(folder)
        yield
        return
    with ExitStack() as stack:
        with suppress(OSError):  # no event file of its own, so no process can be writing it
            file = stack.enter_context(open(folder / EVENTS_FILE, "rb", opener=open_no_follow))
            lock_events(file.fileno(), folder)
        yield


def lock_events(number: int, folder: Path) -> None:
    """Lock the open events.jsonl of a run until it is closed.

    Raises CheckpointError where a process is training the run, or where the folder was moved.
    """
    if not lock(number):
        raise _in_use(folder)
    with suppress(OSError):
        if os.path.samestat(os.fstat(number), os.stat(folder / EVENTS_FILE)):
            return
    raise CheckpointError(f"{folder} has just been renamed or deleted")


def _in_use(folder: Path) -> CheckpointError:
    pid = read_description(folder).get("pid")
    # A process that has only just resumed the run is not in run.json yet.
    by = f"process {pid}" if isinstance(pid, int) and _exists(pid) else "another process"
    return CheckpointError(f"{folder} is being trained by {by}; stop it first")


def _exists(pid: int) -> bool:
    from psutil import pid_exists

    try:
        return pid_exists(pid)
    except OverflowError:  # run.json can be edited
        return False
