"""Which process trains a run, as run.json says: the sign where the file system has no locks."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from core.user import host_name

# Two readings of when a process started differ where the clock was set in between.
SECONDS_APART = 2.0


def own_process() -> dict[str, Any]:
    """Return what run.json says of this process."""
    return {"pid": os.getpid(), "host": host_name(), "process_started": _started(os.getpid())}


def has_process(description: dict[str, Any]) -> bool | None:
    """Return whether there is a process of the number in run.json; None if it is on another host.

    It may be another process by now.
    """
    pid = description.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if description.get("host", host_name()) != host_name():
        return None
    return _started(pid) is not None


def is_owner_alive(description: dict[str, Any]) -> bool | None:
    """Return whether the process that run.json names exists; None if it is on another host.

    Another process with the same number has another start time; so has the same one after the clock
    was set. An earlier version wrote none; a process that has left the run to another one writes
    None.
    """
    found, started = has_process(description), description.get("process_started", 0.0)
    if started is None:
        return False
    if not found or not isinstance(started, float) or not started:
        return found
    now = _started(description["pid"])
    return now is not None and abs(now - started) < SECONDS_APART


def _started(pid: int) -> float | None:
    """Return when a process started, in seconds since 1970; None if there is none."""
    import psutil

    with suppress(psutil.Error, OverflowError):  # run.json can be edited
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None
