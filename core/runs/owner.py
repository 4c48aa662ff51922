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


def is_owner_alive(description: dict[str, Any]) -> bool | None:
    """Return whether the process that run.json names exists; None if it is on another host.

    Another process with the same number has another start time. An earlier version wrote none; a
    process that has left the run to another one writes None.
    """
    pid, started = description.get("pid"), description.get("process_started", 0.0)
    if not isinstance(pid, int) or pid <= 0 or started is None:
        return False
    if description.get("host", host_name()) != host_name():
        return None
    now = _started(pid)
    if now is None or not isinstance(started, float) or not started:
        return now is not None
    return abs(now - started) < SECONDS_APART


def exists(pid: int) -> bool:
    """Return whether there is a process of that number on this host."""
    return _started(pid) is not None


def _started(pid: int) -> float | None:
    """Return when a process started, in seconds since 1970; None if there is none."""
    import psutil

    with suppress(psutil.Error, OverflowError):  # run.json can be edited
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None
