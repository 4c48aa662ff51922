"""A run's folder: its run.json, its events.jsonl, and the checkpoints beside them."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Any

from core.config import TrainConfig
from core.errors import CheckpointError, explain
from core.event_json import as_json, from_json
from core.events import Evaluated, Event, Paused, Resumed, RunFailed, RunFinished
from core.files import PARTIAL, open_no_follow, open_regular_file, read_lines, replace_file
from core.locking import fcntl, is_locked, lock

DESCRIPTION, EVENTS = "run.json", "events.jsonl"
LARGEST_TABLE = 2**20


class Run:
    """A run's folder while the run is going on. A context manager: it closes its file.

    Nobody else can have the same folder: it is locked until then, or until the process ends.
    """

    def __init__(self, folder: Path) -> None:
        """Raises OSError, and CheckpointError where the run is going on already."""
        self.folder = folder
        self.name = folder.name
        self.description = read_description(folder)
        self.begun = False
        self._described = ""  # the status that run.json has
        # Lines are appended, so that a reader and a crash find all that was written before.
        self._events = FileIO(folder / EVENTS, "ab", opener=open_no_follow)
        self._unwritten = bytearray()  # what a full disk would not take yet
        self.behind: str | None = None  # why it would not
        if not lock(self._events):
            self._events.close()
            raise CheckpointError(f"{folder} is a run that is going on, in {_process(folder)}")
        if not _is_still_at(self._events.fileno(), folder / EVENTS):
            self._events.close()
            raise CheckpointError(f"{folder} has just been renamed or deleted")

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # a full disk, of which record has told
            self._write_events()
        self._events.close()

    def begin(self, config: TrainConfig, dataset: str, device: str) -> None:
        """Describes the run as one that is going on in this process. Raises OSError."""
        self.description |= {
            "run": self.name,
            "status": "running",
            "pid": os.getpid(),
            "host": platform.node(),
            "config": asdict(config) | {"dataset": dataset},
            "seed": config.seed,
            "device": device,
            "versions": versions(),
        }
        self._write_description()
        self.begun = True

    @property
    def branched(self) -> tuple[str | None, int]:
        """The run that this one is a branch of, and the step at which it left that one."""
        parent, step = (self.description.get(name) for name in ("branched_from", "branched_at"))
        if isinstance(parent, str) and isinstance(step, int):
            return parent, step
        return None, 0

    def rewind(self, step: int, *, scored: bool) -> list[Event]:
        """Takes back what was told of later than the step, and what was left half written; gives
        the events that stay, but for those of other versions. `scored` says whether the step's
        evaluation is behind it.

        Raises OSError.
        """
        for rest in self.folder.glob(f".*{PARTIAL}"):
            rest.unlink(missing_ok=True)
        kept, end = [], 0
        with open(self.folder / EVENTS, "r+b", opener=open_no_follow) as file:
            for line in read_lines(file):
                event = from_json(line.decode(errors="replace"))
                if not line.endswith(b"\n") or (event and _is_later(event, step, scored)):
                    break
                end = file.tell()
                if event:
                    kept.append(event)
            file.truncate(end)
        return kept

    def record(self, event: Event) -> None:
        """Appends the event, and brings run.json's status up to date.

        Raises OSError; what could not be written then is written with a later event.
        """
        if not event.recorded:
            return
        self.description["status"] = _status(event) or self.description["status"]
        self._unwritten += as_json(event).encode() + b"\n"
        try:
            self._write_events()
        finally:
            # Whatever becomes of the line, the run must not seem to go on.
            if self.description["status"] != self._described:
                self._write_description()

    def _write_events(self) -> None:
        try:
            while self._unwritten:
                del self._unwritten[: self._events.write(self._unwritten)]
        except OSError as error:
            self.behind = explain(error)
            raise
        self.behind = None

    def sync(self) -> None:
        """Waits until the disk has the events, for any thread. Raises OSError."""
        os.fsync(self._events.fileno())

    def _write_description(self) -> None:
        text = json.dumps(self.description, indent=2) + "\n"
        replace_file(self.folder / DESCRIPTION, text.encode())
        self._described = self.description["status"]


def _is_still_at(number: int, path: Path) -> bool:
    """Whether the open file is what is at the path: the folder may have been moved since."""
    try:
        return os.path.samestat(os.fstat(number), os.stat(path))
    except OSError:
        return False


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The run in the folder while nobody trains in it, so that it can be moved; who takes it up
    meanwhile is refused. Raises CheckpointError where it is going on, or is gone."""
    going = f"{folder} is going on, in {_process(folder)}; stop it first"
    if fcntl is None:
        described = read_description(folder)
        if described.get("status") in ("running", "paused") and is_live(folder, described):
            raise CheckpointError(going)
        yield
        return
    try:
        number = open_no_follow(folder / EVENTS, os.O_RDONLY)
    except OSError:  # no record of its own, so nobody can be writing it
        yield
        return
    try:
        if not lock(number):
            raise CheckpointError(going)
        if not _is_still_at(number, folder / EVENTS):
            raise CheckpointError(f"{folder} has just been renamed or deleted")
        yield
    finally:
        os.close(number)


def _process(folder: Path) -> str:
    """Which process has the run. Who has only just taken it up does not stand in its run.json."""
    pid = read_description(folder).get("pid")
    return f"process {pid}" if isinstance(pid, int) and _exists(pid) else "another process"


def is_live(folder: Path, described: dict[str, Any]) -> bool:
    """Whether a process has the run that is described as going on."""
    pid = described.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    here = described.get("host", platform.node()) == platform.node()
    if fcntl is None:
        return here and _exists(pid)
    # Not asked of every run: who asks has the lock for a moment.
    return (not here or _exists(pid)) and is_locked(folder / EVENTS)


def _exists(pid: int) -> bool:
    from psutil import pid_exists

    try:
        return pid_exists(pid)
    except OverflowError:  # by somebody else's hand
        return False


def read_description(folder: Path) -> dict[str, Any]:
    """What a run.json says; nothing where there is none that can be read."""
    return read_table(folder / DESCRIPTION)


def read_table(path: Path) -> dict[str, Any]:
    """What a file of one JSON table says; nothing where it is none, or none that can be read."""
    try:
        with open_regular_file(path) as file:  # which waits for nobody, were it a pipe
            found = json.loads(file.read(LARGEST_TABLE))
    except (CheckpointError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_imported(described: dict[str, Any]) -> bool:
    """Whether what is described is no run, but the weights of another program alone."""
    return isinstance(described.get("imported_from"), str)


def _is_later(event: Event, step: int, scored: bool) -> bool:
    # RunFinished has `steps`.
    at = getattr(event, "step", getattr(event, "steps", 0))
    if not isinstance(at, int):  # by somebody else's hand
        return False
    return at > step or (at == step and not scored and isinstance(event, Evaluated))


def _status(event: Event) -> str | None:
    match event:
        case Paused():
            return "paused"
        case Resumed():
            return "running"
        case RunFinished(stopped=stopped):
            return "stopped" if stopped else "finished"
        case RunFailed():
            return "failed"
    return None


def new_folder(config: TrainConfig) -> Path:
    """An empty folder of a name that no run has. Raises OSError."""
    stem = f"{config.arch}-{time.strftime('%Y%m%d-%H%M%S')}"
    config.folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = config.folder / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def cannot_be_written(folder: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint folder {folder} cannot be written ({explain(error)}); "
        "choose another with --checkpoints"
    )


def create(config: TrainConfig, dataset: str, device: str) -> Run:
    """A new folder for a run, named by network and time. Two programs that start in the same
    second get different ones. Raises CheckpointError where it cannot be written.
    """
    try:
        folder = new_folder(config)
        run = Run(folder)
        try:
            run.begin(config, dataset, device)
        except OSError:
            run.__exit__(None, None, None)
            rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise cannot_be_written(config.folder, error) from None
    return run


def reopen(folder: Path) -> Run:
    """The run in that folder, to go on with. Raises CheckpointError."""
    try:
        return Run(folder)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written ({explain(error)})") from None


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version  # 20 ms of every start

    found = {"python": platform.python_version()}
    for package in ("mnist-tui", "torch", "safetensors"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
