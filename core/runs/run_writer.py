"""Write a run's folder while the run trains: create it, append to events.jsonl, update run.json."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from dataclasses import asdict
from io import FileIO
from itertools import count
from pathlib import Path
from shutil import rmtree

from core.config import TrainConfig
from core.data.record import Record
from core.errors import CheckpointError, explain
from core.event_json import as_json, from_json
from core.events import Evaluated, Event, Paused, Resumed, RunFailed, RunFinished
from core.files import PARTIAL, open_no_follow, read_lines
from core.locking import lock_by_file
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.models.networks import resolve_network
from core.models.saved_networks import find_name
from core.runs.description import (
    IN_PROGRESS,
    lock_events,
    read_description,
    write_description,
)
from core.runs.disk import explain_errors, explain_unwritable
from core.runs.layout import EVENTS_FILE
from core.runs.owner import own_process


class RunWriter:
    """The one writer of a run's folder. A context manager that closes events.jsonl.

    The folder is locked until then, or until the process ends: no two processes can train a run.
    """

    def __init__(self, folder: Path) -> None:
        """Raises OSError, and CheckpointError where another process is training the run."""
        self.folder = folder
        self.name = folder.name
        self.description = read_description(folder)
        self.has_begun = False
        self._status_on_disk = ""  # the status that run.json has
        # Lines are appended, so a reader and a crash find everything that was written before.
        self._events = FileIO(folder / EVENTS_FILE, "ab", opener=open_no_follow)
        self._unwritten = bytearray()  # what a full disk has not taken yet
        self.write_error: str | None = None  # why not
        try:
            self.missing_locks = self._lock()
        except (CheckpointError, OSError):
            self._events.close()
            raise

    def _lock(self) -> str | None:
        """Keep other processes from training the run.

        Returns why the file system has no locks, None where it has. Without locks run.json says at
        once that this process trains the run; a new run's is written first by `begin`. Raises
        OSError and CheckpointError.
        """
        missing = lock_events(self._events.fileno(), self.folder)
        if missing and self.description:
            with lock_by_file(self.folder):
                lock_events(self._events.fileno(), self.folder)
                claimed = self.description | own_process() | {"status": "running"}
                write_description(self.folder, claimed)
        return missing

    def _release(self) -> None:
        """Leave the run to another process, where no lock says so. Raises OSError."""
        if self.has_begun and self.description["status"] in IN_PROGRESS:
            write_description(self.folder, self.description | {"process_started": None})
        elif self.missing_locks and self.description and not self.has_begun:
            write_description(self.folder, self.description)  # as it was

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # a full disk, which `record` has reported
            self._write_events()
        with suppress(OSError):
            self._release()
        self._events.close()

    def begin(
        self,
        config: TrainConfig,
        dataset: str,
        device: str,
        routes: str = "",
        scaling: InputScaling = DEFAULT_SCALING,
        content: Record | None = None,
    ) -> None:
        """Write run.json for a run that this process trains; `content` is what to store of a
        folder of images. Raises OSError."""
        self.description |= {
            "run": self.name,
            "status": "running",
            "arch": self.description.get("arch") or find_name(config.arch),
            "config": {**asdict(config), "dataset": dataset, **(content or {})},
            "seed": config.seed,
            "device": device,
            "routes": routes,
            "input_mean": scaling.mean,
            "input_std": scaling.std,
            "versions": versions(),
        }
        if file := resolve_network(config.arch).file:
            self.description["source_digest"] = file.digest
        self.description |= own_process()
        self._write_description()
        self.has_begun = True

    @property
    def branched(self) -> tuple[str | None, int]:
        """The run that this one branched from, and at which step; (None, 0) for no branch."""
        parent, step = (self.description.get(name) for name in ("branched_from", "branched_at"))
        if isinstance(parent, str) and isinstance(step, int):
            return parent, step
        return None, 0

    def rewind(self, step: int, *, evaluated: bool) -> list[Event]:
        """Delete the events after a step and everything half-written, and return the events that
        stay. `evaluated` says whether the step's own evaluation stays.

        Raises OSError.
        """
        for partial in self.folder.glob(f".*{PARTIAL}"):
            partial.unlink(missing_ok=True)
        kept, end = [], 0
        with open(self.folder / EVENTS_FILE, "r+b", opener=open_no_follow) as file:
            for line in read_lines(file):
                event = from_json(line.decode(errors="replace"))
                if not line.endswith(b"\n") or (event and _is_later(event, step, evaluated)):
                    break
                end = file.tell()
                if event:
                    kept.append(event)
            file.truncate(end)
        return kept

    def record(self, event: Event) -> None:
        """Append an event to events.jsonl, and bring the status in run.json up to date.

        Raises OSError; what could not be written is written with a later event.
        """
        if not event.recorded:
            return
        self.description["status"] = _status_after(event) or self.description["status"]
        self._unwritten += as_json(event).encode() + b"\n"
        try:
            self._write_events()
        finally:
            # Even if the event is not written, a run that has ended must not look in progress.
            if self.description["status"] != self._status_on_disk:
                self._write_description()

    def _write_events(self) -> None:
        try:
            while self._unwritten:
                del self._unwritten[: self._events.write(self._unwritten)]
        except OSError as error:
            self.write_error = explain(error)
            raise
        self.write_error = None

    def sync(self) -> None:
        """Wait until the events are on the disk; any thread may call this. Raises OSError."""
        os.fsync(self._events.fileno())

    def _write_description(self) -> None:
        write_description(self.folder, self.description)
        self._status_on_disk = self.description["status"]


def _is_later(event: Event, step: int, evaluated: bool) -> bool:
    # RunFinished has `steps`.
    at = getattr(event, "step", getattr(event, "steps", 0))
    is_removed = at == step and not evaluated and isinstance(event, Evaluated)
    return isinstance(at, int) and (is_removed or at > step)  # events.jsonl can be edited


def _status_after(event: Event) -> str | None:
    if isinstance(event, RunFinished):
        return "stopped" if event.stopped else "finished"
    return {Paused: "paused", Resumed: "running", RunFailed: "failed"}.get(type(event))


def create(
    config: TrainConfig,
    dataset: str,
    device: str,
    routes: str = "",
    content: Record | None = None,
    race: str = "",
) -> RunWriter:
    """Make a folder for a new run, named by its network and the time; `race` is the name of the
    race that it belongs to.

    Raises CheckpointError where it cannot be written.
    """
    with explain_unwritable(config.folder):
        run = RunWriter(new_folder(config))
        if race:
            run.description["race"] = race
        try:
            run.begin(config, dataset, device, routes, content=content)
        except OSError:
            run.__exit__()
            rmtree(run.folder, ignore_errors=True)
            raise
    return run


def reopen(folder: Path) -> RunWriter:
    """Open the run in a folder to resume it. Raises CheckpointError."""
    with explain_errors(f"{folder} cannot be written"):
        return RunWriter(folder)


def new_folder(config: TrainConfig, arch: str = "") -> Path:
    """Make an empty folder for a run of the config. Raises OSError.

    `arch` is the name of its network, by default the one that it has on this machine.
    """
    name = arch or find_name(config.arch)
    return claim_folder(config.folder, f"{name}-{time.strftime('%Y%m%d-%H%M%S')}")


def claim_folder(parent: Path, name: str, *, is_exact: bool = False) -> Path:
    """Make a folder of that name, with a number after it where there is one already: two programs
    that start in the same second get different folders.

    Raises OSError, and CheckpointError where there is one of the `is_exact` name.
    """
    parent.mkdir(parents=True, exist_ok=True)
    folder, numbers = parent / name, count(2)
    while True:
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
        if is_exact:
            raise CheckpointError(name_taken(folder))
        folder = parent / f"{name}-{next(numbers)}"


def name_taken(folder: Path) -> str:
    return f"{folder} already exists and is not replaced: choose another --name"


def versions() -> dict[str, str]:
    """Return the versions of what decides the result of a training step."""
    from importlib.metadata import PackageNotFoundError, version  # 20 ms of every start

    found = {"python": platform.python_version()}
    for package in ("mnist-tui", "torch", "safetensors"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
