"""Run in a process of its own what might crash or hang: libraries and drivers that do not match.

A probe is a module with a `main` that calls `report` whenever it knows something. Its process ends
with the one that started it, however that ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import IO, Any

from core.files import unnamed_file
from core.processes import describe_exit, start_module

# How long to wait for a killed process; one that waits for a hung driver never ends.
KILL_SECONDS = 2.0
NO_RESPONSE = "no response after"


@dataclass(frozen=True)
class Answer:
    """What a probe reported, and why it failed; None if it did not."""

    reported: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True)
class Probe:
    """A module that runs in a process of its own."""

    process: subprocess.Popen[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]
    started: float  # on the monotonic clock

    def wait(self, seconds: float) -> Answer:
        """Wait for the end, at most so many seconds after the start; then kill the process."""
        try:
            self.process.wait(max(0.0, self.started + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            return Answer(self._reported(), f"{NO_RESPONSE} {seconds:.0f} seconds{self._doing()}")
        return Answer(self._reported(), self._failure())

    def kill(self) -> None:
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(KILL_SECONDS)

    def _reported(self) -> dict[str, Any]:
        """Return the last value of each name. What a library prints in between is skipped."""
        self.stdout.seek(0)
        found: dict[str, Any] = {}
        for line in self.stdout.read().splitlines():
            with suppress(ValueError):
                value = json.loads(line)
                found |= value if isinstance(value, dict) else {}
        return found

    def _failure(self) -> str | None:
        status = self.process.returncode
        if status == 0:
            return None
        self.stderr.seek(0)
        last = self.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
        if status > 0 and last:
            return last[0].strip()
        ended = "ended" if status > 0 else "was ended"
        return f"the process {ended} {describe_exit(status)}{self._doing()}"

    def _doing(self) -> str:
        doing = self._reported().get("doing")
        return f" while {doing}" if doing else ""


@contextmanager
def start_probe(module: str, *arguments: str) -> Iterator[Probe]:
    """Run a module as a program, which is killed at the end of the context."""
    with unnamed_file() as stdout, unnamed_file() as stderr:
        streams = {"stdin": subprocess.PIPE, "stdout": stdout, "stderr": stderr}
        process = start_module(module, *arguments, **streams)
        probe = Probe(process, stdout, stderr, time.monotonic())
        try:
            yield probe
        finally:
            probe.kill()
            if process.stdin:
                process.stdin.close()


def report(**facts: Any) -> None:
    """Report facts from the probe's process.

    `doing` is what it does next, as words that follow "while" if it hangs or crashes.
    """
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def run_as_probe(main: Callable[..., None]) -> None:
    """Run `main` with the probe's arguments; to be called at the end of its module."""
    Thread(target=_exit_with_parent, daemon=True).start()
    main(*sys.argv[1:])


def _exit_with_parent() -> None:
    # Not sys.stdin: a thread that reads it would hold its lock when Python wants to exit.
    with suppress(OSError):
        os.read(0, 1)
    os._exit(1)
