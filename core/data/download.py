"""Download a file: streamed to the disk, continued where a broken download ended, and verified.

While it is incomplete it has the name of a temporary file, which stays where a download ends early:
the next one asks the server for the rest of it. A process that downloads has it locked, and another
one that needs the same file waits for it.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from io import FileIO
from pathlib import Path
from urllib.error import HTTPError, URLError

from core.data.http_request import Answer, End, request
from core.data.partial_file import Busy, PartialFile, write_all
from core.errors import DataError, explain
from core.events import Preparing
from core.files import nearest_existing

# A download is given up after this time in total, longer for a large file.
TRY_SECONDS, SLOWEST = 300.0, 50_000  # bytes a second
# Requests for the rest of a file, as long as each one brings some of it.
TRIES = 10
# Another process that downloads the file is waited for until it has made no progress for so long.
OTHER_SECONDS = 60.0
PIECE = 2**20  # bytes that are hashed at a time

Steps = Generator[Preparing, None, None]


@dataclass(frozen=True)
class Remote:
    """A file on servers. `md5` is its digest, None where unpacking it detects damage; `most` is
    an upper bound of its bytes."""

    name: str
    urls: tuple[str, ...]
    md5: str | None
    most: int


@dataclass
class _Job:
    """A download: the file, its dataset, the temporary file and what unpacks it."""

    remote: Remote
    title: str  # of the dataset
    partial: PartialFile
    is_done: Callable[[], bool]  # whether another process has finished it
    unpack: Callable[[Path], Iterator[Preparing]]
    received: int = 0  # bytes written, of every try

    def report(self, done: int, total: int = 0) -> Preparing:
        what = f"downloading {self.title}: {self.remote.name.removesuffix('.gz')}"
        return Preparing(message=what, done=done, total=total)

    def unwritable(self, error: OSError) -> DataError:
        path = self.partial.folder / self.remote.name.removesuffix(".gz")
        return DataError(f"{path} cannot be written ({explain(error)})")


class _Ended(Exception):
    """The server ended its answer before the end of the file."""


class _Damaged(Exception):
    """The file is damaged. `is_resumed` is whether a part of it is from an earlier download, which
    may be the reason."""

    def __init__(self, is_resumed: bool) -> None:
        self.is_resumed = is_resumed


def check_space(folder: Path, needed: int, title: str) -> None:
    """Raise DataError where less than the needed bytes are free on the disk of a folder."""
    try:
        free = shutil.disk_usage(nearest_existing(folder)).free
    except OSError:
        return  # writing to it says why
    if free < needed:
        raise DataError(
            f"{title} needs {needed / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free in {folder}"
        )


def fetch_file(
    remote: Remote,
    folder: Path,
    title: str,
    unpack: Callable[[Path], Iterator[Preparing]],
    is_done: Callable[[], bool] = lambda: False,
) -> Steps:
    """Download a file from the first server that has it, and unpack it.

    The events report the bytes received, as soon as there are any: nothing is written before the
    first of them. `unpack` puts what is in the complete file where it belongs; it raises ValueError
    where it is damaged. `is_done` returns whether another process has done so. Raises DataError.
    """
    job = _Job(remote, title, PartialFile(folder, remote.name), is_done, unpack)
    why = "there is no server"
    for url in remote.urls:
        server = url.rpartition("/")[0] + "/"
        try:
            yield from _fetch_from(url, job)
            return
        except _Damaged:
            why = f"the file from {server} is damaged"
        except _Ended as ended:
            why = f"{server} {ended}"
        except (OSError, ValueError, HTTPException) as error:
            why = f"{server} does not respond ({explain_failure(error)})"
    raise DataError(f"the download failed: {why}")


def find_download_problem(remote: Remote) -> str | None:
    """Return why a download would fail, after at most the first bytes of the file; or None."""
    why = "there is no server"
    for url in remote.urls:
        server = url.rpartition("/")[0] + "/"
        try:
            for part in request(url, 0, time.monotonic() + TRY_SECONDS):
                if isinstance(part, bytes):
                    return None
            why = f"the file from {server} is damaged"
        except (OSError, ValueError, HTTPException) as error:
            why = f"{server} does not respond ({explain_failure(error)})"
    return f"the download failed: {why}"


def explain_failure(error: Exception) -> str:
    """Return why a server gave no file, in a few words."""
    inner = error.reason if isinstance(error, URLError) else error
    if isinstance(error, HTTPError):
        return f"HTTP status {error.code}"
    return explain(inner) if isinstance(inner, Exception) else str(inner)


def _fetch_from(url: str, job: _Job) -> Steps:
    """Download and unpack a file from a URL. Raises _Damaged, _Ended, DataError, and for a server
    without the file OSError, ValueError and HTTPException."""
    until = time.monotonic() + TRY_SECONDS + job.remote.most / SLOWEST
    is_anew, tries = False, 0
    while True:
        yield from _wait_for_others(job)
        if job.is_done():
            return
        start = 0 if is_anew else job.partial.size
        before = job.received
        tries += 1
        try:
            yield from _fetch_rest(url, job, start, until)
            return
        except Busy:
            is_anew = False
            if tries >= TRIES:
                job.partial.is_own = True
        except _Damaged as damaged:
            if not damaged.is_resumed or is_anew or tries >= TRIES:
                raise
            is_anew = True
        except (_Ended, ConnectionError):
            has_more = job.received > before  # not by the file's size: another one may continue it
            if not has_more or tries >= TRIES or time.monotonic() > until:
                raise
            is_anew = False


def _wait_for_others(job: _Job) -> Steps:
    """Wait while another process downloads the file and makes progress."""
    size, since = -1, time.monotonic()
    while job.partial.is_taken:
        if (now := job.partial.size) != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > OTHER_SECONDS:
            job.partial.is_own = True
            return
        what = f"another process is downloading {job.title}: {job.remote.name}"
        yield Preparing(message=what, done=size)
        time.sleep(0.1)


def _fetch_rest(url: str, job: _Job, start: int, until: float) -> Steps:
    """Append the bytes that a server sends from `start` on, then verify and unpack the file.

    Raises as `_fetch_from` does, and Busy.
    """
    file: FileIO | None = None
    done = total = 0
    yield job.report(0)
    try:
        for part in request(url, start, until):
            match part:
                case Answer():
                    done, total = part.start, part.total
                case bytes():
                    done += len(part)
                    yield job.report(done, total)  # the first before anything is written
                    file = file or _open(job, start, done - len(part))
                    _write(job, file, part)
                case End():
                    file = file or _open(job, start, done)
            if max(done, total) > job.remote.most:
                raise _Damaged(is_resumed=start > 0)
            yield job.report(done, total)
        if done < total:
            raise _Ended(f"ended after {done:,} of {total:,} bytes")
        yield from _finish(job, is_resumed=start > 0)
    except _Damaged:
        if file:
            job.partial.remove()
        raise
    finally:
        if file:
            file.close()
            if job.partial.is_own:
                job.partial.remove()


def _open(job: _Job, expected: int, start: int) -> FileIO:
    """Open the temporary file. Raises Busy, and DataError where it cannot be written."""
    try:
        file = job.partial.open(expected, start)
    except OSError as error:
        raise job.unwritable(error) from None
    if job.is_done():  # by a process that began earlier
        job.partial.remove()
        file.close()
        raise Busy
    return file


def _write(job: _Job, file: FileIO, part: bytes) -> None:
    """Raise DataError where the disk is full; then the file is removed, to free its space."""
    try:
        write_all(file, part)
        job.received += len(part)
    except OSError as error:
        job.partial.remove()
        raise job.unwritable(error) from None


def _finish(job: _Job, is_resumed: bool) -> Steps:
    """Verify and unpack the complete file, and remove it."""
    try:
        if job.remote.md5:
            yield from check_md5(job.partial.path, job.remote.md5, job.title)
        yield from job.unpack(job.partial.path)
    except ValueError:
        raise _Damaged(is_resumed) from None
    except OSError as error:
        job.partial.remove()
        raise job.unwritable(error) from None
    job.partial.remove()


def check_md5(path: Path, md5: str, title: str) -> Steps:
    """Raise ValueError where a file has another MD5, and OSError where it cannot be read."""
    found, size, done = hashlib.md5(usedforsecurity=False), path.stat().st_size, 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
            done += len(piece)
            if done % (32 * PIECE) == 0:
                yield Preparing(message=f"checking {title}", done=done, total=size)
    if found.hexdigest() != md5:
        raise ValueError("is damaged")
