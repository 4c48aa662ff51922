"""What fails to draw says so in its place, and the rest lives on."""

import pytest

from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import make_fake_train
from tui.screens.digits import DigitsView
from tui.screens.train import TrainView
from tui.widgets.charts import chart

FAULT = "could not be drawn: ValueError: a [red]"


def broken(*arguments, **more):
    raise ValueError("a [red] fault")


async def test_a_chart_that_fails_says_so_and_is_drawn_again(tmp_path, monkeypatch):
    good = chart.build_chart
    monkeypatch.setattr(chart, "build_chart", broken)
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: FAULT in text_of(pilot))
        assert "epoch 1/6" in text_of(pilot)
        monkeypatch.setattr(chart, "build_chart", good)
        await until(pilot, lambda: FAULT not in text_of(pilot))


@pytest.mark.parametrize("name", ["body", "show"])
async def test_a_view_that_fails_keeps_its_heading_and_the_others_live(tmp_path, monkeypatch, name):
    monkeypatch.setattr(DigitsView, name, broken)
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("2", "space")
        await until(pilot, lambda: FAULT in text_of(pilot))
        await until(pilot, lambda: "● training" in text_of(pilot))
        assert "Quit" in text_of(pilot)
        await pilot.press("1")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainView))
        await until(pilot, lambda: "epoch 1/6" in text_of(pilot))
        assert FAULT not in text_of(pilot)
        assert phase(pilot) == "training"
