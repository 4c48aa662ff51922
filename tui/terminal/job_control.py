"""This process as a job of its shell: whether it is in front, and how it stops until `fg`."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from time import monotonic, sleep
from types import FrameType

import psutil

# How long a stop may take to have its effect. If it has none, the kernel has ignored it.
STOP_SECONDS = 0.3


def is_in_front(fileno: int) -> bool:
    """Return whether this process may use its terminal, and no other job has it."""
    try:
        return os.tcgetpgrp(fileno) == os.getpgrp()
    except OSError:  # not the controlling terminal, or no terminal any more
        return os.isatty(fileno)


def can_be_continued() -> bool:
    """Return whether a shell with job control waits for this process.

    That is the parent of the process group, if it is in the same session. Otherwise the kernel
    ignores SIGTSTP, since nobody could continue the process: as after `ssh -t host mnist-tui`.
    """
    with suppress(OSError, psutil.Error):
        group, session = os.getpgrp(), os.getsid(0)
        for process in psutil.Process().parents():
            if os.getpgid(process.pid) != group:
                return os.getsid(process.pid) == session
    return False


def stop(*, group: bool = False, always: bool = False) -> bool:
    """Stop until SIGCONT, as SIGTSTP does by default. Return whether there was a stop. For the main
    thread.

    `group`: with the other processes of this job, such as `make` in `make run`, since the shell
    waits until all have stopped. `always`: also where no shell would continue this process.
    """
    continued: list[int] = []
    with (
        _handled(signal.SIGTSTP, signal.SIG_DFL),
        _handled(signal.SIGCONT, lambda number, frame: continued.append(number)),
    ):
        os.kill(0 if group else os.getpid(), signal.SIGSTOP if always else signal.SIGTSTP)
        end = monotonic() + STOP_SECONDS
        while not continued and monotonic() < end:
            sleep(STOP_SECONDS / 30)
    return bool(continued)


@contextmanager
def around_stop(context: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Within this context, stop inside of `context()` at SIGTSTP, which Ctrl-Z sends."""
    if not hasattr(signal, "SIGTSTP") or signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        with context():
            stop()

    with _handled(signal.SIGTSTP, handle):
        yield


@contextmanager
def _handled(number: int, handler: object) -> Iterator[None]:
    before = signal.signal(number, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        signal.signal(number, before)
