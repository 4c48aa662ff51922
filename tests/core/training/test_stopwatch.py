"""What counts as training time."""

from core.training import stopwatch
from core.training.stopwatch import Stopwatch


def test_stopwatch_leaves_pauses_out(monkeypatch):
    ticks = iter([0.0, 3.0, 10.0, 12.0])
    monkeypatch.setattr(stopwatch, "perf_counter", lambda: next(ticks))
    watch = Stopwatch()
    watch.start()
    watch.stop()
    watch.start()
    watch.lap(11.0)
    assert (watch.seconds, watch.since) == (4.0, 11.0)
    watch.stop()
    assert watch.seconds == 5.0
