"""Runs that viewers attach to."""

import time
from threading import Thread

import pytest

from core.commands import Start, Stop
from core.engine.local_host import LocalHost
from core.events import Progress, RunFailed, RunStarted
from core.host import run_events

# More epochs than any test waits for.
FOREVER = 100_000


class Running:
    """Train in a thread, as the app does, and collect the events."""

    def __init__(self, config):
        self.host, self.events = LocalHost(), []
        self.host.send(Start(config))
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        for event in run_events(self.host):
            self.events.append(event)

    def wait_for(self, kind, count=1):
        return until(lambda: self.events_of(kind)[count - 1 :])[0]

    def events_of(self, kind):
        return [event for event in [*self.events] if isinstance(event, kind)]

    @property
    def folder(self):
        from pathlib import Path

        return Path(self.wait_for(RunStarted).folder)


class FailingHost:
    """A host that is ready and cannot start what it is to train."""

    pid, started = 0, False

    def __init__(self, recall):
        pass

    def wait_ready(self, timeout):
        pass

    def send(self, command):
        pass

    def events(self):
        yield RunFailed(reason="error", message="no room for it")

    def close(self):
        pass


def until(found, seconds=20):
    """Return what `found` returns as soon as that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.01)
    raise AssertionError(f"nothing was found within {seconds} seconds")


@pytest.fixture
def running(tiny, monkeypatch):
    """Return a function that starts a run, which trains until the test ends: slowly, so that the
    test has the CPU."""
    from core.training.learner import Learner

    step = Learner.step

    def step_slowly(*arguments):
        time.sleep(0.001)
        return step(*arguments)

    monkeypatch.setattr(Learner, "step", step_slowly)
    runs = []

    def begin(**changes):
        runs.append(Running(tiny(epochs=FOREVER, **changes)))
        runs[-1].wait_for(Progress)
        return runs[-1]

    yield begin
    for run in runs:
        run.host.send(Stop())
        run.thread.join(20)
        assert not run.thread.is_alive()
