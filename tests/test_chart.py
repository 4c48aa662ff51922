"""The loss chart: what is drawn, and that what is behind stays as it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from test_state import STARTED, after, progress

from tui.settings import Settings
from tui.state import RunState
from tui.widgets import chart

STYLES = {tag: Style(color=f"color({tag})") for tag in chart.PARTS}


def drawn(state: RunState, settings: Settings | None = None, width=60, height=12) -> list[str]:
    text = chart.build_chart(state, settings or Settings(), width, height)
    lines = list(chart.read_back(text, STYLES))
    return ["".join(piece.text for piece in line) for line in lines]


def falling(steps: int) -> RunState:
    return after(
        STARTED, *(progress(step, 2.0 / step**0.5, 1.9 / step**0.5) for step in range(1, steps))
    )


@pytest.mark.parametrize("log_scale", [False, True])
def test_a_chart_fills_its_place_exactly(log_scale):
    lines = drawn(falling(80), Settings(log_scale=log_scale))
    assert len(lines) == 12
    assert {len(line) for line in lines} == {60}
    assert any(0x2800 < ord(character) < 0x2900 for line in lines for character in line)
    assert "epoch 2" in lines[-1]


def test_what_is_behind_stays_as_it_is():
    """The reason for fixed axes: a frame changes a few columns, not the whole chart."""
    before, now = drawn(falling(100)), drawn(falling(104))
    changed = [
        column
        for old, new in zip(before, now, strict=True)
        for column, (a, b) in enumerate(zip(old, new, strict=True))
        if a != b
    ]
    assert changed, "the curve goes on"
    assert max(changed) - min(changed) <= 4


def test_a_log_axis_shows_values_far_below_one():
    state = after(STARTED, *(progress(step, 10 ** (-step / 25)) for step in range(1, 120)))
    top = drawn(state, Settings(log_scale=True, smoothing=0.0), height=20)
    rows = [
        row
        for row, line in enumerate(top)
        if any(0x2800 < ord(character) < 0x2900 for character in line)
    ]
    assert len(rows) >= 15, "on a log scale the whole height is used"
    assert any("0.01" in line for line in top)


@given(
    st.lists(st.floats(1e-9, 1e30), min_size=1, max_size=30),
    st.integers(2, 12),
    st.booleans(),
)
def test_an_axis_holds_all_values_and_its_ticks(values, most, log_scale):
    if log_scale:
        values = [math.log10(value) for value in values]
        low, high, ticks = chart.log_axis(min(values), max(values), most)
    else:
        low, high, ticks = chart.linear_axis(min(values), max(values), most)
    slack = 1e-6 * max(1.0, abs(high))
    assert low - slack <= min(values)
    assert max(values) <= high + slack
    assert low < high
    assert ticks
    assert all(low - slack <= at <= high + slack and len(label) <= 12 for at, label in ticks)


@given(st.integers(1, 100_000), st.integers(1, 20))
def test_epoch_ticks_fit_and_start_at_nothing(epochs, most):
    places, labels = chart.epoch_ticks(epochs, 10, most)
    assert len(places) == len(labels) <= most + 1
    assert places[0] == 0
    assert places[-1] <= epochs * 10


def test_smoothing_is_not_pulled_towards_its_start():
    flat = [(float(step), 3.0) for step in range(10)]
    assert all(abs(loss - 3.0) < 1e-9 for _, loss in chart.smoothed(flat, 0.9))
    noisy = [(float(step), 3.0 + (-1) ** step) for step in range(40)]
    assert abs(chart.smoothed(noisy, 0.9)[-1][1] - 3.0) < 0.2


def test_thinning_keeps_two_points_a_column_at_most():
    points = [(float(step), 1.0) for step in range(1, 10_001)]
    assert len(chart.thin(points, 10_000, 120)) <= 121


def test_pieces_of_one_style_are_one_piece():
    lines = list(chart.read_back("\x1b[0mab\x1b[38;5;2mcd\x1b[0m\x1b[38;5;2mef\x1b[0m\nx", STYLES))
    assert [(piece.text, piece.style) for piece in lines[0]] == [("ab", None), ("cdef", STYLES[2])]
    assert len(lines) == 2
