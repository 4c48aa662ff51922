"""The limits of CPU time and memory that Linux's control groups set for a container or job.

Described in the kernel's documentation: admin-guide/cgroup-v2 and scheduler/sched-bwc (version 1).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

PROCESS = Path("/proc/self")


def cpu_quota(process: Path = PROCESS) -> float | None:
    """Return the tightest limit of CPU time, in cores; None for no limit."""
    groups = find_groups("cpu", process)
    limits = _pairs([("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")], groups)
    return min((quota / period for quota, period in limits if period), default=None)


def memory_limit(process: Path = PROCESS) -> tuple[int | None, int]:
    """Return the tightest limit in bytes, None for no limit, and how much of it is in use."""
    old = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    limits = _pairs([("memory.max", "memory.current"), old], find_groups("memory", process))
    return min(limits, key=lambda each: each[0] - each[1], default=(None, 0))


def _pairs(names: Iterable[tuple[str, ...]], groups: Iterable[Path]) -> Iterator[tuple[int, int]]:
    """Yield the two whole numbers in the files of each group, if "max" or -1 is none of them."""
    for folder in groups:
        for files in names:
            with suppress(OSError):
                texts = [(folder / each).read_text(encoding="utf-8") for each in files]
                words = " ".join(texts).split()
                if len(words) == 2 and all(map(str.isdigit, words)):
                    yield int(words[0]), int(words[1])


@cache
def find_groups(controller: str, process: Path = PROCESS) -> tuple[Path, ...]:
    """Return the folders of a process's control groups for "cpu" or "memory", and of all groups
    above them up to the roots of their mounts, any of which can have the tightest limit.

    A machine can have both versions mounted. It has none where the files of `process` are missing.
    """
    try:
        own = _own_paths((process / "cgroup").read_text(encoding="utf-8"), controller)
        mounts = (process / "mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    found: list[Path] = []
    for line in mounts.splitlines():
        place, _, system = line.partition(" - ")
        kind, _, options = system.partition(" ")
        has_controller = kind == "cgroup" and controller in options.split(" ")[-1].split(",")
        fields = place.split(" ")
        if (kind == "cgroup2" or has_controller) and len(fields) > 4 and kind in own:
            root, top = fields[3], Path(fields[4].replace("\\040", " "))
            folder = top / _below(own[kind], root)
            found += [each for each in (folder, *folder.parents) if each.is_relative_to(top)]
    return tuple(dict.fromkeys(found))


def _own_paths(text: str, controller: str) -> dict[str, str]:
    """Return the path of the process's group by the type of its file system."""
    found = {}
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            found["cgroup"] = path
        elif number == "0" and not controllers:
            found["cgroup2"] = path
    return found


def _below(path: str, root: str) -> str:
    """Return a group's path below the root of a mount, "." if it is not below it: in a container
    with a view of its own, the root of the mount is the container's group."""
    inner = os.path.relpath(path, root)
    return "." if inner.startswith("..") else inner
