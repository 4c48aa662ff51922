"""Runs that viewers attach to."""

import time
from queue import SimpleQueue
from threading import Thread

import pytest

from core.attach.server import serve_viewers
from core.commands import (
    Stop,
)
from core.events import (
    Progress,
    RunStarted,
)
from core.training.trainer import train

# Far more than any test waits for.
FOREVER = 100_000


class Running:
    """A run in a thread of its own, as in the app."""

    def __init__(self, config):
        self.inbox, self.events = SimpleQueue(), []
        self.thread = Thread(target=self._run, args=(config,), daemon=True)
        self.thread.start()

    def _run(self, config):
        for event in serve_viewers(train(config, self.inbox), self.inbox):
            self.events.append(event)

    def wait_for(self, kind, count=1):
        return until(lambda: self.told(kind)[count - 1 :])[0]

    def told(self, kind):
        return [event for event in [*self.events] if isinstance(event, kind)]

    @property
    def folder(self):
        from pathlib import Path

        return Path(self.wait_for(RunStarted).folder)


def until(found, seconds=20):
    """What is found as soon as there is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.01)
    raise AssertionError("that did not come")


@pytest.fixture
def going(tiny):
    """Begins runs that go on until the test ends."""
    runs = []

    def begin(**changes):
        runs.append(Running(tiny(epochs=FOREVER, **changes)))
        runs[-1].wait_for(Progress)
        return runs[-1]

    yield begin
    for run in runs:
        run.inbox.put(Stop())
        run.thread.join(20)
        assert not run.thread.is_alive()
