"""The panel of a chart: its title, its keys, and what stands in it before there is a curve."""

from dataclasses import replace

import pytest

from core.events import Evaluated, LearningRateChanged
from tests.support.app import app_in, text_of, until
from tests.support.events import STARTED, after, progress
from tui.charts.plot import build_chart
from tui.charts.series import OVERLAY, SMOOTH, TEST, Series
from tui.preferences import Preferences, load_preferences
from tui.widgets.charts.chart import SIDE_DELAY, Chart
from tui.widgets.charts.legend import keys_line, title_parts


def begun():
    return after(STARTED, *(progress(step, 2.3 / step**0.5) for step in range(1, 90)))


def evaluated(accuracy=0.96):
    score = Evaluated(epoch=1, step=100, test_loss=0.112, test_accuracy=accuracy)
    return after(progress(100, 0.2), score, state=begun())


def title(width, *, log_scale=False, overlaid=0, cursor=None):
    points = [(float(x), 0.0942) for x in range(10)]
    series = [
        *(
            Series(f"{number} mlp", points, tag, str(number), label=f"{number} mlp")
            for number, tag in enumerate(OVERLAY[:overlaid], 1)
        ),
        Series("train", points, SMOOTH, "*", "●"),
        Series("test", [(9.0, 0.112)], TEST, "o", "◆"),
    ]
    parts = title_parts("loss", series, Preferences(log_scale=log_scale), cursor, width)
    return "".join(text for text, _ in parts)


def test_title_has_the_value_of_each_curve():
    assert title(60) == "Loss  ● train 0.0942  ◆ test 0.112"
    assert title(60, log_scale=True) == "Loss, log  ● train 0.0942  ◆ test 0.112"
    assert title(60, cursor=3.0) == "Loss  ● train 0.0942  ◆ test –", "not evaluated by then"
    assert title(70, overlaid=2).endswith("◆ test 0.112  1 mlp 0.0942  2 mlp 0.0942")


@pytest.mark.parametrize("width", range(17, 60))
@pytest.mark.parametrize("overlaid", [0, 4])
def test_title_never_loses_the_test_loss(width, overlaid):
    """At 80 columns the legend lost it."""
    for log_scale in (False, True):
        text = title(width, log_scale=log_scale, overlaid=overlaid)
        assert len(text) <= width
        assert "◆ test 0.112" in text


def test_keys_show_the_rate_until_it_changes():
    state = begun()
    assert keys_line("loss", state, Preferences(), None, 34) == "rate 0.001 · l log · m smooth 0.6"
    assert keys_line("speed", state, Preferences(), None, 12) == "l log"
    changed = after(LearningRateChanged(step=95, learning_rate=0.01), state=state)
    chosen = Preferences(log_scale=True, zoom=0.25, smoothing=0.0)
    expected = "l linear · m not smoothed · z last 25% · c next"
    assert keys_line("loss", changed, chosen, None, 60) == expected
    marked = keys_line("speed", state, Preferences(marks=True), None, 20)
    assert marked == "l log · M ▾ saved"
    assert keys_line("loss", state, Preferences(), 1.5, 60) == "epoch 1.50 · ← → move · esc hide"


async def test_accuracy_before_the_first_evaluation_has_no_axis(tmp_path, monkeypatch):
    """On a log scale the axis read 1000%."""
    monkeypatch.setattr("tui.widgets.charts.chart.SIDE_SECONDS", 0.0)  # between two drawings
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        app = pilot.app
        app.change_preferences(log_scale=True)
        app.run_state = begun()
        await pilot.pause()
        assert "000%" not in text_of(pilot)
        assert "─ Test error ─" in text_of(pilot)
        assert "Known after the first" in text_of(pilot)
        app.run_state = evaluated(0.968)
        await until(pilot, lambda: "─ Test error  ◆ test 3.2% ─" in text_of(pilot))
        await until(pilot, lambda: "10%┤" in text_of(pilot))
        shown = text_of(pilot)
        assert "000%" not in shown
        assert "96.8%" not in shown.splitlines()[1]


async def test_small_charts_show_values_at_the_cursor(tmp_path):
    later = Evaluated(epoch=2, step=200, test_loss=0.05, test_accuracy=0.9)
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        app = pilot.app
        state = after(later, state=evaluated(0.6))
        app.run_state = replace(state, phase="finished", step=200)
        await pilot.pause()
        assert "◆ test 90.0%" in text_of(pilot).splitlines()[1]
        await pilot.press("left", "shift+left")
        await until(pilot, lambda: "◆ test 60.0%" in text_of(pilot).splitlines()[1])
        await pilot.press("escape")
        await until(pilot, lambda: "◆ test 90.0%" in text_of(pilot).splitlines()[1])


async def test_selected_chart_is_marked_unless_a_field_has_the_focus(tmp_path):
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        pilot.app.run_state = evaluated()
        await pilot.pause()

        def marked():
            return [
                chart.slot for chart in pilot.app.screen.query(Chart) if chart.has_class("-focus")
            ]

        assert marked() == [0]
        pilot.app.run_state = replace(evaluated(), phase="finished")
        await pilot.pause()
        await pilot.press("down")
        assert marked() == []
        await pilot.press("escape")
        assert marked() == [0]


async def test_key_builds_only_charts_that_it_changes(tmp_path, monkeypatch):
    """And what it has set is saved, even if the app is quit at once."""
    built = []

    def count(kind, *arguments, **more):
        built.append(kind)
        return build_chart(kind, *arguments, **more)

    monkeypatch.setattr("tui.widgets.charts.chart.build_chart", count)
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        pilot.app.run_state = replace(evaluated(), phase="finished")
        await until(pilot, lambda: {"accuracy", "loss"} <= {*built})
        await pilot.pause(2 * SIDE_DELAY)
        built.clear()
        await pilot.press("y", "T", "a", "i")
        await pilot.pause(2 * SIDE_DELAY)
        assert not built
        await pilot.press("l")
        await until(pilot, lambda: len(built) > 1)
        await pilot.pause(2 * SIDE_DELAY)
        assert sorted(built) == ["accuracy", "loss"]
        await pilot.press("m")
    saved, _ = load_preferences()
    assert (saved.log_scale, saved.smoothing, saved.machine) == (True, 0.9, True)
