"""The checkpoint browser, while other processes write to its folder."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from textual.widgets import DataTable, Input, Static

from core.checkpoints import io as checkpoints
from core.checkpoints.header import CheckpointInfo
from core.config import TrainConfig
from core.event_json import as_json
from core.events import Evaluated, Progress
from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tui.app.app import MnistApp
from tui.screens.branch_dialog import BranchDialog
from tui.screens.checkpoints.browser import CheckpointBrowser
from tui.screens.checkpoints.preview import LossChart
from tui.screens.train import TrainView
from tui.widgets.config_form import ConfigForm
from tui.widgets.lists.run_list import RunList
from tui.widgets.lists.virtual_table import VirtualTable
from tui.widgets.network_select import NetworkSelect

NAMES = ("[red]", "two\nlines", "\u202etfel", "שלום", "漢字漢字", *(f"run-{n}" for n in range(7)))
CUSTOM_TEXT = "linear 8, relu, linear"
LOCK_FILE = (
    "import fcntl, sys\n"
    "file = open(sys.argv[1], 'ab')\n"
    "fcntl.flock(file, fcntl.LOCK_EX)\n"
    "print('locked', flush=True)\n"
    "sys.stdin.read()\n"
)


def make_run(folder: Path, name: str, number: int, status: str = "stopped") -> Path:
    """Write an mlp run for even numbers, else linear; higher numbers are older and better."""
    place = folder / name
    place.mkdir(parents=True)
    config = TrainConfig(arch="linear" if number % 2 else "mlp", dataset="sample", epochs=3)
    stored = asdict(config) | {"learning_rate": 0.01}
    told = {"run": name, "status": status, "pid": os.getpid(), "config": stored, "device": "cpu"}
    (place / "run.json").write_text(json.dumps(told))
    (place / "events.jsonl").write_text("")
    for kind, better in (("last", 0.0), ("best", 0.001)):
        info = CheckpointInfo(
            run=name, arch=config.arch, dataset="sample", config=stored, epoch=number, step=number,
            test_loss=1.0 / (1 + number), test_accuracy=0.5 + number / 100 + better,
            parameters=7850, saved_at=time.time() - 100 * number,
        )  # fmt: skip
        checkpoints.save(place / f"{kind}.safetensors", {"fc1.bias": torch.zeros(10)}, info)
    return place


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(NAMES):
        make_run(tmp_path / "runs", name, number)
    broken = tmp_path / "runs" / "run-0" / "epoch-001.safetensors"
    broken.write_bytes(b"")
    return tmp_path / "runs"


def rows(pilot) -> list[str]:
    """Return the names of all rows: of a run its own, of a checkpoint with its run's before it."""
    return [
        f"{each.run.name}/{each.file.path.stem}" if each.file else each.run.name
        for each in listing(pilot).rows
    ]


def messages(pilot) -> str:
    """Return the notifications of the app."""
    return "\n".join(each.message for each in pilot.app._notifications)


def listing(pilot) -> VirtualTable:
    return pilot.app.screen.query_one(VirtualTable)


async def opened(pilot, count: int) -> CheckpointBrowser:
    await pilot.press(key_of("checkpoints"))
    await until(pilot, lambda: len(listing(pilot)._keys) == count)
    await pilot.pause()
    return pilot.app.screen


async def test_list_shows_odd_names_and_broken_files(folder):
    """Names with markup, line breaks and other scripts are shown as they are or escaped."""
    async with app_in(folder).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot, 12)
        for size in ((120, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            shown = text_of(pilot)
            assert "12 runs, 25 checkpoints" in shown
            for name in ("[red]", "two\\nlines", "\\u202etfel", "שלום", "漢字漢字"):
                assert name in shown, "as it is or escaped"
            assert max(map(len, shown.splitlines())) <= size[0]
        await pilot.press("end", *["up"] * 6)
        assert rows(pilot)[listing(pilot).row] == "run-0"
        await pilot.press("right", "down", "down", "down")
        await pilot.pause()
        assert view.rows.entry().file.error
        assert "broken: is empty" in text_of(pilot)
        await pilot.press("enter")
        assert pilot.app.screen is view


async def test_preview_says_nothing_about_unknown_settings(tmp_path):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "last.safetensors").write_bytes(b"no header")
    async with app_in(tmp_path).run_test(size=(120, 40)) as pilot:
        await opened(pilot, 1)
        about = pilot.app.screen.query_one("#about", Static)
        await until(pilot, lambda: "is broken" in str(about.content))
        assert "defaults" not in str(about.content)
        assert str(about.content).splitlines()[1] == "saved now, 9 B"


async def test_arrows_and_clicks_unfold_runs(folder):
    """→ shows a run's checkpoints and then goes to them, ← goes to the run and then hides them."""
    async with app_in(folder).run_test(size=(120, 40)) as pilot:
        await opened(pilot, 12)
        await pilot.press("home", "j", "right")
        assert rows(pilot)[:5] == [
            "[red]",
            "two\nlines",
            "two\nlines/last",
            "two\nlines/best",
            "\u202etfel",
        ]
        await pilot.press("right", "right")
        assert listing(pilot).row == 2
        await pilot.press("j", "left")
        assert listing(pilot).row == 1
        await pilot.press("left")
        assert len(rows(pilot)) == 12
        await pilot.click(VirtualTable, offset=(5, 4))
        await pilot.pause()
        assert rows(pilot)[3] == "\u202etfel/last"
        await pilot.click(VirtualTable, offset=(5, 4))
        await pilot.pause()
        assert len(rows(pilot)) == 12
        await pilot.press("G")
        assert listing(pilot).row == 11
        await pilot.press("g")
        assert listing(pilot).row == 0


async def test_rows_say_what_matters_at_each_size(folder):
    """A run's curve, best accuracy and changed settings; more columns where there is room."""
    (folder / "[red]" / "events.jsonl").write_text(
        "".join(
            as_json(
                Progress(
                    step=step, epoch=1, loss=loss, losses=(), learning_rate=0.1,
                    samples_per_second=1.0,
                )
            )
            + "\n"
            for step, loss in enumerate([2.3] * 8 + [0.05] * 8)
        )
    )  # fmt: skip
    for size, more in (((80, 24), ()), ((200, 60), ("Network", "Loss ", "Epoch", "Rate"))):
        async with app_in(folder).run_test(size=size) as pilot:
            await opened(pilot, 12)
            await until(pilot, lambda: "▇" in text_of(pilot))
            (line,) = (line for line in text_of(pilot).splitlines() if "▸ [red]" in line)
            for part in ("▇▇▇▇▇▂▂▂▂▂", "50.1%", "now", "epochs 3, rate 0.01"[: size[0] // 5]):
                assert part in line
            assert "batch" not in line, "a default"
            heads = text_of(pilot).splitlines()[2]
            assert all(each in heads for each in more)
            await pilot.press("home", "right")
            await pilot.pause()
            (line,) = (line for line in text_of(pilot).splitlines() if " best " in line[:20])
            assert all(each in line for each in ("50.1%", "1.00", "KB"))


async def test_list_sorts_and_filters(folder):
    async with app_in(folder).run_test(size=(80, 24)) as pilot:
        view = await opened(pilot, 12)
        assert rows(pilot)[0] == "[red]", "the newest first"
        assert "Age ▼" in text_of(pilot), "the sign apart, which is a v in ASCII"
        heads = text_of(pilot).splitlines()[2]
        await pilot.click(VirtualTable, offset=(heads.index("Accuracy") + 3, 1))
        await pilot.pause()
        assert rows(pilot)[0] == "run-6"
        await pilot.press("S")
        await pilot.pause()
        assert rows(pilot)[0] == "[red]"
        await pilot.press("less_than_sign")
        await pilot.pause()
        assert "sort: Loss curve ▲" in text_of(pilot)
        assert rows(pilot)[0] == "run-6", "the smallest loss"
        key = listing(pilot).selected_key
        await pilot.press("slash", *"best run s o")
        await pilot.pause()
        assert isinstance(pilot.app.screen, CheckpointBrowser), "keys go to the filter"
        assert phase(pilot) == "idle"
        assert len(rows(pilot)) == 14
        assert rows(pilot)[:2] == ["run-6", "run-6/best"], "the run of a checkpoint that matches"
        await pilot.press("escape")
        await pilot.pause()
        assert len(rows(pilot)) == 12
        assert key == listing(pilot).selected_key
        await pilot.press("slash", *"linear", "enter", "right")
        await pilot.pause()
        assert len(rows(pilot)) == 6 + 2, "of a run that matches all checkpoints"
        assert view.rows.entry().setting("arch") == "linear"


async def test_list_follows_changes_of_the_folder(folder):
    """Runs come, go and change in other processes; the cursor stays on its checkpoint."""
    async with app_in(folder).run_test(size=(120, 40)) as pilot:
        view = await opened(pilot, 12)
        listing(pilot).go(rows(pilot).index("run-3"))
        await pilot.press("right", "down", "down")
        at = listing(pilot).row
        make_run(folder, "new", -5)
        shutil.rmtree(folder / "run-6")
        (folder / "run-5" / "notes.json").write_text('{"note": "the odd one", "star": true}')
        view.poll()
        await until(pilot, lambda: "new" in rows(pilot))
        await pilot.pause()
        assert "run-6" not in rows(pilot)
        assert view.rows.entry().file.path == folder / "run-3" / "best.safetensors"
        assert listing(pilot).row == at + 1, "a new row above it"
        assert "★" in text_of(pilot)
        shutil.rmtree(folder / "run-3")
        view.poll()
        await until(pilot, lambda: "run-3" not in rows(pilot))
        assert view.rows.entry(), "the cursor is on the next row"
        await pilot.press("slash", *"odd")
        await pilot.pause()
        assert rows(pilot) == ["run-5"]
        await pilot.press("escape")
        view.show_run(folder / "run-1")
        assert rows(pilot)[listing(pilot).row] == "run-1"


async def test_click_on_a_run_in_train_selects_it(folder):
    train = make_fake_train(steps=5)
    async with app_in(folder, train, epochs=1).run_test(size=(200, 60)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        runs = pilot.app.screen.query_one(RunList)
        await until(pilot, lambda: len(runs._runs) > 5)
        folder_of_row = runs._runs[4].folder
        await pilot.click(RunList, offset=(5, 6))
        await until(pilot, lambda: isinstance(pilot.app.screen, CheckpointBrowser))
        view = pilot.app.screen
        await until(
            pilot, lambda: view.rows.entry() and view.rows.entry().run.folder == folder_of_row
        )


async def test_browser_behind_another_view_rests(folder, monkeypatch):
    """Its clock stops while another view is in front, and runs again afterwards."""
    polled = []
    monkeypatch.setattr("tui.screens.checkpoints.browser.POLL_SECONDS", 0.02)
    monkeypatch.setattr(CheckpointBrowser, "poll", lambda view: polled.append(view))
    async with app_in(folder).run_test(size=(80, 24)) as pilot:
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: len(polled) > 3)
        await pilot.press(key_of("train"))
        await pilot.pause()
        polled.clear()
        await pilot.pause(0.2)
        assert not polled
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: len(polled) > 3)


async def test_run_of_another_process_is_live(folder):
    """Its row shows the newest metrics until the process ends."""
    live = make_run(folder, "other", 20)
    process = subprocess.Popen(
        [sys.executable, "-c", LOCK_FILE, str(live / "events.jsonl")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()

    def line_of(step: int, loss: float) -> str:
        event = Progress(
            step=step, epoch=2, loss=loss, losses=(loss,), learning_rate=0.1, samples_per_second=1.0
        )
        return as_json(event) + "\n"

    description = json.loads((live / "run.json").read_text())
    running = description | {"status": "running", "pid": process.pid}
    (live / "run.json").write_text(json.dumps(running))
    scored = Evaluated(epoch=1, step=5, test_loss=0.4, test_accuracy=0.75)
    (live / "events.jsonl").write_text(as_json(scored) + "\n" + line_of(10, 0.75))
    try:
        async with app_in(folder).run_test(size=(80, 24)) as pilot:
            view = await opened(pilot, 13)
            assert rows(pilot)[0] == "other", "the newest event is of the running run"
            line = text_of(pilot).splitlines()[3]
            assert all(each in line for each in ("●  ▸ other", "75.0%", "running"))
            await until(pilot, lambda: "Training loss 0.750, test" in text_of(pilot))
            assert "epoch 2/3" in text_of(pilot)
            await pilot.press("home", "plus")
            await pilot.pause()
            assert f"is running in process {process.pid}" in messages(pilot)
            with (live / "events.jsonl").open("a") as file:
                file.write(line_of(11, 0.25))
            view.poll()
            await until(pilot, lambda: "Training loss 0.25" in text_of(pilot))
            process.communicate()
            view.poll()
            await until(pilot, lambda: not view.rows.entry().run.is_live)
            assert view.rows.entry().run.status in ("interrupted", "stopped")
            assert "■" in text_of(pilot)
    finally:
        process.kill()


async def test_only_four_readable_checkpoints_are_marked(folder):
    """x marks a checkpoint, of a run its best one."""
    async with app_in(folder).run_test(size=(80, 24)) as pilot:
        view = await opened(pilot, 12)
        await pilot.press("o")
        await pilot.pause()
        assert "Mark two to four" in messages(pilot)
        listing(pilot).go(rows(pilot).index("run-0"))
        await pilot.press("right", "down", "down", "down", "x")
        assert view.rows.marked() == [], "it is broken"
        await pilot.press("home", "x", "down", "x", "down", "x", "down", "x", "down", "x")
        assert [each.kind for each in view.rows.marked()] == ["best"] * 4
        await pilot.press("up", "x")
        await pilot.pause()
        assert len(view.rows.marked()) == 3
        assert "3 marked" in text_of(pilot)


async def test_listed_run_is_resumed_and_branched(tiny, saved_at_once, tmp_path):
    """With a network of the user's own."""
    from queue import SimpleQueue

    from core.commands import Stop
    from core.training.trainer import train

    inbox = SimpleQueue()
    for event in train(tiny(arch=CUSTOM_TEXT, epochs=3), inbox):
        if isinstance(event, Evaluated) and event.epoch == 1:
            inbox.put(Stop())
    (run,) = (tmp_path / "runs").iterdir()
    async with MnistApp(tiny(arch="mlp", epochs=9)).run_test(size=(120, 40)) as pilot:
        form = pilot.app.screen.query_one(ConfigForm)
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: listing(pilot).rows)
        curve = pilot.app.screen.query_one(LossChart)
        await until(pilot, lambda: curve.run_state.curves.losses.points)
        await pilot.pause()
        about = str(pilot.app.screen.query_one("#about", Static).content)
        assert "Changed: epochs 3, " in about
        assert "rate 0.01" in about
        assert "momentum" not in about, "a default"
        await until(pilot, lambda: pilot.app.screen.opened_path)
        await until(pilot, lambda: pilot.app.app_state.opened)
        assert not pilot.app.app_state.opened.error
        await pilot.press("plus")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainView))
        await until(pilot, lambda: phase(pilot) == "finished")
        assert pilot.app.run_state.started.run == run.name
        assert pilot.app.run_state.started.step == 10
        shown = form.config()
        assert (shown.arch, shown.epochs, shown.learning_rate) == (CUSTOM_TEXT, 3, 0.01)
        form.fill(tiny(arch="mlp", epochs=9))
        assert [score.epoch for score in pilot.app.run_state.scores] == [1, 2, 3]
        await pilot.press(key_of("checkpoints"))
        await until(pilot, lambda: pilot.app.screen.rows.entry().run.status == "finished")
        await pilot.press("plus")
        assert "has finished. Epochs to add" in text_of(pilot)
        pilot.app.screen.query_one(Input).value = "0"
        await pilot.press("enter")
        await until(pilot, lambda: "must be a whole number" in text_of(pilot))
        pilot.app.screen.query_one(Input).value = "1"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainView))
        await until(pilot, lambda: phase(pilot) == "finished")
        assert [score.epoch for score in pilot.app.run_state.scores] == [1, 2, 3, 4]
        assert pilot.app.run_state.started.run == run.name
        await pilot.press(key_of("checkpoints"), "right")
        await until(pilot, lambda: f"{run.name}/epoch-002" in rows(pilot))
        listing(pilot).go(rows(pilot).index(f"{run.name}/epoch-002"))
        await pilot.press("b")
        assert isinstance(pilot.app.screen, BranchDialog)
        table = pilot.app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count >= 3)
        await pilot.pause()
        assert str(table.get_cell_at((table.cursor_row, 1))) == "2"
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.run_state.started.branched_from == run.name)
        await until(pilot, lambda: phase(pilot) == "finished")
        assert pilot.app.run_state.started.branched_at == 20
        assert (form.config().arch, form.config().epochs) == (CUSTOM_TEXT, 4), "as that run"
        assert pilot.app.config.arch == CUSTOM_TEXT
        assert form.query_one(NetworkSelect).name_shown == "custom"
        assert "custom  ✓ finished" in text_of(pilot), "the header has the name"
