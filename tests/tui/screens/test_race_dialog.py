"""The dialog that starts a race, driven by keys and the mouse, with the fake trainer."""

import pytest

from tests.support.app import SIZES, app_in, text_of, until
from tests.support.fakes import make_fake_train
from tui.screens.race.setup_dialog import RaceDialog, ValuesInput
from tui.screens.train import TrainView
from tui.widgets.select import CompactSelect


def fill(pilot, **fields) -> None:
    for name, value in fields.items():
        field = pilot.app.screen.query_one(f"#{name}")
        if isinstance(field, ValuesInput):
            field.text = value
        else:
            field.value = value


def row_of(pilot, text) -> int:
    return next(row for row, line in enumerate(text_of(pilot).splitlines()) if text in line)


@pytest.mark.parametrize("size", SIZES)
async def test_suggested_rates_race_by_two_keys(tmp_path, size):
    app = app_in(tmp_path, make_fake_train(steps=3, delay=0.002), epochs=2)
    async with app.run_test(size=size) as pilot:
        assert "ctrl+r race: change one setting" in text_of(pilot)
        await pilot.press("ctrl+r")
        await pilot.pause()
        shown = " ".join(text_of(pilot).replace("│", " ").split())
        assert "differ in the learning rate alone: 0.0001, 0.001, 0.01." in shown
        assert "the first weights too" in shown
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.race_state.phase == "finished")
        lanes = [each.name for each in app.race_state.lanes]
        assert lanes == ["lr 0.0001", "lr 0.001", "lr 0.01"]
        assert [each.started.epochs for each in app.race_state.now] == [2, 2, 2]


async def test_dialog_works_by_mouse_alone(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=3, delay=0.002), epochs=1)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(offset=(60, row_of(pilot, "ctrl+r race")))
        await pilot.pause()
        await pilot.click("#setting")
        await pilot.pause()
        await pilot.click(offset=(30, row_of(pilot, "Batch size")))
        await until(pilot, lambda: isinstance(app.screen, RaceDialog))
        await pilot.pause()
        await pilot.click("#start")
        await until(pilot, lambda: app.race_state.phase == "finished")
        lanes = [each.name for each in app.race_state.lanes]
        assert lanes == ["batch size 8", "batch size 32", "batch size 128"]


async def test_faults_are_shown_at_once(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+r")
        await pilot.pause()
        for fields, said in (
            ({"values": "0.1"}, "two to four lanes"),
            ({"values": "0.1, 0.1"}, "differ in nothing"),
            ({"values": "1,2,3,4,5"}, "at most 4 lanes"),
            ({"values": "0.1, fast"}, "must be a number"),
            ({"values": "0.1\n0.01", "goal": "2"}, "test accuracy"),
            ({"goal": "0.97", "seeds": "0"}, "whole number"),
            ({"seeds": "2", "epochs": ""}, "Epochs must be"),
        ):
            fill(pilot, **fields)
            await pilot.pause()
            shown = " ".join(text_of(pilot).replace("│", " ").split())
            assert "✗" in shown, fields
            assert said in shown, fields
            assert pilot.app.screen.query_one("#start").disabled
        fill(pilot, epochs="3")
        await pilot.pause()
        assert "6 runs" not in text_of(pilot)
        assert "4 runs" in text_of(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, TrainView)
        assert pilot.app.race_state.phase == "idle"


async def test_networks_are_names_and_texts(tmp_path):
    train = make_fake_train(steps=3, delay=0.002)
    async with app_in(tmp_path, train, epochs=1).run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+r")
        await pilot.pause()
        fill(pilot, setting="Network")
        await pilot.pause()
        values = pilot.app.screen.query_one(ValuesInput)
        assert values.text.splitlines() == ["mlp", "linear", "quick"]
        values.text = "mlp"
        pilot.app.screen.query_one("#add", CompactSelect).value = "cnn"
        await pilot.pause()
        assert values.text.splitlines() == ["mlp", "cnn"]
        values.text += "\nlinear 8, relu, linear"
        fill(pilot, setting="Batch size")
        await pilot.pause()
        fill(pilot, setting="Network")
        await pilot.pause()
        assert values.text.splitlines()[2] == "linear 8, relu, linear", "it is kept"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: pilot.app.race_state.phase == "finished")
        assert [each.name for each in pilot.app.race_state.lanes][:2] == ["mlp", "cnn"]
