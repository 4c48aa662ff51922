"""How often the screen is drawn: less often where a frame sends many bytes."""

import pytest

from tui.app.frame_rate import LONGEST, LONGEST_FOR_BYTES, SHORTEST, FrameRate


@pytest.mark.parametrize(
    ("size", "least", "most"),
    [(300, SHORTEST, SHORTEST), (3_000, 0.3, 0.45), (50_000, LONGEST_FOR_BYTES, LONGEST_FOR_BYTES)],
)
def test_terminal_gets_at_most_ten_kilobytes_a_second(size, least, most, monkeypatch):
    monkeypatch.setattr("tui.app.frame_rate.thread_time", lambda: 0.0)
    frames, now, delay, sent, measured_at = FrameRate(), 0.0, SHORTEST, 0.0, 0.0
    times = []
    for _ in range(100):
        now += delay
        times.append(now)
        if now - measured_at >= 1:  # as the connection is measured
            sent = size * sum(at > measured_at for at in times) / (now - measured_at)
            measured_at = now
        delay = frames.delay(training=True, sent=sent)
    assert least <= delay <= most
    assert size / delay <= 10_000 or delay == LONGEST_FOR_BYTES
    assert frames.delay(training=True, slow=True) == LONGEST
