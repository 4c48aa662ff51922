"""Charts: what is drawn where, and that drawn points keep their place."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from core.events import CheckpointSaved, Evaluated, LearningRateChanged
from tests.support.events import STARTED, after, progress
from tui.charts.plot import build_chart, parse_plot
from tui.charts.series import RAW, Series, build_series, downsample, place_marks, smooth
from tui.charts.x_axis import Window, choose_window, step_to_x, x_ticks
from tui.charts.y_axis import fit_label, linear_axis, log_axis
from tui.preferences import CHARTS, X_AXES, ZOOMS, Preferences
from tui.state.curves import Curve
from tui.state.run_state import RunState
from tui.widgets.charts import chart

STYLES = {tag: Style(color=f"color({tag})") for tag in chart.PARTS}


def drawn(
    state: RunState, kind="loss", width=60, height=12, overlaid_runs=(), **preferences
) -> list[str]:
    chosen = Preferences(**preferences)
    window = choose_window(state, chosen, width - 7)
    series = build_series(kind, state, overlaid_runs, chosen, window)
    text = build_chart(kind, series, chosen, window, (width, height))
    lines = list(parse_plot(text, STYLES))
    return ["".join(piece.text for piece in line) for line in lines]


def falling(steps: int) -> RunState:
    return after(
        STARTED, *(progress(step, 2.0 / step**0.5, 1.9 / step**0.5) for step in range(1, steps))
    )


def has_dots(line: str) -> bool:
    return any(0x2800 < ord(character) < 0x2900 for character in line)


@pytest.mark.parametrize("kind", CHARTS)
@pytest.mark.parametrize("log_scale", [False, True])
def test_chart_has_exactly_its_size(kind, log_scale):
    state = after(Evaluated(epoch=1, step=80, test_loss=0.5, test_accuracy=0.9), state=falling(80))
    state = after(replace_gradient(progress(90, 0.4)), state=state)
    for x_axis in X_AXES:
        for zoom in ZOOMS:
            lines = drawn(state, kind, log_scale=log_scale, x_axis=x_axis, zoom=zoom)
            assert len(lines) == 12
            assert {len(line) for line in lines} == {60}
    assert any(has_dots(line) or "●" in line for line in drawn(state, kind, log_scale=log_scale))


def replace_gradient(event):
    return replace(event, gradient_norm=1.5)


def test_new_steps_change_few_columns():
    """The reason for fixed axes: a frame changes a few columns, not the whole chart."""
    before, now = drawn(falling(100)), drawn(falling(104))
    changed = [
        column
        for old, new in zip(before, now, strict=True)
        for column, (a, b) in enumerate(zip(old, new, strict=True))
        if a != b
    ]
    assert changed, "the curve grows"
    assert max(changed) - min(changed) <= 4


def test_log_axis_shows_values_far_below_one():
    state = after(STARTED, *(progress(step, 10 ** (-step / 25)) for step in range(1, 120)))
    top = drawn(state, log_scale=True, smoothing=0.0, height=20)
    rows = [row for row, line in enumerate(top) if has_dots(line)]
    assert len(rows) >= 15, "on a log scale the whole height is used"
    assert any("0.01" in line for line in top)


def test_zoom_shows_the_newest_part():
    state = falling(160)  # of 200 steps
    whole = choose_window(state, Preferences(x_axis="step"), 50)
    part = choose_window(state, Preferences(x_axis="step", zoom=0.25), 50)
    assert (whole.low, whole.high) == (0, 200)
    assert part.high - part.low == 50
    assert part.low < 160 <= part.high
    again = choose_window(falling(162), Preferences(x_axis="step", zoom=0.25), 50)
    assert again == part


def test_x_axis_in_epochs_and_time():
    state = falling(150)
    state = replace(state, seconds=30.0)
    clock = Curve(((100, 20.0), (150, 30.0)))
    state = replace(state, curves=replace(state.curves, clock=clock))
    by_epoch = step_to_x(state, "epoch")
    assert by_epoch(150) == 1.5
    in_time = step_to_x(state, "time")
    assert in_time(125) == pytest.approx(25.0)
    assert "epoch 2" in drawn(state)[-1]
    assert " s" in drawn(state, x_axis="time")[-1]


def test_overlaid_runs_have_letters():
    lines = "\n".join(drawn(falling(50), overlaid_runs=(falling(190), falling(120))))
    assert "a" in lines
    assert "b" in lines
    assert "a" not in "\n".join(drawn(falling(50))).replace("epoch", "")


def test_chart_in_plain_ascii():
    state = after(Evaluated(epoch=1, step=80, test_loss=0.5, test_accuracy=0.9), state=falling(80))
    curve = [line[7:] for line in drawn(state, ascii=True)[:-2]]
    assert all(character in "│ .*o" for line in curve for character in line)
    assert any("*" in line for line in curve)
    assert any("o" in line for line in curve)


def test_nan_and_infinity_are_left_out():
    preferences = Preferences(x_axis="step")
    window = Window(0, 10, 50)
    points = [(1.0, 1.0), (2.0, math.inf), (3.0, math.nan), (4.0, 2.0)]
    series = [Series("raw", points, RAW)]
    text = build_chart("gradient", series, preferences, window, (60, 12))
    assert len(text.splitlines()) == 12


@pytest.mark.parametrize("rate", [1e-4, 1.5e-5, 123456.0])
def test_wide_labels_do_not_move_the_plot(rate):
    """What stands at a column, such as a mark, would be beside it."""
    state = after(STARTED, *(replace(progress(step, 0.5), learning_rate=rate) for step in (1, 9)))
    rows = drawn(state, "rate", width=30)[:-2]
    assert {row[6] for row in rows} <= set("┤│")


def test_short_label_keeps_the_value():
    preferences = Preferences()
    assert fit_label(0.00015, "0.00015", 6, preferences) == "1.5e-4"
    assert fit_label(0.0002, "0.00020", 6, preferences) == "  2e-4"
    assert fit_label(1.5e-12, "0.0000000000015", 6, preferences) == " " * 6
    assert fit_label(250_000.0, "250,000", 6, preferences) == "2.5e5".rjust(6)


def test_marks_stand_at_their_steps():
    state = after(
        CheckpointSaved(path="x", kind="last", step=100),
        LearningRateChanged(step=120, learning_rate=0.1),
        state=falling(150),
    )
    preferences = Preferences(x_axis="step")
    window = choose_window(state, preferences, 101)
    marks = place_marks(state, preferences, window)
    assert {column: mark.kind for column, mark in marks.items()} == {50: "saved", 60: "rate"}


@given(
    st.lists(st.floats(1e-9, 1e30), min_size=1, max_size=30),
    st.integers(2, 12),
    st.booleans(),
)
def test_axis_contains_values_and_ticks(values, most, log_scale):
    if log_scale:
        values = [math.log10(value) for value in values]
        low, high, ticks = log_axis(min(values), max(values), most)
    else:
        low, high, ticks = linear_axis(min(values), max(values), most)
    slack = 1e-6 * max(1.0, abs(high))
    assert low - slack <= min(values)
    assert max(values) <= high + slack
    assert low < high
    assert ticks
    assert all(low - slack <= at <= high + slack and len(label) <= 12 for at, label in ticks)


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.integers(10, 300), st.sampled_from(X_AXES))
def test_x_ticks_lie_in_the_window(low, size, columns, x_axis):
    window = Window(low, low + size, columns)
    places, labels = x_ticks(x_axis, window)
    assert len(places) == len(labels) <= columns // 10 + 2
    slack = 1e-6 * (low + size)
    assert all(low - slack <= at <= low + size + slack for at in places)


def test_smoothing_has_no_start_bias():
    flat = [(float(step), 3.0) for step in range(10)]
    assert all(abs(loss - 3.0) < 1e-9 for _, loss in smooth(flat, 0.9))
    noisy = [(float(step), 3.0 + (-1) ** step) for step in range(40)]
    assert abs(smooth(noisy, 0.9)[-1][1] - 3.0) < 0.2


def test_downsampling_keeps_two_points_a_column():
    points = [(float(step), 1.0) for step in range(1, 10_001)]
    assert len(downsample(points, float, Window(0, 10_000, 60))) <= 121


def test_parsing_merges_segments_of_one_style():
    lines = list(parse_plot("\x1b[0mab\x1b[38;5;2mcd\x1b[0m\x1b[38;5;2mef\x1b[0m\nx", STYLES))
    assert [(piece.text, piece.style) for piece in lines[0]] == [("ab", None), ("cdef", STYLES[2])]
    assert len(lines) == 2


def test_cursor_passes_behind_the_curve():
    line = list(parse_plot("\x1b[38;5;2m ab \x1b[0m", STYLES))
    crossed = chart._with_vertical([*line, [], []], 1, "│", STYLES[5])[0]
    assert "".join(piece.text for piece in crossed) == " ab "
    crossed = chart._with_vertical([*line, [], []], 3, "│", STYLES[5])[0]
    assert "".join(piece.text for piece in crossed) == " ab│"
