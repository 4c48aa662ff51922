"""The test digits with the predictions of the untrained network, before any run."""

from dataclasses import replace

import pytest

from tests.support.app import app_in, text_of, until
from tests.support.fakes import key_of
from tui.app.app import MnistApp
from tui.widgets.digit_cards import DigitCards
from tui.widgets.select import CompactSelect


@pytest.mark.parametrize("view", ["train", "digits"])
async def test_first_screen_has_digits_of_the_untrained_network(tmp_path, tiny, view):
    tiny()
    async with app_in(tmp_path, arch="linear").run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of(view))
        await until(pilot, lambda: pilot.app.run_state.digits)
        state, cards = pilot.app.run_state, pilot.app.screen.query_one(DigitCards)
        await until(pilot, lambda: cards.digits)
        assert [digit.index for digit in cards.digits] == list(range(cards.capacity))
        assert {digit.label for digit in cards.digits[:4]} == {0, 1, 2, 3}
        assert all(max(digit.probabilities()) < 0.9 for digit in cards.digits)
        assert state.phase == "idle"
        assert "%" in text_of(pilot)


async def test_untrained_digits_follow_the_form(tmp_path, tiny):
    """Another network or seed gives other predictions; a run in progress gets no such request."""
    tiny()
    async with app_in(tmp_path, arch="linear").run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: pilot.app.run_state.digits)
        seen = {pilot.app.run_state.digits}
        pilot.app.screen.query_one("#arch", CompactSelect).value = "quick"
        await until(pilot, lambda: pilot.app.run_state.digits not in seen)
        seen.add(pilot.app.run_state.digits)
        pilot.app.screen.query_one("#seed").value = "7"
        await until(pilot, lambda: pilot.app.run_state.digits not in seen)
        assert pilot.app.run_state.untrained.seed == 7
        sent = []
        pilot.app.runs.engine.send = sent.append
        pilot.app.run_state = pilot.app.run_state.__class__(phase="preparing")
        pilot.app.request_digits(at_once=True)
        assert sent == []


async def test_dataset_that_stands_in_is_named(tmp_path, tiny):
    """In a small window too, where its line has little space."""
    tiny()
    config = app_in(tmp_path, arch="linear", data=str(tmp_path / "none")).config
    app = MnistApp(replace(config, dataset="auto"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.run_state.digits)
        await pilot.pause()
        said = "An untrained network guesses. Images of sample: MNIST is not downloaded yet."
        assert said in text_of(pilot)


async def test_missing_dataset_is_explained(tmp_path, tiny, monkeypatch):
    tiny()
    monkeypatch.setattr("core.engine.untrained.load_local", lambda name, data: None)
    async with app_in(tmp_path, arch="linear").run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: pilot.app.run_state.untrained)
        await pilot.press(key_of("digits"))
        await pilot.pause()
        assert "Test images appear when" in text_of(pilot)
