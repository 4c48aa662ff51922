"""The view of the accuracy on corrupted images."""

import re
from contextlib import asynccontextmanager

import pytest

from core.commands import CancelCorruptions, ScoreCorruptions
from core.data.corruptions import CORRUPTIONS, list_levels
from core.events import RunStarted
from core.responses.scores import CorruptionScore, CorruptionsScored
from core.training.trainer import train as real_train
from tests.support.app import app_in, text_of, until
from tests.support.fakes import fake_digit, key_of
from tui.screens.checkpoints.evaluation import EvaluatedDigitsView, EvaluationView
from tui.screens.corruptions.view import CorruptionsView
from tui.screens.mistakes import MistakesView
from tui.widgets.charts.corruption_table import ClassLosses, CorruptionTable
from tui.widgets.digit_cards import DigitCards

NAMES = ("T-shirt", "[b]あ[/b]", *"23456789")
SIZES = [(80, 24), (120, 40), (200, 60), (60, 18)]


@asynccontextmanager
async def finished(tiny, tmp_path, size=(120, 40)):
    """Open the Mistakes view of a run that has ended, with the real engine."""
    app = app_in(tmp_path, real_train)
    app.config = tiny()
    async with app.run_test(size=size) as pilot:
        await pilot.press("space", key_of("mistakes"))
        await until(pilot, lambda: app.run_state.phase == "finished")
        yield pilot


def fake_scores(path: str, done: float) -> CorruptionsScored:
    """Return scores of ten classes with ten images each, of which level N has lost N in each of
    the even classes."""
    even = [number % 2 == 0 for number in range(10)]
    scores = [CorruptionScore(None, (10,) * 10, (10,) * 10)]
    for place, corruption in enumerate(list_levels("all")):
        level = place % 5 + 1
        correct = tuple(10 - level * is_even for is_even in even)
        mistakes = tuple(fake_digit(index, 1.0) for index in (3, 8, 13))
        scores.append(CorruptionScore(corruption, (10,) * 10, correct, mistakes))
    values = {
        "arch": "linear",
        "dataset": "fake",
        "epoch": 1,
        "step": 20,
        "samples": int(100 / done),
    }
    return CorruptionsScored(
        path=path, class_names=NAMES, scores=tuple(scores), done=done, **values
    )


@asynccontextmanager
async def faked(tmp_path, monkeypatch, size=(120, 40)):
    """Open the view over the app with a stand-in for the engine; `sent` are the commands to it."""
    app = app_in(tmp_path)
    async with app.run_test(size=size) as pilot:
        pilot.sent = []
        await until(pilot, lambda: app.app_state.devices)
        monkeypatch.setattr(app.runs, "send", lambda *commands: pilot.sent.extend(commands))
        app.push_screen(CorruptionsView("run/last.safetensors"))
        await until(pilot, lambda: pilot.sent and app.screen.query(CorruptionTable))
        yield pilot


async def test_table_and_mistakes_of_a_run_are_shown(tiny, tmp_path):
    async with finished(tiny, tmp_path) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, CorruptionsView))
        view = pilot.app.screen
        await until(pilot, lambda: "50 images each" in text_of(pilot))
        shown = text_of(pilot)
        assert re.search(r"linear on sample · step 20 · [\d.]+% correct without corr", shown)
        for kind in CORRUPTIONS:
            assert kind in shown
        await pilot.press("G", "right", "right")
        score = view.query_one(CorruptionTable).selected
        assert (score.corruption.kind, score.corruption.strength) == ("occlude", 20)
        cards = view.query_one(DigitCards)
        await until(pilot, lambda: cards.digits == score.mistakes)
        assert "occlude 20 pixels a side: " in text_of(pilot)
        # Each mistake as the network receives it, with a square of one grey.
        assert all(digit.pixels.count(128) >= 400 for digit in cards.digits)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EvaluationView))
        await until(pilot, lambda: "occlude 20 pixels a side · accuracy" in text_of(pilot))
        assert not pilot.app.screen.check_action("open", ("corruptions",)), (
            "images are corrupted once"
        )
        await pilot.press("f", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EvaluatedDigitsView))
        await until(pilot, lambda: pilot.app.screen.query_one(DigitCards).digits)
        assert all(
            digit.pixels.count(128) >= 400 and not digit.right
            for digit in pilot.app.screen.query_one(DigitCards).digits
        )
        await pilot.press("escape", "escape", "escape")
        assert isinstance(pilot.app.screen, MistakesView)


async def test_every_size_has_table_and_progress(tmp_path, monkeypatch):
    async with faked(tmp_path, monkeypatch) as pilot:
        app, path = pilot.app, "run/last.safetensors"
        assert pilot.sent == [ScoreCorruptions(path, app.config.data)]
        assert "Evaluating the checkpoint on corrupted images…" in text_of(pilot)
        app.runs.emit(fake_scores("another", 0.5))
        app.runs.emit(fake_scores(path, 0.5))
        await until(pilot, lambda: "100 of 200 images" in text_of(pilot))
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            shown = text_of(pilot)
            assert shown.count("95.0%") == shown.count("75.0%") == len(CORRUPTIONS), size
            if size[0] >= 80:
                # The mean of five levels is that of the third.
                assert shown.count("T-shirt −30 points") == len(CORRUPTIONS), size
                assert "noise 200 grey levels (std): 85.0% correct, 15 mistakes" in shown
            if size[0] >= 120:
                assert "T-shirt     100% →  70.0%  −30.0" in shown
                assert "[b]あ[/b]   100% →   100%" in shown
            if size == (200, 60):
                assert "60             120             200             300" in shown
        assert not app.screen.failed


async def test_keys_and_clicks_select_a_cell(tmp_path, monkeypatch):
    async with faked(tmp_path, monkeypatch) as pilot:
        table = pilot.app.screen.query_one(CorruptionTable)
        await pilot.press("down", "enter")
        assert isinstance(pilot.app.screen, CorruptionsView), "there is nothing to open yet"
        pilot.app.runs.emit(fake_scores("run/last.safetensors", 1.0))
        await until(pilot, lambda: table.scores)
        await pilot.press("g", "right", "down")
        assert (table.selected.corruption.kind, table.selected.corruption.strength) == ("blur", 2.5)
        await pilot.click(CorruptionTable, offset=(1 + 9 + 8 * 4 + 3, 1 + 1 + 2 * 3 + 1))
        chosen = table.selected.corruption
        assert (chosen.kind, chosen.strength) == ("rotate", 60)
        losses = pilot.app.screen.query_one(ClassLosses).shown
        assert losses.score.corruption == chosen
        await pilot.click(CorruptionTable, offset=(1 + 9 + 8 * 4 + 3, 1 + 1 + 2 * 3 + 1))
        await until(pilot, lambda: isinstance(pilot.app.screen, EvaluationView))
        assert pilot.sent[-1].corruption == chosen


async def test_refresh_and_leaving_end_the_work(tmp_path, monkeypatch):
    async with faked(tmp_path, monkeypatch) as pilot:
        pilot.app.runs.emit(fake_scores("run/last.safetensors", 0.3))
        table = pilot.app.screen.query_one(CorruptionTable)
        await until(pilot, lambda: table.scores)
        await pilot.press("f5")
        assert not table.scores, "earlier scores may be those of another file"
        assert [type(each) for each in pilot.sent] == [
            ScoreCorruptions,
            CancelCorruptions,
            ScoreCorruptions,
        ]
        await pilot.press("escape")
        await until(pilot, lambda: pilot.sent[-1] == CancelCorruptions())


async def test_unreadable_checkpoint_says_why(tmp_path):
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        pilot.app.push_screen(CorruptionsView(str(tmp_path / "none")))
        await until(pilot, lambda: "does not exist" in re.sub(r"[\s│]+", " ", text_of(pilot)))


@pytest.mark.parametrize("started", [False, True])
async def test_key_needs_a_checkpoint(tmp_path, started):
    """Without a run the key does nothing; before the first checkpoint it says so."""

    def train(config, inbox):
        values = dict.fromkeys(("epochs", "batch_size", "steps_per_epoch", "total_steps"), 1)
        names = dict.fromkeys(("run", "folder", "arch", "dataset", "device"), str(tmp_path))
        values |= dict.fromkeys(("parameters", "train_samples", "test_samples", "threads"), 1)
        yield RunStarted(**values, **names, config={})
        inbox.get()

    async with app_in(tmp_path, train).run_test(size=(120, 40)) as pilot:
        await pilot.press(key_of("mistakes"))
        if started:
            await pilot.press("space")
            await until(pilot, lambda: pilot.app.run_state.started)
        await pilot.press("C")
        if started:
            notices = pilot.app._notifications
            await until(pilot, lambda: any("no checkpoint yet" in each.message for each in notices))
        assert isinstance(pilot.app.screen, MistakesView)
        await pilot.press("s")
