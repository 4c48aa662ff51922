"""The list of the newest runs."""

import os
import shutil
import time
from pathlib import Path

from textual.app import App

from core.event_json import as_json
from core.events import Progress, RunStarted
from tests.support.app import text_of, until
from tests.support.runs import make_run
from tui.state.run_state import RunState
from tui.text.themes import theme_variables
from tui.widgets.lists.run_list import RunList


def write_losses(place: Path, losses: list[float]) -> None:
    events = (
        Progress(
            step=step, epoch=1, loss=loss, losses=(loss,), learning_rate=0.1, samples_per_second=1.0
        )
        for step, loss in enumerate(losses, 1)
    )
    (place / "events.jsonl").write_text("".join(as_json(event) + "\n" for event in events))


def state_of(place: Path) -> RunState:
    numbers = dict.fromkeys(
        ("parameters", "epochs", "batch_size", "steps_per_epoch", "total_steps", "train_samples"), 1
    )
    started = RunStarted(
        run=place.name, folder=str(place), arch="linear", dataset="sample", device="cpu",
        test_samples=1, threads=1, config={}, time=0.0, **numbers,
    )  # fmt: skip
    return RunState(started=started)


class ListApp(App[None]):
    CSS = "RunList { width: 100%; height: 100%; border: round white; }"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.opened = folder, []

    def compose(self):
        yield RunList(lambda: self.folder)

    def get_css_variables(self):
        variables = super().get_css_variables()
        return variables | theme_variables(self.current_theme, variables)

    def on_run_list_opened(self, message: RunList.Opened) -> None:
        self.opened.append(message.folder.name)


async def test_newest_runs_are_listed_as_the_folder_changes(tmp_path):
    """One row a run, the newest first, with its curve; a click opens it."""
    for number in range(30):
        place = make_run(tmp_path, f"run-{number}", epochs=1)
        write_losses(place, [2.5] * 8 + [0.01] * 8)
        os.utime(place, (time.time() - 60 * number,) * 2)
    async with ListApp(tmp_path).run_test(size=(70, 10)) as pilot:
        runs = pilot.app.query_one(RunList)
        await until(pilot, lambda: "run-0" in text_of(pilot))
        lines = text_of(pilot).splitlines()
        assert [line.strip("│").split()[0] for line in lines[2:9]] == [f"run-{n}" for n in range(7)]
        assert "▇▇▇▇▇▇▁▁▁▁▁▁ " in lines[2]
        assert "50.0%" in lines[2]
        assert set(runs._watch._known) == {f"run-{n}" for n in range(7)}, "no others are read"
        runs.run_state = state_of(tmp_path / "run-3")
        await pilot.pause()
        (selected,) = [row for row, line in enumerate(runs._drawn) if line[0].style.bgcolor]
        assert runs._drawn[selected][0].text.startswith("  run-3 ")
        await pilot.click(RunList, offset=(5, 2))
        assert pilot.app.opened == ["run-0"]
        shutil.rmtree(tmp_path / "run-1")
        place = make_run(tmp_path, "newest")
        os.utime(place)
        runs.read()
        await until(pilot, lambda: "newest" in text_of(pilot).splitlines()[2])
        assert "run-1 " not in text_of(pilot)


async def test_hidden_run_list_reads_nothing(tmp_path):
    make_run(tmp_path, "one")
    async with ListApp(tmp_path).run_test(size=(70, 10)) as pilot:
        runs = pilot.app.query_one(RunList)
        await until(pilot, lambda: "one" in text_of(pilot))
        runs.display = False
        await pilot.pause()
        make_run(tmp_path, "two")
        runs.read()
        assert not runs._is_reading
        runs.display = True
        await pilot.pause()
        runs.read()
        await until(pilot, lambda: "two" in text_of(pilot))
