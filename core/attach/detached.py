"""Train a run or a race in a child process, which outlives this one and its terminal.

core/engine/process.py is the child's side.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Thread

from core.attach.client import Recall, RemoteHost
from core.attach.race import RaceViewer
from core.commands import Command, RaceLane, RacePlan, ResumePoint, Start, StartRace
from core.compute.import_guard import explain_crash
from core.config import read_config
from core.errors import UserError, explain
from core.event_json import from_json
from core.events import Event, RaceStarted, RunFailed, RunStarted
from core.models.network_file.named import named_file
from core.processes import describe_exit, start_module

CHILD = "core.engine.process"
READY = '{"event": "ready"}'
# How long the child may take to end after SIGTERM.
ENDING_SECONDS = 5.0
# How many characters of unexpected output are shown.
SHOWN = 60


class DetachedHost:
    """Runs training in a child process. Its `pid` is the run's."""

    def __init__(self, recall: Recall | None = None) -> None:
        """Start the process, which loads torch. `recall` as in RemoteHost. Raises UserError."""
        if os.name != "posix":
            raise UserError("training in the background needs Linux, macOS or another Unix")
        try:
            named = named_file()
            self._process = start_module(
                CHILD,
                *(named.arguments if named else ()),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,  # a hangup or Ctrl-C in our terminal does not reach it
            )
        except OSError as error:
            raise UserError(f"cannot start a process to train in ({explain(error)})") from None
        self.pid = self._process.pid
        self._is_ready = False  # the process has loaded PyTorch
        self.started = False  # the run has, and no longer needs this process
        self._recall = recall
        self._remote: RemoteHost | RaceViewer | None = None
        self._output: SimpleQueue[bytes | int] = SimpleQueue()
        Thread(target=_read, args=(self._process, self._output), daemon=True).start()

    def wait_ready(self, timeout: float) -> None:
        """Wait until the process can start training at once.

        Raises UserError if it has ended, or is not ready after `timeout` seconds.
        """
        event = self._next(timeout)
        if isinstance(event, RunFailed):
            raise UserError(event.message)

    def send(self, command: Command) -> None:
        """Start training; once it has started, pass a command on to it."""
        if isinstance(command, Start | StartRace):
            assert self._process.stdin is not None
            # If the process has ended, `events` reports it.
            with suppress(OSError, ValueError), self._process.stdin as job:
                job.write(job_line(command))
        elif self._remote:
            self._remote.send(command)

    def events(self) -> Iterator[Event]:
        """Yield the process's events up to RunStarted, then those of RemoteHost; of a race those
        of RaceViewer. Or RunFailed, and then the process has ended."""
        event: Event | None = None
        try:
            while not isinstance(event, RunStarted | RaceStarted):
                event = self._next()
                self.started = isinstance(event, RunStarted | RaceStarted)
                if event is not None and not isinstance(event, RaceStarted):
                    yield event
                if isinstance(event, RunFailed):
                    return
            folder = Path(event.folder)
            is_race = isinstance(event, RaceStarted)
            self._remote = RaceViewer(folder) if is_race else RemoteHost(folder, self._recall)
        except UserError as error:
            self.close()
            yield RunFailed(reason=error.reason, message=str(error))
        else:
            yield from self._remote.events()

    def _next(self, timeout: float | None = None) -> Event | None:
        """Return the process's next event, None for READY. Raises UserError."""
        try:
            output = self._output.get(timeout=timeout)
        except Empty:
            why = f"is not ready after {timeout:g} seconds"
            raise UserError(f"the training process {why}") from None
        if isinstance(output, int):
            self._output.put(output)
            ended = f"the training process ended before training started ({describe_exit(output)})"
            raise UserError((not self._is_ready and explain_crash(output)) or ended)
        line = output.decode(errors="replace").rstrip("\n")
        event = from_json(line)
        if event is None and line != READY:
            raise UserError(f"unexpected output from the training process: {line[:SHOWN]!r}")
        self._is_ready = True
        return event

    def close(self) -> None:
        """Leave a run that has started; otherwise end the process and wait until it has ended."""
        if self.started:
            if self._remote:
                self._remote.close()
            return
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._process.terminate()
        try:
            with suppress(TimeoutExpired):
                self._process.wait(ENDING_SECONDS)
        finally:
            self._process.kill()


def _read(process: Popen[bytes], output: SimpleQueue[bytes | int]) -> None:
    """Put each line of a process's output into the queue, then its returncode.

    Without the wait, an ended process would stay as a zombie as long as this one runs.
    """
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            output.put(line)
    output.put(process.wait())


def job_line(start: Start | StartRace) -> bytes:
    """Return the line that tells the child process what to train."""
    return json.dumps(asdict(start), default=str).encode() + b"\n"


def read_job(line: bytes) -> Start | StartRace:
    """Read a job_line. Raises UsageError; ValueError, KeyError or TypeError if it is malformed."""
    job = json.loads(line)
    if plan := job.get("plan"):
        lanes = [RaceLane(each["name"], read_config(each["config"])) for each in plan["lanes"]]
        plan |= {"lanes": tuple(lanes), "changed": tuple(plan["changed"])}
        folder = job["folder"] and Path(job["folder"])
        return StartRace(RacePlan(**plan), folder, job["paused"])
    point = job["resume_point"]
    if point is not None:
        point = ResumePoint(**{name: path and Path(path) for name, path in point.items()})
    return Start(read_config(job["config"]), point, job["paused"])
