"""Download a file of MNIST: complete or not at all, and with a time limit."""

import hashlib
import os
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from core.data.idx_files import unpack
from core.errors import DataError, explain
from core.events import Preparing
from core.files import replace_file

# A download is given up after this time without data, and after this time in total.
SILENCE_SECONDS = 10.0
TRY_SECONDS = 300.0
CHUNK = 64 * 1024
# MNIST's four files as .gz and unpacked, in units of 1,000,000 bytes.
FILES, DOWNLOAD_MB, UNPACKED_MB = 4, 12, 55

# From the receiving thread: the total size and some bytes, an error, or None at the end.
Received = SimpleQueue[tuple[int, bytes] | Exception | None]


def own_mirror() -> str | None:
    """Return the URL in MNIST_TUI_MIRROR, which is used instead of all others; None if unset."""
    own = os.environ.get("MNIST_TUI_MIRROR")
    return own.rstrip("/") + "/" if own else None


def list_mirrors() -> list[str]:
    """Return the URLs of folders with the files: MNIST_TUI_MIRROR alone where it is set."""
    if own := own_mirror():
        return [own]
    from torchvision.datasets import MNIST

    return list(MNIST.mirrors)


def describe_download(names: Sequence[str], folder: Path) -> str:
    """Return what is about to be downloaded, and to where."""
    if len(names) == FILES:
        return f"downloading MNIST to {folder} ({DOWNLOAD_MB} MB, {UNPACKED_MB} MB unpacked)"
    return f"downloading the missing part of MNIST to {folder}: {', '.join(names)}"


def fetch_file(name: str, folder: Path, digest: str) -> Generator[Preparing, None, None]:
    """Write the unpacked file from the first mirror that has it to the folder. The events report
    the bytes received, as soon as there are any.

    `digest` is the unpacked file's SHA-256. Raises DataError.
    """
    content = yield from _download_from_mirrors(name, digest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / name, content)
    except OSError as error:
        raise DataError(f"{folder / name} cannot be written ({explain(error)})") from None


def find_download_problem(name: str, digest: str) -> str | None:
    """Return why a download would fail, after at most the first bytes of the file; or None."""
    try:
        next((event for event in _download_from_mirrors(name, digest) if event.done), None)
    except DataError as error:
        return str(error)
    return None


def _download_from_mirrors(name: str, digest: str) -> Generator[Preparing, None, bytes]:
    """Return the unpacked file of the first mirror that has it undamaged. Raises DataError."""
    why = ""
    for mirror in list_mirrors():
        try:
            packed = yield from _download(mirror + name + ".gz", name)
        except (OSError, ValueError, HTTPException) as error:
            why = f"{mirror} does not respond ({explain_failure(error)})"
            continue
        with suppress(ValueError):
            content = unpack(packed)
            if hashlib.sha256(content).hexdigest() == digest:
                return content
        why = f"the file from {mirror} is damaged"
    raise DataError(f"the download failed: {why}")


def explain_failure(error: Exception) -> str:
    """Return why a server gave no file, in a few words."""
    inner = error.reason if isinstance(error, URLError) else error
    if isinstance(error, HTTPError):
        return f"HTTP status {error.code}"
    return explain(inner) if isinstance(inner, Exception) else str(inner)


def _download(url: str, name: str) -> Generator[Preparing, None, bytes]:
    """Return the content at a URL. Raises OSError, also on a timeout; ValueError for a bad URL.

    A thread receives the bytes, because resolving a host name blocks in the C library, where the
    timeout of a socket has no effect.
    """
    received: Received = SimpleQueue()
    Thread(target=_receive, args=(url, received), daemon=True).start()
    body = bytearray()
    total = 0
    started = last = time.monotonic()
    while True:
        yield Preparing(message=f"downloading MNIST: {name}", done=len(body), total=total)
        until = time.monotonic() + 0.1
        with suppress(Empty):
            while (left := until - time.monotonic()) > 0:
                item = received.get(timeout=left)
                last = time.monotonic()
                if item is None:
                    return bytes(body)
                if isinstance(item, Exception):
                    raise item
                total, chunk = item
                body += chunk
                if len(body) == len(chunk):  # the first, which says that the server has the file
                    break
        now = time.monotonic()
        if now - last > SILENCE_SECONDS:
            raise TimeoutError(f"no answer for {SILENCE_SECONDS:.0f} seconds")
        if now - started > TRY_SECONDS:
            raise TimeoutError(f"not done after {TRY_SECONDS:.0f} seconds")


def _receive(url: str, received: Received) -> None:
    try:
        with urlopen(url, timeout=SILENCE_SECONDS) as page:
            total = int(page.headers.get("Content-Length") or 0)
            while chunk := page.read(CHUNK):
                received.put((total, chunk))
        received.put(None)
    except Exception as error:  # of any type: _download raises it in the caller's thread
        received.put(error)
