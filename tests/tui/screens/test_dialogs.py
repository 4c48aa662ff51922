"""The dialogs of the learning rate, the branch and the overlaid runs, driven by keys."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from textual.widgets import Button, DataTable, Input

from core.commands import Pause, SetLearningRate, Stop
from core.events import LearningRateChanged, Progress, RunStarted
from tests.support.app import app_in, phase, text_of, until
from tests.support.fakes import make_fake_train
from tui.app.app import MnistApp
from tui.help import help_sections
from tui.screens.branch_dialog import BranchDialog
from tui.screens.number_dialogs import GotoDialog, LearningRateDialog
from tui.screens.overlay_dialog import OverlayDialog
from tui.screens.train import TrainView
from tui.state.history import arch_of, list_recorded_runs, read_run


def recording(received):
    """Return a fake trainer that records its commands in `received`."""

    def train(config, inbox):
        real = inbox.get
        spied = type(
            "Spied", (), {"get": lambda self, **more: received.append(real(**more)) or received[-1]}
        )
        yield from make_fake_train(steps=5000)(config, spied())

    return train


async def test_learning_rate_is_changed_while_training(tmp_path):
    received = []
    async with app_in(tmp_path, recording(received)).run_test(size=(80, 24)) as pilot:
        await pilot.press("r")
        assert isinstance(pilot.app.screen, TrainView), "no learning rate to change yet"
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.step > 2)
        await pilot.press("r")
        assert isinstance(pilot.app.screen, LearningRateDialog)
        field = pilot.app.screen.query_one(Input)
        assert field.value == "0.001"
        await pilot.pause()
        assert "The current learning rate is 0.001." in text_of(pilot)
        await pilot.press("down", "up", "up")
        assert field.value == "0.002"
        step = pilot.app.run_state.step
        await until(pilot, lambda: pilot.app.run_state.step > step)
        field.value = ""
        await pilot.press("0", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, LearningRateDialog), "0 is refused"
        assert "✗ The learning rate must be a number" in text_of(pilot)
        await pilot.press(*".5", "enter")
        await until(pilot, lambda: SetLearningRate(0.5) in received)
        assert isinstance(pilot.app.screen, TrainView)
        await pilot.press("r", "up", "escape")
        assert isinstance(pilot.app.screen, TrainView)
        await pilot.press("r", "up")
        assert isinstance(pilot.app.screen, LearningRateDialog)
        pilot.app.send(Stop())
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainView))
        assert phase(pilot) == "stopped", "the dialog closes when the run ends"
    assert [each for each in received if isinstance(each, SetLearningRate)] == [
        SetLearningRate(0.5)
    ]


async def test_field_of_a_dialog_keeps_letters_until_escape(tmp_path):
    async with app_in(tmp_path).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        await pilot.press("2")
        app.push_screen(GotoDialog(1000))
        await pilot.press("5", "q", "n")
        assert app.screen.query_one(Input).value == "5"
        await pilot.press("escape", "1")
        await pilot.pause()
        assert isinstance(app.screen, TrainView)


async def test_current_rate_is_shown_under_a_schedule(tmp_path):
    def train(config, inbox):
        for event in make_fake_train(steps=5000)(config, inbox):
            is_progress = isinstance(event, Progress)
            yield replace(event, learning_rate=0.000321) if is_progress else event

    app = app_in(tmp_path, train, schedule="onecycle", learning_rate=0.02)
    async with app.run_test(size=(60, 18)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.run_state.step > 2)
        await pilot.press("r")
        await pilot.pause()
        shown = " ".join(text_of(pilot).replace("│", " ").split())
        assert "The current learning rate is 0.000321. The schedule is onecycle" in shown
        assert "peak of 0.02; this sets the peak." in shown
        assert "New peak 0.02" in shown


async def test_help_is_wrapped_at_words(tmp_path):
    sections = help_sections("train")
    texts = [*sections, *(part for each in sections.values() for part in chain(*each.items()))]
    async with app_in(tmp_path).run_test(size=(60, 300)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        entries = pilot.app.screen.query_one(".dialog").region
        strips = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
    # Without the border and the scrollbar.
    inside = [line[entries.x + 1 : entries.right - 2] for line in strips]
    shown = [word for line in inside[entries.y + 1 : entries.bottom - 1] for word in line.split()]
    assert len(shown) > 500
    assert set(shown) <= {word for text in texts for word in text.split()}


async def test_branch_dialog_cuts_nothing(tiny, tmp_path):
    """It once cut the loss at 80 columns."""
    from queue import SimpleQueue

    from core.training.trainer import train

    list(train(tiny(epochs=2), SimpleQueue()))
    async with MnistApp(tiny()).run_test(size=(80, 24)) as pilot:
        pilot.app.push_screen(BranchDialog(next((tmp_path / "runs").iterdir())))
        await until(
            pilot, lambda: [each.value for each in pilot.app.screen.query("#epochs")] == ["4"]
        )
        assert "✗" not in text_of(pilot), "of a finished run as many more epochs are suggested"
        pilot.app.screen.query_one("#epochs", Input).value = "2"
        await until(pilot, lambda: "✗ Epochs must be more than 2" in text_of(pilot))
        table = pilot.app.screen.query_one(DataTable)
        for size in ((80, 24), (60, 18)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert table.virtual_size.width <= table.size.width, size
            shown = text_of(pilot)
            assert all(f" {label} " in shown for label in ("Loss", "Label smoothing", "Seed")), size
            assert "esc back" in shown, size
        pilot.app.screen.query_one("#seed").focus()
        await pilot.press("escape")
        assert pilot.app.focused is table, "esc leaves the field, then the dialog"
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, TrainView)
        # The suggested epochs are those of the branch, also where no field is edited.
        branches: list[Any] = []
        dialog = BranchDialog(next((tmp_path / "runs").iterdir()))
        pilot.app.push_screen(dialog, branches.append)
        await until(pilot, lambda: "after 2 epochs: trains on, to epoch 4." in text_of(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: branches)
        assert branches[0][0].config.epochs == 4


async def test_branching_from_a_paused_run(tiny, saved_at_once, monkeypatch):
    """The real trainer: three epochs, a pause, and a branch from the third."""
    from core.training import loop as session
    from core.training import trainer

    monkeypatch.setattr(session, "PROGRESS_SECONDS", 0.0)

    def pausing(config, inbox, resume_point=None):
        for event in trainer.train(config, inbox, resume_point):
            if isinstance(event, Progress) and event.step == 35 and resume_point is None:
                inbox.put(Pause())
            yield event

    app = MnistApp(tiny(epochs=5), train=pausing)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "paused")
        old = app.run_state
        await pilot.press("b")
        assert isinstance(app.screen, BranchDialog)
        table, branch = app.screen.query_one(DataTable), app.screen.query_one("#branch", Button)
        await until(pilot, lambda: table.row_count >= 3 and not branch.disabled)
        epochs = app.screen.query_one("#epochs", Input)
        assert epochs.value == "5"
        epochs.value = "0"
        await pilot.press("enter")
        assert isinstance(app.screen, BranchDialog)
        await pilot.pause()
        assert "✗ Epochs must be a whole number" in text_of(pilot)
        row = next(y for y in range(table.row_count) if str(table.get_cell_at((y, 2))) == "30")
        table.move_cursor(row=row)
        epochs.value = "3"
        await pilot.pause()
        assert "✗ Epochs must be more than 3, the number at this checkpoint" in text_of(pilot)
        epochs.value = "4"
        app.screen.query_one("#learning_rate", Input).value = "0.02"
        await pilot.pause()
        assert "From step 30, after 3 epochs: learning rate 0.01 → 0.02" in text_of(pilot).replace(
            "\n", ""
        )
        await pilot.press("enter")
        await until(pilot, lambda: phase(pilot) == "finished")
        started = app.run_state.started
        assert (started.branched_from, started.branched_at) == (old.started.run, 30)
        assert [each.started.run for each in app.overlaid_runs] == [old.started.run]
        assert app.overlaid_runs[0].phase == "stopped"
        points = app.run_state.curves.losses.points
        assert points[:30] == old.curves.losses.points[:30], "the curve starts with the old run's"
        assert points[-1][0] == 40
        assert [mark.kind for mark in app.run_state.marks if mark.step == 30].count("branch") == 1
        folder = Path(started.folder)
        read = read_run(folder)
        assert (read.phase, read.curves, read.scores) == (
            "finished", app.run_state.curves, app.run_state.scores,
        )  # fmt: skip
    described = json.loads((folder.parent / old.started.run / "run.json").read_text())
    assert described["status"] == "stopped"


def run_folder(tmp_path, name):
    """Return the folder of a run of two progress events."""
    from queue import SimpleQueue

    from core.config import TrainConfig
    from core.event_json import as_json

    folder = tmp_path / name
    folder.mkdir(parents=True)
    lines = []
    for event in make_fake_train(steps=2, delay=0)(TrainConfig(epochs=1), SimpleQueue()):
        if isinstance(event, RunStarted):
            event = RunStarted(**vars(event) | {"run": name, "folder": str(folder)})
        if event.recorded:
            lines.append(as_json(event))
    lines[2:2] = ["[]", '{"event": "paused", "time": 1, "step": "many"}', '{"event": "pro']
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "run.json").write_text(json.dumps({"run": name, "config": {"arch": "mlp"}}))
    return folder


def test_a_run_is_read_from_its_events(tmp_path):
    state = read_run(run_folder(tmp_path, "[red]1"))
    assert (state.phase, state.step, state.started.run) == ("finished", 2, "[red]1")
    assert len(state.curves.losses.points) == 4
    assert read_run(tmp_path / "nowhere").started is None
    (tmp_path / ".mlp-2.partial").mkdir()
    (tmp_path / ".mlp-2.partial" / "events.jsonl").touch()
    (tmp_path / "no run").mkdir()
    assert [(run.name, arch_of(run)) for run in list_recorded_runs(tmp_path)] == [("[red]1", "mlp")]
    assert list_recorded_runs(tmp_path / "nowhere") == []


async def test_earlier_runs_are_overlaid(tmp_path):
    for number in range(5):
        run_folder(tmp_path, f"[red]run-{number}")
    train = make_fake_train(steps=3)
    async with app_in(tmp_path, train, epochs=1).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        await pilot.press("space")
        await until(pilot, lambda: phase(pilot) == "finished")
        assert app.overlaid_runs == ()
        await pilot.press("o")
        assert isinstance(app.screen, OverlayDialog)
        table = app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count == 5)
        await pilot.pause()
        assert "[ ]  [red]run-" in text_of(pilot)
        await pilot.press("x", "down", "enter", "j", "x", "down", "x")
        await pilot.press("down", "x")
        await pilot.pause()
        assert "✗ 4 runs are marked. Unmark one first." in text_of(pilot)
        await pilot.press("up", "x", "escape")
        await until(pilot, lambda: isinstance(app.screen, TrainView))
        selected = [each.started.run for each in app.overlaid_runs]
        assert len(selected) == 3
        assert app.screen.overlaid_runs == app.overlaid_runs
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.started and phase(pilot) == "finished")
        names = [each.started.run for each in app.overlaid_runs]
        assert names == [*selected, "fake-1"], "the previous run is overlaid by itself"
        await pilot.press("2", "o")
        assert not isinstance(app.screen, OverlayDialog)


def test_chosen_rate_differs_from_the_scheduled_rate():
    from tests.support.events import STARTED, after, progress

    started = replace(STARTED, config={"learning_rate": 0.1, "schedule": "cosine"})
    state = after(started, progress(10, 1.0))
    assert (state.chosen_rate, state.learning_rate) == (0.1, 0.001)
    state = after(LearningRateChanged(step=10, learning_rate=0.2), progress(20, 1.0), state=state)
    assert (state.chosen_rate, state.learning_rate) == (0.2, 0.001)
