"""The view that compares two to four checkpoints."""

from dataclasses import replace
from queue import SimpleQueue

import pytest
from textual.app import App

from core.commands import ScoreCheckpoint
from core.digit import Digit
from core.responses.predictions import CheckpointRefused
from tests.support.app import app_in, text_of, until
from tests.support.evaluations import fake_evaluation
from tests.support.events import STARTED, after, progress
from tui.app.app import MnistApp
from tui.charts.overlay import build_overlay_frame
from tui.screens.checkpoints.comparison import ComparisonView
from tui.screens.checkpoints.comparison_widgets import DisagreementCards, RunsChart
from tui.state.app_state import fold_app
from tui.widgets.canvas import Canvas
from tui.widgets.charts.chart import Chart


@pytest.fixture
def asked(monkeypatch):
    """The checkpoints to be evaluated; the test answers in place of the engine."""
    found, send = [], MnistApp.send

    def record(app, *commands):
        found.extend(each.path for each in commands if isinstance(each, ScoreCheckpoint))
        send(app, *(each for each in commands if not isinstance(each, ScoreCheckpoint)))

    monkeypatch.setattr(MnistApp, "send", record)
    return found


async def test_checkpoints_are_evaluated_in_turn(tmp_path, asked):
    """An error stands in the place of an accuracy; other test digits cannot be compared."""
    a, b, c = paths = [f"/runs/{name}/best.safetensors" for name in ("[red]x\n", "two", "three")]
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        app = pilot.app
        await app.push_screen(ComparisonView(paths))
        await until(pilot, lambda: "does not exist" in text_of(pilot))
        assert asked == [a]
        assert "Evaluating a…" in text_of(pilot)
        app.app_state = fold_app(app.app_state, fake_evaluation(a, {3: 5, 4: 9}))
        await pilot.pause()
        assert asked == [a, b]
        app.app_state = fold_app(app.app_state, CheckpointRefused(path=b, message=f"{b} is empty"))
        await pilot.pause()
        assert asked == [a, b, c]
        app.app_state = fold_app(app.app_state, fake_evaluation(c, {3: 5, 19: 1}))
        await pilot.pause()
        shown = text_of(pilot)
        assert "a  [red]x\\n/best" in shown
        assert "b  two/best  ✗ is empty" in shown
        assert "2 of 20 images predicted differently" in shown
        assert "1–2, strongest disagreement first" in shown
        digits = app.screen.query_one(DisagreementCards).disagreements
        assert [dict(each)["a"].index for each in digits] == [19, 4]
        assert [dict(each)["c"].predicted for each in digits] == [1, 4]
        assert list(dict(digits[0])) == ["a", "c"]
        assert "#19 true 9" in shown
        assert "a ✓ 9" in shown
        assert "c ✗ 1" in shown
        row = next(line for line in shown.splitlines() if "│ 4 " in line)
        assert "50.0%" in row
        assert "▸   100%" in row
        # Evaluations on other digits cannot be compared.
        await pilot.press("f5")
        assert asked[3:] == [a]
        for answer in (
            fake_evaluation(a, {}),
            fake_evaluation(b, {}),
            fake_evaluation(c, {}, bytes(20 * 784)),
        ):
            app.app_state = fold_app(app.app_state, answer)
            await pilot.pause()
        assert "evaluated on different test sets" in text_of(pilot)
        assert "two/best  test accuracy 100%" in text_of(pilot)


async def test_checkpoints_of_two_runs_are_compared(tiny):
    """Compare with the real trainer and engine, in a small window."""
    from core.training.trainer import train

    begun = []
    configs = tiny(), tiny(learning_rate=0.0001, epochs=1, seed=7)
    for config in configs:
        begun += [e for e in train(config, SimpleQueue()) if e.name == "run_started"]
    paths = [f"{each.folder}/last.safetensors" for each in begun]
    app = MnistApp(configs[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(ComparisonView([*paths, paths[0]]))
        assert len(app.screen.paths) == 2
        await until(pilot, lambda: text_of(pilot).count("% on sample") == 2)
        await until(pilot, lambda: app.screen.query_one(Chart).run_state.started)
        await pilot.pause()
        assert "epoch 2" in text_of(pilot)
        await pilot.press("c")
        await pilot.pause()
        assert app.preferences.chart == "accuracy"
        await pilot.press("left", "left")
        await pilot.pause()
        assert "← → move · esc hide" in text_of(pilot)
        assert app.preferences.cursor is None, "that of Train is its own"
        await pilot.press("escape", "v")
        await pilot.pause()
        shown = text_of(pilot)
        assert "learning rate      0.01" in shown
        assert "0.0001" in shown
        assert "batch size" not in shown
        await pilot.press("v")
        await pilot.pause()
        assert "Accuracy by class" in text_of(pilot)
        await pilot.press("v")
        await pilot.pause()
        field = app.screen.query_one(DisagreementCards)
        first = field.disagreements
        assert len(first) == field.capacity == 6
        await pilot.press("right")
        assert field.disagreements
        assert not set(field.disagreements) & set(first)
        await pilot.press("left")
        assert field.disagreements == first
        for part in app.screen.query(Canvas):
            assert not part.size or app.screen.region.contains_region(part.region)
        await pilot.press("escape")
        assert not isinstance(app.screen, ComparisonView)


async def test_zoom_of_train_does_not_empty_the_comparison(tmp_path, asked):
    """The newest 5% of a run in progress may lie after the end of the runs that are compared."""
    short = replace(STARTED, epochs=100, total_steps=10_000)
    run = after(short, *(progress(step, 2.0 / step**0.5) for step in range(5, 101, 5)))
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        app.change_preferences(zoom=0.05, cursor=0.9)
        await app.push_screen(ComparisonView(["/runs/a/last.safetensors"]))
        await until(pilot, lambda: "does not exist" in text_of(pilot))
        chart = app.screen.query_one(RunsChart)
        chart.overlaid_runs, chart.run_state = (run,), build_overlay_frame([run])
        for zoom in (1.0, 0.25, 0.05):
            await pilot.pause()
            assert chart.preferences.zoom == zoom
            assert any(0x2800 < ord(sign) < 0x2900 for sign in text_of(pilot)), f"empty at {zoom}"
            await pilot.press("z")
        assert app.preferences.zoom == 0.05, "that of Train is its own"
        await pilot.press("left", "escape")
        assert isinstance(app.screen, ComparisonView), "esc hides the cursor first"
        await pilot.press("escape")
        assert not isinstance(app.screen, ComparisonView)


async def test_doubt_about_a_digit_is_not_cut():
    digit = Digit(3, bytes(784), 5, (0.0, 1.0), is_unlike=True)

    class Cards(App):
        def compose(self):
            yield DisagreementCards()

    app = Cards()
    async with app.run_test(size=(60, 10)) as pilot:
        app.query_one(DisagreementCards).disagreements = ((("a", digit), ("b", digit)),)
        await pilot.pause()
        assert "! unlike a digit" in text_of(pilot)
