"""A run in a process of its own, which outlives who started it and the terminal they sit at.

`python -m core.attach.detached` is that process. It loads torch, says that it is ready, and trains
what the one line of its standard input says; what the run says goes to its standard output until it
has started. From then on nobody is needed. `Background` is the other side of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Thread
from types import FrameType
from typing import BinaryIO

from core.commands import Inbox, Pause, ResumePoint, Stop
from core.config import TrainConfig, read_config
from core.errors import UserError, exit_status, explain, first_line
from core.event_json import as_json, from_json
from core.events import Event, RunFailed, RunStarted
from core.files import redirect_to_devnull

READY = '{"event": "ready"}'
# For how long a process that is told to end may take to do so by itself.
ENDING_SECONDS = 5.0
# Of what cannot be understood, so much is shown.
SHOWN = 60


class Background:
    """One process that is to train, as who starts it sees it. Its `pid` is the run's."""

    def __init__(self) -> None:
        """Starts the process, which has then torch to load. Raises UserError."""
        if os.name != "posix":
            raise UserError("a run in a process of its own needs Linux, macOS or another Unix")
        # What is imported here is imported there, whatever lies in the current folder.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        try:
            self._process = Popen(
                [sys.executable, "-P", "-m", "core.attach.detached"],
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=environment,
                start_new_session=True,  # neither a hangup nor Ctrl-C in our terminal reaches it
            )
        except OSError as error:
            raise UserError(f"no process can be started to train in ({explain(error)})") from None
        self.pid = self._process.pid
        self.started = False
        self._said: SimpleQueue[bytes | int] = SimpleQueue()
        Thread(target=_listen, args=(self._process, self._said), daemon=True).start()

    def wait_ready(self, timeout: float) -> None:
        """Waits until the process could begin at once. Raises UserError where it has ended, or
        where that takes longer than so many seconds."""
        event = self._next(timeout)
        if isinstance(event, RunFailed):
            raise UserError(event.message)

    def begin(
        self, config: TrainConfig, resume_point: ResumePoint | None = None, *, paused: bool = False
    ) -> Iterator[Event]:
        """Has the process train, ready or not, and gives what it says: the last event is
        RunStarted, and then it goes on alone; or RunFailed, and then it has ended. `paused`: it
        waits before its first step until it is told to go on."""
        assert self._process.stdin is not None
        # Where it has ended, or has been given up, _next says so.
        with suppress(OSError, ValueError), self._process.stdin as job:
            job.write(_as_line(config, resume_point, paused))
        event: Event | None = None
        while not isinstance(event, RunStarted | RunFailed):
            try:
                event = self._next()
            except UserError as error:
                self.give_up()
                event = RunFailed(reason=error.reason, message=str(error))
            self.started = isinstance(event, RunStarted)
            if event is not None:
                yield event

    def _next(self, timeout: float | None = None) -> Event | None:
        """What the process says next; None for that it is ready. Raises UserError."""
        try:
            said = self._said.get(timeout=timeout)
        except Empty:
            raise UserError(
                f"the process that is to train is not ready within {timeout:g} seconds"
            ) from None
        if isinstance(said, int):
            self._said.put(said)
            raise UserError(f"the process that was to train ended before it began ({_how(said)})")
        line = said.decode(errors="replace").rstrip("\n")
        event = from_json(line)
        if event is None and line != READY:
            raise UserError(
                f"the process that was to train says what nobody understands: {line[:SHOWN]!r}"
            )
        return event

    def give_up(self) -> None:
        """Has the process end, and waits until it has; nothing where its run has started."""
        if self.started:
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


def _listen(process: Popen[bytes], said: SimpleQueue[bytes | int]) -> None:
    """Hands over each line of a process, and how it ended: as long as we live somebody has to ask
    for that, or what is left of the process stays."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            said.put(line)
    said.put(process.wait())


def _how(status: int) -> str:
    """How a process ended, by what Popen says of it."""
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:  # of another system
        return f"by signal {-status}"


def _as_line(config: TrainConfig, resume_point: ResumePoint | None, paused: bool) -> bytes:
    job = {
        "config": asdict(config),
        "folder": str(resume_point.folder) if resume_point else None,
        "checkpoint": str(resume_point.checkpoint)
        if resume_point and resume_point.checkpoint
        else None,
        "paused": paused,
    }
    return json.dumps(job).encode() + b"\n"


def _from_line(line: bytes) -> tuple[TrainConfig, ResumePoint | None, bool]:
    """Raises UsageError, and ValueError, KeyError or TypeError for what is no such line."""
    job = json.loads(line)
    config, folder, checkpoint = read_config(job["config"]), job["folder"], job["checkpoint"]
    if folder is None:
        return config, None, job.get("paused") is True
    resume_point = ResumePoint(Path(folder), None if checkpoint is None else Path(checkpoint))
    return config, resume_point, job.get("paused") is True


def main() -> int:
    """The process. Returns its exit status."""
    # Nothing is lost yet; and whoever starts us may have had other uses for them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _parent() as parent:
        try:
            return _train(parent)
        except UserError as error:
            failed = RunFailed(reason=error.reason, message=str(error))
        except Exception as error:
            what = f"{type(error).__name__}: {first_line(error)}"
            failed = RunFailed(reason="error", message=what)
        _tell(parent, as_json(failed))
    return exit_status(failed.reason)


def _parent() -> BinaryIO:
    """What who started us listens to, out of the way of whatever else may print."""
    parent = open(os.dup(1), "wb", buffering=0)  # noqa: SIM115, by its caller
    redirect_to_devnull([1])
    return parent


def _tell(parent: BinaryIO, line: str) -> None:
    if not parent.closed:
        with suppress(OSError):  # they have gone: so much the more is the run on its own
            parent.write(line.encode() + b"\n")


def _train(parent: BinaryIO) -> int:
    import core.training.trainer  # noqa: F401, which loads torch while nobody waits for it

    _tell(parent, READY)
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):  # whoever started us has gone, or has no use for us
        return 0
    config, resume_point, paused = _from_line(line)
    inbox: Inbox = SimpleQueue()
    received = _stopping_on_signals(inbox)
    redirect_to_devnull([0])
    for last in _events(config, inbox, resume_point):
        if last.serializable:
            _tell(parent, as_json(last))
        if isinstance(last, RunStarted) and paused:
            inbox.put(Pause())
        if isinstance(last, RunStarted | RunFailed):
            parent.close()
    if not isinstance(last, RunFailed):
        return 128 + received[0] if received else 0
    return 128 + received[0] if received and last.reason == "stopped" else exit_status(last.reason)


def _events(config: TrainConfig, inbox: Inbox, resume_point: ResumePoint | None) -> Iterator[Event]:
    """What the run says, to whoever listens."""
    from core.attach.server import serve_viewers
    from core.training.trainer import train

    yield from serve_viewers(train(config, inbox, resume_point), inbox)


def _stopping_on_signals(inbox: Inbox) -> list[int]:
    """From now on the first signal asks the run to stop, and is in the list; a second one ends the
    process on the spot."""
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        inbox.put(Stop())
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return received


if __name__ == "__main__":
    sys.exit(main())
