"""The dialog that finds a learning rate, with a search whose curve is known."""

import time

import pytest
from textual.widgets import Button, Input

from core.config import TrainConfig
from core.errors import UserError
from core.responses.rates import STEPS, RatesTried, TriedRate
from core.training.rate_finder import rate_of_step
from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import make_fake_train
from tui.screens.rate_finder.dialog import RateDialog
from tui.screens.train import TrainView
from tui.widgets.charts.rate_chart import RateChart
from tui.widgets.config_form import ConfigForm

SIZES = [(60, 18), (120, 40), (200, 60), (80, 24)]


class FakeSearch:
    """A loss of 2.3 that falls to 0.5 after the rate 0.001, and of which 0.002 is suggested."""

    suggestion: float | None = 0.002
    rule = "where it falls fastest"
    seconds = 0.0
    configs: list[TrainConfig] = []
    steps = 0

    def __init__(self, config):
        self.configs.append(config)
        FakeSearch.steps = 0

    def parts(self):
        for _ in range(STEPS):
            time.sleep(self.seconds)
            FakeSearch.steps += 1
            yield

    def report(self, request):
        losses = [2.3 if rate_of_step(step) < 1e-3 else 0.5 for step in range(self.steps)]
        is_last = self.steps == STEPS
        return RatesTried(
            points=tuple(
                TriedRate(rate_of_step(step), loss, loss) for step, loss in enumerate(losses)
            ),
            steps=STEPS,
            suggestion=self.suggestion if is_last else None,
            rule=self.rule if is_last else "",
            notes=("the schedule is ignored",),
            is_last=is_last,
            request=request,
        )


@pytest.fixture(autouse=True)
def fake_search(monkeypatch):
    monkeypatch.setattr(FakeSearch, "configs", [])
    monkeypatch.setattr("core.training.rate_finder.RateSearch", FakeSearch)


def dialog_of(pilot) -> RateDialog:
    assert isinstance(pilot.app.screen, RateDialog)
    return pilot.app.screen


def rate_in_form(pilot) -> str:
    form = pilot.app.get_screen_stack("train")[0].query_one(ConfigForm)
    return form.query_one("#learning_rate", Input).value


async def open_and_wait(pilot) -> None:
    await pilot.press("ctrl+f")
    await until(pilot, lambda: "Suggested" in text_of(pilot))


async def test_keys_find_and_take_a_rate(tmp_path):
    """From the field of the rate itself, where Textual would delete a word."""
    app = app_in(tmp_path, batch_size=64, schedule="onecycle")
    async with app.run_test(size=(120, 40)) as pilot:
        pilot.app.screen.query_one("#learning_rate").focus()
        await pilot.press(*["backspace"] * 9, "e")  # which is no rate
        await open_and_wait(pilot)
        [config] = FakeSearch.configs
        assert (config.batch_size, config.schedule) == (64, "onecycle")
        shown = text_of(pilot)
        assert "Suggested learning rate: 0.002, where it falls fastest." in shown
        assert "The schedule is ignored." in shown
        assert "◆ suggested: 0.002" in shown
        await pilot.press("right", "right", "left")
        await pilot.pause()
        assert "◆ chosen: 0.0021" in text_of(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TrainView)
        assert rate_in_form(pilot) == "0.0021"
        assert pilot.app.screen.query_one(ConfigForm).config().learning_rate == 0.0021


async def test_mouse_finds_and_takes_a_rate(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        row, line = next(
            each for each in enumerate(text_of(pilot).splitlines()) if "Rate" in each[1]
        )
        await pilot.click(offset=(line.index("find"), row))
        await until(pilot, lambda: "Suggested" in text_of(pilot))
        chart = dialog_of(pilot).query_one(RateChart)
        await pilot.click(RateChart, offset=(chart.size.width - 1, 4))
        await pilot.pause()
        assert str(dialog_of(pilot).query_one("#use", Button).label) == "Use 1"
        await pilot.click("#use")
        await pilot.pause()
        assert rate_in_form(pilot) == "1"


async def test_dialog_shows_the_search_while_it_runs_and_cancels_it(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeSearch, "seconds", 0.01)
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+f")
        await until(pilot, lambda: "step 2" in text_of(pilot) and "of 200" in text_of(pilot))
        await pilot.press("enter", "right")
        assert dialog_of(pilot).query_one("#use").disabled
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, TrainView)
        await pilot.pause(0.1)
        steps = FakeSearch.steps
        await pilot.pause(0.2)
        assert steps == FakeSearch.steps < STEPS
        assert rate_in_form(pilot) == "0.001"


async def test_curve_fits_every_size_and_plain_ascii(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await open_and_wait(pilot)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            for part in ("1e-6", "rate 1", "◆ suggested", "Use 0.002", "Cancel"):
                assert part in text_of(pilot), (part, size)
        pilot.app.change_preferences(ascii=True)
        await pilot.pause()
        for part in ("1e-6", "rate 1", "# suggested", "***"):
            assert part in text_of(pilot), part


async def test_search_without_a_fall_suggests_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeSearch, "suggestion", None)
    monkeypatch.setattr(FakeSearch, "rule", "the smoothed loss did not fall by 10%")
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+f")
        await until(pilot, lambda: "No learning rate is suggested" in text_of(pilot))
        await pilot.press("enter")
        assert dialog_of(pilot).query_one("#use").disabled
        await pilot.press("left", "enter")  # from the rate of the form on
        await pilot.pause()
        assert rate_in_form(pilot) == "0.00093"


async def test_refused_search_says_why(tmp_path, monkeypatch):
    def fail(self):
        raise UserError("MNIST is not here \x1b[31m")

    monkeypatch.setattr(FakeSearch, "parts", fail)
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+f")
        await until(pilot, lambda: "✗ MNIST is not here \\x1b[31m" in text_of(pilot))
        await pilot.press("enter", "right", "escape")
        assert isinstance(pilot.app.screen, TrainView)


async def test_run_in_progress_is_not_disturbed(tmp_path):
    train = make_fake_train(steps=5000)
    async with app_in(tmp_path, train).run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "training")
        assert not pilot.app.screen.query_one("#find-rate").is_on_screen
        await pilot.press("ctrl+f")
        await until(pilot, lambda: len(pilot.app._notifications))
        (notice,) = pilot.app._notifications
        assert notice.message == (
            "A run is in progress. Stop it (s) before you search for a learning rate."
        )
        assert isinstance(pilot.app.screen, TrainView)
    assert FakeSearch.configs == []


async def test_locked_rate_is_not_searched_for(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        pilot.app.screen.query_one("#learning_rate").parent.disabled = True
        await pilot.press("ctrl+f")
        await until(pilot, lambda: len(pilot.app._notifications))
        assert isinstance(pilot.app.screen, TrainView)
    assert FakeSearch.configs == []
