"""The Train view: where its panels are at each size, and what they say."""

import subprocess
import sys
from dataclasses import replace
from itertools import product

import pytest
from textual.geometry import Region, Size

from tests.support.app import app_in, phase, text_of, until
from tests.support.events import STARTED
from tests.support.fakes import make_fake_train
from tui.app.app import MnistApp
from tui.screens.digits import DigitsView
from tui.screens.train_layout import Shown, arrange_panels
from tui.state.further import more_epochs
from tui.state.run_state import RunState, Score
from tui.text.figures import draw_figures
from tui.widgets.charts.confusion_matrix import ConfusionMatrix
from tui.widgets.digit_cards import DigitCards
from tui.widgets.run.accuracy import describe_score
from tui.widgets.run.commentary import fit_sentences
from tui.widgets.select import SelectOptions

SIZES = [Size(width, height) for width in range(60, 241, 3) for height in range(16, 81)]
STATES = [Shown(form=form, all_charts=all_) for form in (True, False) for all_ in (True, False)]
STATES += [Shown(form=form, lines=lines) for form in (True, False) for lines in (4, 30)]
STATES += [
    Shown(form=form, all_charts=all_, mission=rows, run=run)
    for form, all_, rows, run in product((True, False), (True, False), (5, 14), (True, False))
]
# The least size of each panel with its border.
LEAST = {
    "form": (38, 7),
    "accuracy": (26, 5),
    "charts": (34, 6),
    "happening": (60, 4),
    "digits": (20, 9),
    "matrix": (60, 14),
    "layer": (40, 14),
    "runs": (40, 14),
    "mission": (34, 5),
}


@pytest.mark.parametrize("shown", STATES, ids=str)
def test_panels_fill_every_size_without_overlap(shown):
    for size in SIZES:
        panels = arrange_panels(size, shown)
        area = Region(0, 0, *size)
        regions = list(panels.values())
        assert all(area.contains_region(region) for region in regions), size
        assert sum(region.area for region in regions) == area.area, size
        assert not any(
            one.overlaps(other) for place, one in enumerate(regions) for other in regions[:place]
        ), size
        for name, region in panels.items():
            assert region.width >= LEAST[name][0], (name, size)
            assert region.height >= LEAST[name][1], (name, size)


def test_figures_have_three_lines_of_one_width():
    for plain in (False, True):
        for text in ("0123456789", "96.8%", "100%"):
            lines = draw_figures(text, plain=plain)
            assert len(lines) == 3
            assert len({len(line) for line in lines}) == 1
            assert all(line.isascii() for line in lines) == plain
    shapes = {draw_figures(sign) for sign in "0123456789.%"}
    assert len(shapes) == 12


@pytest.mark.parametrize(
    ("accuracies", "lines"),
    [
        ((0.968,), ["1 in 31 wrong", "after epoch 1"]),
        ((0.959, 0.968), ["1 in 31 wrong", "▲ 0.9 points", "best so far"]),
        ((0.97, 0.965), ["1 in 29 wrong", "▼ 0.5 points", "best 97.0%"]),
        ((0.5, 0.5), ["5 in 10 wrong", "= as before", "best so far"]),
        ((0.9996, 0.9998), ["1 in 5,000 wrong", "▲ 0.02 points", "best so far"]),
        ((0.1, 1.0), ["none wrong", "▲ 90.0 points", "best so far"]),
    ],
)
def test_accuracy_is_put_into_words(accuracies, lines):
    scores = tuple(Score(place, place, 0.1, each) for place, each in enumerate(accuracies, 1))
    assert [text for text, style in describe_score(scores)] == lines


def test_sentences_are_shown_whole_or_not_at_all():
    found = ["The test accuracy is 97.2%. That is typical.", "Another one."]
    assert fit_sentences(found, 80, 1) == [" ".join(found)]
    assert fit_sentences(found, 44, 1) == [found[0]]
    assert fit_sentences(found, 40, 1) == ["The test accuracy is 97.2%."]
    assert fit_sentences(found, 20, 1) == []


async def test_small_window_shows_form_before_a_run_and_chart_in_it(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5), epochs=2).run_test(
        size=(80, 24)
    ) as pilot:
        view = pilot.app.screen

        def visible():
            return {
                name
                for name in LEAST
                if view.query(f"#{name}") and view.get_widget_by_id(name).size
            }

        assert visible() == {"form", "digits", "happening"}
        assert "Press space to train mlp" in text_of(pilot)
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.pause()
        assert visible() == {"charts", "accuracy", "digits", "happening"}
        await pilot.press("down")
        await pilot.pause()
        assert visible() == {"form", "digits", "happening"}
        assert view.focused.id == "arch"
        await pilot.press("escape")
        await pilot.pause()
        assert "charts" in visible()
        assert view.focused is None


async def test_finished_run_is_trained_further_with_one_key(tiny, tmp_path):
    app = MnistApp(tiny(epochs=2))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("plus")  # there is no run
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        await pilot.pause()
        folder = app.run_state.started.folder
        assert "+ 2 more epochs" in text_of(pilot)
        await pilot.press("plus")
        await until(pilot, lambda: phase(pilot) == "finished" and app.run_state.step == 40)
        run = app.run_state.started
        assert (run.folder, run.epochs, run.step) == (folder, 4, 20)
        assert [score.epoch for score in app.run_state.scores] == [1, 2, 3, 4]
        await pilot.pause()
        assert "+ 2 more epochs" in text_of(pilot), "as many as were added"


async def test_what_comes_after_a_run_can_be_clicked(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await pilot.pause()
        await pilot.press("escape", "escape", "space")
        await until(pilot, lambda: pilot.app.run_state.step > 2)
        assert "another network" not in text_of(pilot)
        await pilot.press("s")
        await until(pilot, lambda: phase(pilot) == "stopped")
        await pilot.pause()
        assert "+ continue to epoch 6" in text_of(pilot)
        row, line = next(
            (y, line) for y, line in enumerate(text_of(pilot).splitlines()) if "another" in line
        )
        await pilot.click(offset=(line.index("another"), row))
        await until(pilot, lambda: isinstance(pilot.app.screen, SelectOptions))
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.config.arch == "cnn")
        await pilot.press("escape", "space")
        await until(pilot, lambda: pilot.app.run_state.started.arch == "cnn")


def test_planned_schedule_is_not_trained_further():
    state = RunState(phase="finished", started=STARTED, step=200, checkpoint="last.safetensors")
    assert more_epochs(state) == 2
    planned = replace(state.started, config={"schedule": "onecycle"})
    assert more_epochs(replace(state, started=planned)) is None
    assert more_epochs(replace(state, phase="stopped", step=10)) == 0
    assert more_epochs(replace(state, checkpoint=None)) is None
    assert more_epochs(replace(state, phase="failed")) is None


@pytest.mark.parametrize("by_mouse", [True, False])
async def test_digit_in_train_opens_in_digits(tmp_path, by_mouse):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.digits_step > 0)
        await pilot.pause()
        cards = pilot.app.screen.query_one(DigitCards)
        if by_mouse:
            await pilot.click(cards, offset=(45, 4))
        else:
            await pilot.press("down", "right", "right", "right", "left")
            await pilot.pause()
            assert cards.selected == 2
            assert pilot.app.preferences.cursor is None
            await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DigitsView))
        view = pilot.app.screen
        await until(pilot, lambda: view.query(DigitCards) and view.query_one(DigitCards).digits)
        await until(pilot, lambda: view.query_one(DigitCards).digits[0].index == 2)


async def test_escape_goes_one_step_back(tmp_path):
    async with app_in(tmp_path, make_fake_train(steps=5000)).run_test(size=(80, 24)) as pilot:
        view = pilot.app.screen
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.digits_step > 0)
        await pilot.press("left", "down")
        await pilot.pause()
        assert pilot.app.preferences.cursor is not None
        assert view.focused is view.query_one(DigitCards)
        await pilot.press("escape")
        await pilot.pause()
        assert view.focused is None
        assert pilot.app.preferences.cursor is not None
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.preferences.cursor is None


async def test_large_window_shows_everything_live(tiny, tmp_path):
    app = MnistApp(tiny(epochs=2))
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        run = app.run_state.started.run
        assert app.screen.query_one(ConfusionMatrix).confusion == app.run_state.score.confusion
        shown = {each.id for each in app.screen.query("PanelArea > *") if each.size}
        assert shown == set(LEAST) - {"mission"}
        await until(pilot, lambda: "fc1" in text_of(pilot))
        rows = app.screen.query_one("#runs").region
        await until(
            pilot, lambda: run in "".join(text_of(pilot).splitlines()[rows.y : rows.bottom])
        )
        await pilot.click("#matrix", offset=(10, 5))
        await until(pilot, lambda: app.current_mode == "mistakes")


async def test_empty_window_says_once_what_to_press(tmp_path):
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert text_of(pilot).count("Press space") == 1
        assert "more settings" not in text_of(pilot), "they are all in view"


async def test_form_that_is_cut_says_that_there_is_more(tmp_path):
    async with app_in(tmp_path, epochs=1).run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.phase == "finished")
        await until(pilot, lambda: "↑↓ change · ↓ more settings" in text_of(pilot))


def test_small_window_starts_without_modules_of_large_ones():
    parts = "tui.widgets.layer_panel", "tui.widgets.charts.confusion_matrix"
    code = "import sys, tui.app.app, tui.screens.train; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert not {*parts} & {*loaded.stdout.split()}
