"""Asks in a process of its own what might crash or hang: libraries and drivers that do not belong
together do either.

A probe is a module with a `main` that calls `tell` whenever it knows something. Its process ends
with the one that asked, however that ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import IO, Any

from core.processes import describe_exit, start_module

# What a process that was killed may take to go; one that waits for a hung driver never does.
GOING_SECONDS = 2.0
NO_ANSWER = "no answer for"


@dataclass(frozen=True)
class Answer:
    """What was told before the end, and why the probe did not end well: None where it did."""

    told: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True)
class Probe:
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    errors: IO[bytes]
    began: float

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def answer(self, seconds: float) -> Answer:
        """Waits until it ends, at most so long after its beginning; then it is ended."""
        try:
            self.process.wait(max(0.0, self.began + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.end()
            told = self._told()
            doing = f" while {told['doing']}" if "doing" in told else ""
            return Answer(told, f"{NO_ANSWER} {seconds:.0f} seconds{doing}")
        return Answer(self._told(), self._failure())

    def end(self) -> None:
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GOING_SECONDS)

    def _told(self) -> dict[str, Any]:
        """The last of each thing that was told. What a library prints in between is passed over."""
        self.said.seek(0)
        found: dict[str, Any] = {}
        for line in self.said.read().splitlines():
            with suppress(ValueError):
                value = json.loads(line)
                found |= value if isinstance(value, dict) else {}
        return found

    def _failure(self) -> str | None:
        status = self.process.returncode
        if status == 0:
            return None
        doing = self._told().get("doing")
        while_doing = f" while {doing}" if doing else ""
        if status < 0:
            return f"the process was ended {describe_exit(status)}{while_doing}"
        self.errors.seek(0)
        last = self.errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return (
            last[0].strip() if last else f"the process ended {describe_exit(status)}{while_doing}"
        )


@contextmanager
def probe(module: str, *arguments: str) -> Iterator[Probe]:
    """That module, begun as a program; it is over when this is."""
    with ExitStack() as files:
        said, errors = files.enter_context(_scratch()), files.enter_context(_scratch())
        process = start_module(
            module, *arguments, stdin=subprocess.PIPE, stdout=said, stderr=errors
        )
        begun = Probe(process, said, errors, time.monotonic())
        try:
            yield begun
        finally:
            if not begun.is_over():
                begun.end()
            if process.stdin:
                process.stdin.close()


def _scratch() -> IO[bytes]:
    """A file of no name; in memory where the system has such, since the disk may be full."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("mnist-tui-doctor"), "w+b")
    return tempfile.TemporaryFile()


def tell(**facts: Any) -> None:
    """For the probe's own process; `doing` is what it is about to do, in words after "while"."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def run_as_probe(main: Callable[..., None]) -> None:
    """For the end of a probe's module."""
    Thread(target=_end_with_asker, daemon=True).start()
    main(*sys.argv[1:])


def _end_with_asker() -> None:
    # Not sys.stdin: a thread that waits in it would hold its lock when Python wants to end.
    with suppress(OSError):
        os.read(0, 1)
    os._exit(1)
