"""Training time: what the stopwatch adds up, and what it leaves out."""

import pytest

from core.training import stopwatch
from core.training.stopwatch import Stopwatch, clock, stopped_clock


@pytest.fixture
def now(monkeypatch):
    """The time of perf_counter, in a list of one."""
    time = [100.0]
    monkeypatch.setattr(stopwatch, "perf_counter", lambda: time[0])
    monkeypatch.setattr(stopwatch, "_standstill", (None, 0.0))
    return time


def test_stopped_process_does_not_count(now):
    """Ctrl-Z stops the thread that trains wherever it is, also between two looks at the clock."""
    watch = Stopwatch()
    watch.start()
    now[0] += 1
    with stopped_clock():
        now[0] += 3600
        watch.lap(clock())  # before the screen's thread notices that the process was continued
    now[0] += 2
    watch.lap(clock())
    assert watch.seconds == 3
    with stopped_clock():
        now[0] += 60
    now[0] += 4
    watch.stop()
    assert watch.seconds == 7
