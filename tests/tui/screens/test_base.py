"""The base of all views: what it needs of the app, and how a failing part is shown."""

import pytest

from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import make_fake_train
from tui.screens.base import AppProtocol
from tui.screens.digits import DigitsView
from tui.screens.train import TrainView
from tui.widgets.charts import chart

FAULT = "could not be drawn: ValueError: a [red]"


def test_the_app_has_what_views_use(tmp_path):
    app = app_in(tmp_path)
    named = [*AppProtocol.__annotations__, *(name for name in vars(AppProtocol) if name[0] != "_")]
    assert len(named) > 10
    assert [name for name in named if not hasattr(app, name)] == []


def broken(*arguments, **more):
    raise ValueError("a [red] fault")


async def test_a_failing_chart_shows_its_error_until_it_draws(tmp_path, monkeypatch):
    good = chart.build_chart
    monkeypatch.setattr(chart, "build_chart", broken)
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: FAULT in text_of(pilot))
        assert "epoch 1/6" in text_of(pilot)
        monkeypatch.setattr(chart, "build_chart", good)
        await until(pilot, lambda: FAULT not in text_of(pilot))


@pytest.mark.parametrize("name", ["body", "show"])
async def test_a_failing_view_keeps_its_heading_and_footer(tmp_path, monkeypatch, name):
    monkeypatch.setattr(DigitsView, name, broken)
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("2", "space")
        await until(pilot, lambda: FAULT in text_of(pilot))
        await until(pilot, lambda: "● training" in text_of(pilot))
        assert "Help" in text_of(pilot)
        await pilot.press("1")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainView))
        await until(pilot, lambda: "epoch 1/6" in text_of(pilot))
        assert FAULT not in text_of(pilot)
        assert phase(pilot) == "training"


async def test_double_click_on_a_key_selects_no_text(tmp_path):
    """It presses the key twice; beside the key, it selects the text around."""
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "2")
        await until(pilot, lambda: "f  in order" in text_of(pilot))
        screen = pilot.app.screen
        lines = text_of(pilot).splitlines()
        y = next(y for y, line in enumerate(lines) if "f  in order" in line)
        x = lines[y].index("f  in order")
        await pilot.click(offset=(x, y), times=2)
        assert not screen.selections
        await pilot.click(offset=(x + 1, y), times=2)
        assert screen.selections
