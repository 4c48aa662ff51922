"""A host runs training, wherever that is: in this process, a child process or one elsewhere."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from core.commands import Command, Stop
from core.events import Event, RaceFinished, RunFailed, RunFinished


class Host(Protocol):
    """Runs training: the engine of this process, a child process, or a run that is attached to."""

    def send(self, command: Command) -> None:
        """Pass a command on. Returns at once; for any thread and for signal handlers."""

    def events(self) -> Iterator[Event]:
        """Yield events as they happen, until training has ended or the host is closed."""

    def close(self) -> None:
        """End what depends on this process; for any thread. Then `events` ends too."""


def run_events(host: Host) -> Iterator[Event]:
    """Yield the events of a host's run or race, and close the host at its end."""
    for event in host.events():
        yield event
        if isinstance(event, RunFinished | RunFailed | RaceFinished):
            host.close()


@contextmanager
def stop_on_signals(
    host: Host,
    ending: Iterable[int],
    warnings: Iterable[int] = (),
    others: Mapping[int, Callable[[], None]] | None = None,
) -> Iterator[list[int]]:
    """Within the context, stop the run at a signal. Yields the list of the signals received.

    After one of `ending` the next one ends the process at once; `warnings` may come repeatedly.
    `others` have a handler of their own.
    """
    received: list[int] = []
    ending, others = list(ending), others or {}

    def handle(number: int, frame: FrameType | None) -> None:
        if number in others:
            others[number]()
            return
        received.append(number)
        host.send(Stop())
        for each in ending if number in ending else ():
            # Python's own handler of SIGINT raises KeyboardInterrupt.
            signal.signal(each, old[each] if each == signal.SIGINT else signal.SIG_DFL)

    old = {each: signal.signal(each, handle) for each in (*ending, *warnings, *others)}
    try:
        yield received
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
