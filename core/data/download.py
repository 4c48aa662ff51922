"""Brings one MNIST file into a folder, whole or not at all, and never hangs."""

import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Generator, Iterator
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from core.errors import DataError, explain, first_line
from core.events import Event, Preparing
from core.files import replace_file

# One try ends when nothing has come for so long, and in any case after so long.
SILENCE_SECONDS = 10.0
TRY_SECONDS = 300.0
CHUNK = 64 * 1024


def mirrors() -> list[str]:
    """Folders on the web that have the files; MNIST_TUI_MIRROR puts one of your own first."""
    if own := os.environ.get("MNIST_TUI_MIRROR"):
        return [own.rstrip("/") + "/"]
    from torchvision.datasets import MNIST

    return list(MNIST.mirrors)


def published_md5(name: str) -> str:
    from torchvision.datasets import MNIST

    return dict(MNIST.resources)[name + ".gz"]


def fetch(name: str, folder: Path, digest: str) -> Generator[Event, None, None]:
    """Puts the unpacked file into the folder, from its .gz there if that is whole, else from the
    first mirror that gives it. `digest` is the unpacked file's SHA-256. Raises DataError.
    """
    packed = _packed_beside(folder / (name + ".gz"))
    why = ""
    for mirror in () if packed else mirrors():
        try:
            packed = yield from _download(mirror + name + ".gz", name)
            if hashlib.md5(packed).hexdigest() == published_md5(name):
                break
            why, packed = f"what {mirror} sent is damaged", None
        except (OSError, ValueError, HTTPException) as error:
            why = f"{mirror} does not answer ({_reason(error)})"
    if packed is None:
        raise DataError(f"the download failed: {why}")
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        content = b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(f"{name}.gz is damaged")
    _write(folder / name, content)


def out_of_reach(name: str, folder: Path) -> str | None:
    """Why `fetch` would fail, as far as the first bytes of it tell; None where it would not."""
    if _packed_beside(folder / (name + ".gz")) is not None:
        return None
    why = ""
    for mirror in mirrors():
        try:
            for event in _download(mirror + name + ".gz", name):
                if isinstance(event, Preparing) and event.done:
                    break
            return None
        except (OSError, ValueError, HTTPException) as error:
            why = f"{mirror} does not answer ({_reason(error)})"
    return f"the download failed: {why}"


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, URLError) else error
    if isinstance(error, HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(inner, OSError):
        return explain(inner)
    return first_line(inner) if isinstance(inner, Exception) else str(inner)


def _packed_beside(path: Path) -> bytes | None:
    try:
        packed = path.read_bytes()
    except OSError:
        return None
    return packed if hashlib.md5(packed).hexdigest() == published_md5(path.stem) else None


def _download(url: str, name: str) -> Generator[Event, None, bytes]:
    """The body of a page. Raises OSError, TimeoutError among them; ValueError for no address.

    The bytes come through a thread of its own: a name that no server resolves blocks in the C
    library, where no timeout of a socket reaches.
    """
    news: SimpleQueue[tuple[int, bytes] | Exception | None] = SimpleQueue()
    Thread(target=_receive, args=(url, news), daemon=True).start()
    body = bytearray()
    total = 0
    started = heard = time.monotonic()
    while True:
        yield Preparing(message=f"downloading MNIST: {name}", done=len(body), total=total)
        for item in _waiting(news, 0.1):
            heard = time.monotonic()
            if item is None:
                return bytes(body)
            if isinstance(item, Exception):
                raise item
            total, chunk = item
            body += chunk
        now = time.monotonic()
        if now - heard > SILENCE_SECONDS:
            raise TimeoutError(f"no answer for {SILENCE_SECONDS:.0f} seconds")
        if now - started > TRY_SECONDS:
            raise TimeoutError(f"not done after {TRY_SECONDS:.0f} seconds")


def _waiting(
    news: "SimpleQueue[tuple[int, bytes] | Exception | None]", seconds: float
) -> Iterator[tuple[int, bytes] | Exception | None]:
    """What comes in the next so many seconds."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            yield news.get(timeout=left)
        except Empty:
            return


def _receive(url: str, news: "SimpleQueue[tuple[int, bytes] | Exception | None]") -> None:
    try:
        with urlopen(url, timeout=SILENCE_SECONDS) as page:
            total = int(page.headers.get("Content-Length") or 0)
            while chunk := page.read(CHUNK):
                news.put((total, chunk))
        news.put(None)
    except Exception as error:  # whatever it was, it is told on the other side
        news.put(error)


def _write(path: Path, content: bytes) -> None:
    """Raises DataError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({explain(error)})") from None
