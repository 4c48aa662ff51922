"""The first and the last line of every view, at every width and state of the run."""

from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.actions import VIEWS

WIDTHS = (60, 80, 120)


async def test_first_and_last_line_without_collision(tmp_path):
    """The views and the run in the header; six keys and the palette in the footer."""
    train = make_fake_train(steps=5000)
    async with app_in(tmp_path, train, arch="linear").run_test(size=(80, 24)) as pilot:
        for mode, view in VIEWS.items():
            await pilot.press(key_of(mode))
            for width in WIDTHS:
                await pilot.resize_terminal(width, 24)
                await pilot.pause()
                first, *_, last = text_of(pilot).splitlines()
                assert f" {key_of(mode)} {view.title} " in first
                others = [each.title for each in VIEWS.values() if each is not view]
                assert all((title in first) == (width >= 120) for title in others)
                assert all(f" {number + 1} " in first for number in range(len(VIEWS)))
                assert first.rstrip().endswith("○ ready")
                assert "linear · sample" in first or width < 80
                assert last.rstrip().endswith("? Help  ^p Commands")
                spans = pilot.app.screen.query_one("KeyFooter").content.spans
                keys = {span.style for span in spans if "simulate_key" in str(span.style)}
                assert len(keys) <= 7 or width > 80
        await pilot.press("1", "space")
        await until(pilot, lambda: phase(pilot) == "training")
        for width in WIDTHS:
            await pilot.resize_terminal(width, 24)
            await until(pilot, lambda: "● training" in text_of(pilot).splitlines()[0])
            await until(pilot, lambda: "space Pause  s Stop" in text_of(pilot).splitlines()[-1])
            first, is_wide = text_of(pilot).splitlines()[0], width == 120
            # The names of all views take the place of the device.
            facts = "linear · fake" if is_wide else "linear · fake · cpu"
            assert (facts in first) == (width >= 80)
            assert ("cpu" in first) == (width == 80)
            assert all(view.title in first for view in VIEWS.values()) == is_wide
        assert len(VIEWS) == 9


async def test_footer_opens_the_palette_with_the_keys(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        last = text_of(pilot).splitlines()[-1]
        await pilot.click("KeyFooter", offset=(last.index("Commands"), 0))
        await until(pilot, lambda: "Search for commands" in text_of(pilot))
        entries = [each.title for each in pilot.app.get_system_commands(pilot.app.screen_stack[0])]
        assert {"Start · space", "Help · ?", "ASCII · A", "View: Digits · 2"} <= {*entries}
        assert len(entries) == len({*entries})
