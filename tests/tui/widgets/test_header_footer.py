"""The first and the last line of every view, at every width and state of the run."""

import pytest

from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.actions import VIEWS


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_header_names_views_and_run_without_collision(tmp_path, width):
    train = make_fake_train(steps=5000)
    async with app_in(tmp_path, train, arch="linear").run_test(size=(width, 24)) as pilot:
        for mode, view in VIEWS.items():
            await pilot.press(key_of(mode))
            await pilot.pause()
            first = text_of(pilot).splitlines()[0]
            assert f" {key_of(mode)} {view.title} " in first
            others = [each.title for each in VIEWS.values() if each is not view]
            assert all((title in first) == (width >= 120) for title in others)
            assert all(f" {number + 1} " in first for number in range(len(VIEWS)))
            assert first.rstrip().endswith("○ ready")
            assert "linear · sample" in first or width < 80
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "training")
        await until(pilot, lambda: "● training" in text_of(pilot).splitlines()[0])
        assert ("linear · fake · cpu" in text_of(pilot)) == (width >= 80)


@pytest.mark.parametrize("width", [60, 80])
async def test_footer_has_six_keys_and_the_palette(tmp_path, width):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(width, 24)) as pilot:
        for mode in VIEWS:
            await pilot.press(key_of(mode))
            await pilot.pause()
            last = text_of(pilot).splitlines()[-1].rstrip()
            assert last.endswith("? Help  ^p Commands")
            shown = pilot.app.screen.query_one("KeyFooter").content.spans
            assert len({span.style for span in shown if "simulate_key" in str(span.style)}) <= 7
        await pilot.press("1", "space")
        await until(pilot, lambda: "space Pause  s Stop" in text_of(pilot).splitlines()[-1])


async def test_footer_opens_the_palette_with_the_keys(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        last = text_of(pilot).splitlines()[-1]
        await pilot.click("KeyFooter", offset=(last.index("Commands"), 0))
        await until(pilot, lambda: "Search for commands" in text_of(pilot))
        entries = [each.title for each in pilot.app.get_system_commands(pilot.app.screen_stack[0])]
        assert {"Start · space", "Help · ?", "ASCII · A", "View: Digits · 2"} <= {*entries}
        assert len(entries) == len({*entries})
