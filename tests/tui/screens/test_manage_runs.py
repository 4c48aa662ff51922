"""Tests of managing runs by keys in the checkpoint browser."""

import time
from pathlib import Path

from textual.events import Paste
from textual.widgets import Input

from core.config import TrainConfig
from core.events import RunStarted
from core.runs import run_writer
from core.runs.catalog import read_run_info
from tests.support.fakes import key_of, make_fake_train
from tests.support.runs import make_run
from tui.app.app import MnistApp
from tui.screens.checkpoints.manage_dialogs import EditDialog, PruneDialog
from tui.state.run_state import RunState
from tui.widgets.lists.virtual_table import VirtualTable


async def until(pilot, condition, seconds=10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        await pilot.pause(0.01)


def messages(pilot) -> str:
    return " ".join(each.message for each in pilot.app._notifications)


def state_of(place: Path) -> RunState:
    """Return the state of a run that the app has trained."""
    numbers = dict.fromkeys(
        ("parameters", "epochs", "batch_size", "steps_per_epoch", "total_steps", "train_samples"), 1
    )
    started = RunStarted(
        run=place.name,
        folder=str(place),
        arch="linear",
        dataset="sample",
        device="cpu",
        test_samples=1,
        threads=1,
        config={},
        time=0.0,
        **numbers,
    )
    return RunState(started=started, checkpoint=str(place / "last.safetensors"))


async def test_keys_manage_runs(tmp_path):
    place = make_run(tmp_path, "[red] one", epochs=3)
    app = MnistApp(TrainConfig(checkpoints=str(tmp_path)), train=make_fake_train())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("checkpoints"))
        table = app.screen.query_one(VirtualTable)
        await until(pilot, lambda: len(table.rows) == 1)
        await pilot.press("right")
        assert len(table.rows) == 1 + 5
        await pilot.press("asterisk")
        await until(pilot, lambda: read_run_info(place).is_starred)
        await pilot.press("N", *"seen", "enter")
        await until(pilot, lambda: read_run_info(place).note == "seen")
        await until(pilot, lambda: not isinstance(app.screen, EditDialog))
        app.run_state = state_of(place)
        await pilot.press("R")
        app.screen.query_one(Input).value = "a/b"
        await pilot.press("enter")
        await until(
            pilot, lambda: "must not contain /" in str(app.screen.query_one("#error").content)
        )
        app.screen.query_one(Input).value = ""
        app.post_message(Paste("x" * 300))
        await until(pilot, lambda: app.screen.query_one(Input).value)
        await pilot.press("enter")
        await until(pilot, lambda: "too long: 300" in str(app.screen.query_one("#error").content))
        app.screen.query_one(Input).value = "two"
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, EditDialog))
        place = tmp_path / "two"
        assert read_run_info(place).is_starred
        assert app.run_state == state_of(place)
        await until(pilot, lambda: all(row.run.folder == place for row in table.rows))
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, PruneDialog))
        await pilot.press("y")
        await until(pilot, lambda: len(read_run_info(place).checkpoints) == 2)
        await pilot.press("home", "D")
        await until(pilot, lambda: not place.exists() and len(table.rows) == 0)
        await pilot.press("u")
        await until(pilot, lambda: len(table.rows) == 1)
        await pilot.press("U")
        await until(pilot, lambda: not place.exists() and len(table.rows) == 0)
        await pilot.press("u")
        await until(pilot, lambda: len(table.rows) == 1)
        await pilot.press("u")
        await until(pilot, lambda: place.exists() and len(read_run_info(place).checkpoints) == 5)
        await pilot.press("U")
        await until(pilot, lambda: len(read_run_info(place).checkpoints) == 2)
        await pilot.press("u", "u", "delete")
        await until(pilot, lambda: "This row is a run" in messages(pilot))
        await until(pilot, lambda: len(read_run_info(place).checkpoints) == 5)
        await pilot.press("right", "down", "delete")
        await until(pilot, lambda: len(read_run_info(place).checkpoints) == 4)
        for part in (
            "two is in the trash. Press u",
            "3 files of two restored",
            "The trash is empty",
        ):
            assert part in messages(pilot)
        with run_writer.reopen(place):
            await pilot.press("D")
            await until(pilot, lambda: "is being trained by" in messages(pilot))
        assert place.exists()
