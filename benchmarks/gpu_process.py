"""A child process with a time limit, for gpu.py: what it prints, and why it failed."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# A process has so many seconds to save its results before it is killed.
GRACE_SECONDS = 5.0
EXIT_SECONDS = 3.0  # from its last output to its end


class PartFailed(Exception):
    pass


class NotFinished(PartFailed):
    pass


class PartSkipped(Exception):
    """A part that this machine has no packages for."""


def child_lines(command: list[str], seconds: float, **environment: str) -> Iterator[str]:
    """Yield what a process prints. Raises PartFailed where it fails, NotFinished at the limit.

    At the limit it gets SIGTERM, after which `mnist-tui train` saves and reports; then SIGKILL.
    """
    limit = time.monotonic() + seconds
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            cwd=ROOT,
            start_new_session=True,
            env=os.environ | environment,
        )
        lines: SimpleQueue[str | None] = SimpleQueue()
        Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        try:
            ended = yield from _until(lines, limit - GRACE_SECONDS)
            if not ended:
                _signal(process, signal.SIGTERM)
                yield from _until(lines, limit)
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.wait(EXIT_SECONDS)
            _signal(process, signal.SIGKILL)  # its own children too
            with suppress(subprocess.TimeoutExpired):
                process.wait(2.0)  # one that waits for a hung driver never ends
        if not ended:
            raise NotFinished(f"not finished within {seconds:.0f} s")
        if process.returncode:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:] or [""]
            raise PartFailed(f"exit status {process.returncode}: {last[0][:300]}")


def _read(stream: Any, lines: "SimpleQueue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _until(lines: "SimpleQueue[str | None]", limit: float) -> Iterator[str]:
    """Yield lines until the limit. Returns whether the process has closed its output by then."""
    while (left := limit - time.monotonic()) > 0:
        with suppress(Empty):
            line = lines.get(timeout=left)
            if line is None:
                return True
            yield line
    return False


def _signal(process: "subprocess.Popen[str]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
