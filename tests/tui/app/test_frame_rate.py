"""How often the screen is drawn: less often where a frame takes long, or sends many bytes."""

import pytest

from tui.app.frame_rate import (
    LONGEST,
    LONGEST_FOR_BYTES,
    SCREEN_SHARE,
    SHORTEST,
    SLOW_LINK,
    FrameRate,
)


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
    assert frames.delay(training=True, slow=True) == SLOW_LINK


@pytest.mark.parametrize("cost", [0.0005, 0.004, 0.0075, 0.03])
def test_frame_rate_follows_the_processor(cost, monkeypatch):
    """The share of the screen is the same on a slower processor, down to two frames a second."""
    used = 0.0
    monkeypatch.setattr("tui.app.frame_rate.thread_time", lambda: used)
    monkeypatch.setattr("tui.app.frame_rate.SCREEN_SHARE", SCREEN_SHARE)  # other tests raise it
    frames = FrameRate()
    used += cost
    delay = frames.delay(training=True)
    assert SHORTEST <= delay <= LONGEST == 0.5
    assert cost / delay <= SCREEN_SHARE * 1.001 or delay == LONGEST
    assert delay == SHORTEST or cost / delay >= SCREEN_SHARE * 0.999
