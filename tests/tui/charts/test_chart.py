"""Charts: what is drawn where, and that drawn points keep their place."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import CheckpointSaved, Evaluated, LearningRateChanged
from tests.support.events import STARTED, after, progress
from tui.charts.plot import build_chart
from tui.charts.series import (
    RAW,
    SMOOTH,
    TEST,
    Series,
    build_series,
    chart_order,
    downsample,
    loss_of_guessing,
    next_chart,
    place_marks,
    smooth,
)
from tui.charts.x_axis import Window, choose_window, step_to_x, x_ticks
from tui.charts.y_axis import build_y_axis, fit_label, linear_axis, log_axis
from tui.preferences import CHARTS, X_AXES, ZOOMS, Preferences
from tui.state.curves import Curve
from tui.state.run_state import RunState


def coloured(
    state: RunState, kind="loss", width=60, height=12, overlaid_runs=(), **preferences
) -> list[list[tuple[str, int]]]:
    chosen = Preferences(**preferences)
    window = choose_window(state, chosen, width - 7)
    series = build_series(kind, state, overlaid_runs, chosen, window)
    guessing = loss_of_guessing(kind, state, series)
    marks = place_marks(state, chosen, window)
    size = width, height
    return build_chart(kind, series, chosen, window, size, guessing=guessing, marks=marks)


def drawn(state: RunState, *where, **how) -> list[str]:
    return ["".join(text for text, _ in line) for line in coloured(state, *where, **how)]


def cells_of(lines: list[list[tuple[str, int]]], tag: int) -> set[tuple[int, int]]:
    """Return the cells (column, row) of one colour."""
    out = set()
    for row, line in enumerate(lines):
        tags = [number for text, number in line for _ in text]
        out |= {(column, row) for column, number in enumerate(tags) if number == tag}
    return out


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
    assert any(
        has_dots(line) or {"●", "◆"} & set(line) for line in drawn(state, kind, log_scale=log_scale)
    )


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
    assert whole.low == 0
    assert 200 <= whole.high <= 210, "to an even number of columns from tick to tick"
    assert 50 <= part.high - part.low <= 55
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


def test_overlaid_runs_are_named_at_their_ends():
    runs = falling(190), falling(120)
    lines = "\n".join(drawn(falling(50), overlaid_runs=runs))
    assert "1 mlp" in lines
    assert "2 mlp" in lines
    plain = "\n".join(drawn(falling(50), overlaid_runs=runs, ascii=True, width=80, height=20))
    assert plain.count("1") > 10, "in plain ASCII, its number is also the ink of its line"


def test_chart_in_plain_ascii():
    state = after(Evaluated(epoch=1, step=80, test_loss=0.5, test_accuracy=0.9), state=falling(80))
    lines = drawn(state, ascii=True)
    curve = [line[7:] for line in lines[:-2]]
    assert all(character in "│┤ .*o↑from1234567890" for line in curve for character in line)
    assert any("*" in line for line in curve)
    assert any("o" in line for line in curve)


def test_nan_and_infinity_are_left_out():
    preferences = Preferences(x_axis="step")
    window = Window(0, 10, 50)
    points = [(1.0, 1.0), (2.0, math.inf), (3.0, math.nan), (4.0, 2.0)]
    series = [Series("train", points, SMOOTH, "*"), Series("", points, RAW, ".", line=False)]
    for log_scale in (False, True):
        shown = replace(preferences, log_scale=log_scale)
        assert len(build_chart("gradient", series, shown, window, (60, 12))) == 12


@pytest.mark.parametrize("rate", [1e-4, 1.5e-5, 123456.0])
def test_wide_labels_do_not_move_the_plot(rate):
    """What stands at a column, such as a mark, would be beside it."""
    state = after(STARTED, *(replace(progress(step, 0.5), learning_rate=rate) for step in (1, 9)))
    rows = drawn(state, "rate", width=30)[:-2]
    assert {row[6] for row in rows} <= set("┤│")


def test_short_label_keeps_the_value():
    assert fit_label("0.00015", 6) == "1.5e-4"
    assert fit_label("0.00020", 6) == "  2e-4"
    assert fit_label("0.0000000000015", 6) == " " * 6
    assert fit_label("250,000", 6) == "2.5e5".rjust(6)
    assert fit_label("97.25%", 5) == " " * 5


def test_marks_stand_at_their_steps():
    state = after(
        CheckpointSaved(path="x", kind="last", step=100),
        LearningRateChanged(step=120, learning_rate=0.1),
        state=falling(150),
    )
    preferences = Preferences(x_axis="step", marks=True)
    window = choose_window(state, preferences, 101)
    marks = place_marks(state, preferences, window)
    assert {column: mark.kind for column, mark in marks.items()} == {50: "saved", 60: "rate"}
    hidden = place_marks(state, replace(preferences, marks=False), window)
    assert [mark.kind for mark in hidden.values()] == ["rate"], "saved ones until toggled"
    top = drawn(state, x_axis="step", marks=True, width=108)[0][7:]
    assert top[50] == "▾"
    assert top[60:].startswith("r rate changed")


@given(
    st.lists(st.floats(1e-9, 1e30), min_size=1, max_size=30),
    st.integers(3, 40),
    st.booleans(),
)
def test_axis_contains_values_and_even_ticks(values, rows, log_scale):
    if log_scale:
        values = [math.log10(value) for value in values]
        axis = log_axis(min(values), max(values), rows)
    else:
        axis = linear_axis(min(values), max(values), rows)
    assert axis.unit > 0
    assert axis.dot(max(values), 4) < rows * 4
    if not log_scale:
        assert axis.dot(min(values), 4) >= 0
    assert axis.ticks
    places = [row for row, _ in axis.ticks]
    assert len({after - before for before, after in pairwise(places)}) <= 1, "not even"
    assert all(0 <= row < rows and len(label) <= 12 for row, label in axis.ticks)


@pytest.mark.parametrize("columns", [29, 45, 66, 100])
@pytest.mark.parametrize("zoom", ZOOMS)
def test_ticks_of_the_x_axis_are_even(columns, zoom):
    run = replace(STARTED, epochs=6, steps_per_epoch=1875, total_steps=11250)
    state = replace(after(run), step=9000)
    for x_axis in ("epoch", "step"):
        preferences = Preferences(x_axis=x_axis, zoom=zoom)
        window = choose_window(state, preferences, columns)
        places = [window.column(at) for at in x_ticks(x_axis, window)[0]]
        assert len(places) >= 2
        assert len({after - before for before, after in pairwise(places)}) == 1


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.integers(10, 300), st.sampled_from(X_AXES))
def test_x_ticks_lie_in_the_window(low, size, columns, x_axis):
    window = Window(low, low + size, columns)
    places, labels = x_ticks(x_axis, window)
    assert len(places) == len(labels) <= columns // 4 + 2
    slack = 1e-6 * (low + size)
    assert all(low - slack <= at <= low + size + slack for at in places)


def overfitted() -> RunState:
    """A run of 50 epochs whose test loss rises from 0.19 to 0.39 while it memorizes its images."""
    state = after(replace(STARTED, epochs=50, total_steps=5000))
    for epoch in range(50):
        for step in range(10, 101, 10):
            at = epoch * 100 + step
            loss = 2.3 * 0.5 ** (at / 60) + 0.3 * 0.9 ** (at / 30)
            state = after(replace(progress(at, loss), epoch=epoch + 1), state=state)
        test = 0.19 + 0.2 * max(0, epoch - 5) / 44 + 0.3 * 0.4**epoch
        step = (epoch + 1) * 100
        scored = Evaluated(epoch=epoch + 1, step=step, test_loss=test, test_accuracy=0.95)
        state = after(scored, state=state)
    return state


@pytest.mark.parametrize(("width", "height"), [(36, 7), (49, 9), (76, 9)])
def test_rise_of_the_test_loss_is_visible(width, height):
    """The first steps' loss of 2.3 flattened all that came after them."""
    state = overfitted()
    lines = coloured(state, width=width, height=height)
    test = cells_of(lines, TEST)
    columns = sorted({column for column, _ in test})
    assert columns[-1] - columns[0] > 0.9 * (width - 12), "one connected line"
    assert not set(range(columns[0], columns[-1])) - set(columns)
    lowest = max(row for _, row in test)
    newest = min(row for column, row in test if column == columns[-1])
    assert lowest - newest >= 2, "rows that the test loss has risen"
    train = max(row for column, row in cells_of(lines, SMOOTH) if column == columns[-1])
    assert train > lowest, "below the test loss"
    shown = "".join(text for line in lines for text, _ in line)
    assert shown.count("◆") == shown.count("●") == 1
    assert "↑ from 2.34" in shown, "where the curve begins, above the plot"


def test_axis_covers_a_rise_at_the_end():
    """Only the beginning may leave the axis."""
    points = [(x, 2.0 if x < 3 else 0.1 if x < 95 else 1.5) for x in range(100)]
    series = [Series("train", points, SMOOTH, "*")]
    axis = build_y_axis("loss", series, Preferences(), 10)
    assert axis.dot(1.5, 1) < 10


def test_first_loss_is_the_first_point():
    """2.3 reaches the curve, however many steps share a column and a point of the record."""
    curve = Curve().extend([(1, 2.3), *((step, 0.5) for step in range(2, 9000))])
    assert curve.points[0] == (1, 2.3)
    assert downsample(curve.points, float, Window(0, 9000, 40))[0] == (1, 2.3)


def test_line_at_the_loss_of_guessing_until_half_of_it():
    assert not any("guessing" in line for line in drawn(falling(50)))
    start = after(STARTED, *(progress(step, 2.3 - step / 50) for step in range(1, 20)))
    (line,) = (line for line in drawn(start) if "guessing" in line)
    assert line.rstrip().endswith("╌╌ guessing")
    of_two = replace(start, started=replace(STARTED, classes=2))
    series = [Series("train", [(1.0, 0.6)], SMOOTH, "*")]
    assert loss_of_guessing("loss", of_two, series) == pytest.approx(math.log(2))
    assert loss_of_guessing("accuracy", start, series) is None


def test_accuracy_on_a_log_scale_is_the_error():
    state = after(Evaluated(epoch=1, step=80, test_loss=0.5, test_accuracy=0.96), state=falling(80))
    lines = drawn(state, "accuracy", log_scale=True)
    labels = [line[:6].strip() for line in lines[:-2] if "┤" in line]
    assert "10%" in labels
    assert "3%" in labels


def test_rate_has_a_chart_of_its_own_once_it_changes():
    constant = falling(50)
    assert chart_order("loss", constant) == ("loss", "accuracy", "gradient", "speed", "rate")
    assert chart_order("speed", constant)[:2] == ("speed", "loss")
    assert chart_order("rate", constant)[:2] == ("rate", "loss")
    assert [next_chart(kind, constant) for kind in ("accuracy", "rate")] == ["gradient", "loss"]
    changed = after(LearningRateChanged(step=50, learning_rate=0.1), state=constant)
    assert chart_order("accuracy", changed) == ("accuracy", "rate", "gradient", "speed", "loss")
    assert next_chart("accuracy", changed) == "rate"


def test_smoothing_has_no_start_bias():
    flat = [(float(step), 3.0) for step in range(10)]
    assert all(abs(loss - 3.0) < 1e-9 for _, loss in smooth(flat, 0.9))
    noisy = [(float(step), 3.0 + (-1) ** step) for step in range(40)]
    assert abs(smooth(noisy, 0.9)[-1][1] - 3.0) < 0.2


def test_downsampling_keeps_two_points_a_column():
    points = [(float(step), 1.0) for step in range(1, 10_001)]
    assert len(downsample(points, float, Window(0, 10_000, 60))) <= 121


def test_cursor_passes_behind_the_curve():
    window = Window(0.0, 10.0, 11)
    series = [Series("train", [(0.0, 1.0), (10.0, 1.0)], SMOOTH, "*")]
    plain = replace(Preferences(), ascii=True)
    lines = build_chart("gradient", series, plain, window, (18, 8), cursor=5.0)
    column = ["".join(text for text, _ in line)[12] for line in lines[:-2]]
    assert set(column) == {"│", "*"}
    assert column.count("*") == 1
