"""Receive a file by HTTP in parts, from any byte on, without blocking for long.

A thread receives the bytes, because resolving a host name blocks in the C library, where the
timeout of a socket has no effect.
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from queue import Empty, Full, Queue
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

# A server is given up after this time without data.
SILENCE_SECONDS = 10.0
CHUNK = 64 * 1024
# Parts that may wait for a slow disk; then the thread waits, and so does the server.
WAITING = 64
PART_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """A server's answer: the byte that it begins with, and the size of the whole file, 0 if it is
    unknown."""

    start: int
    total: int


class End:
    """The end of the data."""


Part = Answer | bytes | End | None
Received = Queue[Answer | bytes | End | Exception]


def request(url: str, start: int, until: float) -> Iterator[Part]:
    """Yield a server's Answer, then the bytes of the file as they come, then an End.

    The bytes are from `start` on where the server can do that, else the whole file: the Answer says
    which. None is yielded after each tenth of a second without data. Raises OSError, also for a
    timeout and after the time `until`; HTTPException, and ValueError for a bad URL.
    """
    received: Received = Queue(WAITING)
    stop = Event()
    Thread(target=_receive, args=(url, start, received, stop), daemon=True).start()
    began = last = time.monotonic()
    is_first = True
    try:
        while True:
            items = _take(received, is_first)
            now = time.monotonic()
            if items:
                last = now
                is_first = is_first and not any(isinstance(each, bytes) for each in items)
                yield from _join(items)
                if isinstance(error := items[-1], Exception):
                    raise error
                if isinstance(items[-1], End):
                    return
            else:
                yield None
            if now - last > SILENCE_SECONDS:
                raise TimeoutError(f"no answer for {SILENCE_SECONDS:.0f} seconds")
            if now > until:
                raise TimeoutError(f"not done after {now - began:.0f} seconds")
    finally:
        stop.set()


def _take(received: Received, is_first: bool) -> list[Answer | bytes | End | Exception]:
    """Return what is received in a tenth of a second; the first bytes without waiting for more."""
    items: list[Answer | bytes | End | Exception] = []
    until = time.monotonic() + PART_SECONDS
    with suppress(Empty):
        while (left := until - time.monotonic()) > 0:
            items.append(received.get(timeout=left))
            ends = isinstance(items[-1], End | Exception)
            if ends or (is_first and isinstance(items[-1], bytes)):
                break
    return items


def _join(items: list[Answer | bytes | End | Exception]) -> Iterator[Part]:
    """Yield items with the bytes between them joined."""
    body = b"".join(each for each in items if isinstance(each, bytes))
    yield from (each for each in items if isinstance(each, Answer))
    if body:
        yield body
    yield from (each for each in items if isinstance(each, End))


def _receive(url: str, start: int, received: Received, stop: Event) -> None:
    def put(item: Answer | bytes | End | Exception) -> None:
        while not stop.is_set():
            with suppress(Full):
                received.put(item, timeout=0.2)
                return

    try:
        headers = {"Range": f"bytes={start}-"} if start else {}
        with urlopen(Request(url, headers=headers), timeout=SILENCE_SECONDS) as page:
            put(_read_answer(page.status, page.headers, start))
            while not stop.is_set() and (chunk := page.read1(CHUNK)):
                put(chunk)
        put(End())
    except HTTPError as error:
        # Nothing is left to send where the file is complete up to the byte asked for.
        if start and error.code == 416 and _find_total(error.headers) == start:
            put(Answer(start, start))
            put(End())
        elif start and error.code == 416:  # it is shorter, so it is another file
            _receive(url, 0, received, stop)
        else:
            put(error)
    except Exception as error:  # of any type: `request` raises it in the caller's thread
        put(error)


def _read_answer(status: int, headers: Message, start: int) -> Answer:
    """Raise ValueError for an answer that is not about the bytes asked for."""
    if status != 206:
        return Answer(0, int(headers.get("Content-Length") or 0))
    found = re.match(r"bytes (\d+)-\d+/(\d+|\*)$", headers.get("Content-Range") or "")
    if not found or int(found[1]) != start:
        raise ValueError("the server sends other bytes than those asked for")
    return Answer(start, 0 if found[2] == "*" else int(found[2]))


def _find_total(headers: Message) -> int | None:
    found = re.match(r"bytes \*/(\d+)$", headers.get("Content-Range") or "")
    return int(found[1]) if found else None
