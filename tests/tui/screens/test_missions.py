"""Missions on the screen: the list, the prediction, the runs with their panel, and the end."""

from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import pytest

from core.config import TrainConfig
from core.events import Evaluated, RunFinished, RunStarted
from tests.support.app import SIZES, text_of, until
from tests.support.fakes import key_of, make_fake_train
from tests.support.missions import GOOD, write
from tests.support.races import rates
from tui.app.app import MnistApp
from tui.missions.loader import list_missions, load_mission
from tui.missions.progress import read_progress
from tui.screens.missions.panel_texts import AS_WELCOME
from tui.screens.train import TrainView
from tui.widgets.config_form import ConfigForm

RUNS = count()


def fake_train(config, inbox, **in_race):
    """Train as the fake trainer does, in a folder of its own: with a rate of 0.001 to 90%, with any
    other to 20%, with 0.7 slowly."""
    name = f"fake-{next(RUNS)}"
    accuracy = 0.9 if config.learning_rate == 0.001 else 0.2
    delay = 0.5 if config.learning_rate == 0.7 else 0.001
    for event in make_fake_train(steps=5, delay=delay)(config, inbox, **in_race):
        if isinstance(event, RunStarted) and not in_race:
            folder = f"{config.checkpoints}/{name}"
            event = replace(event, run=name, folder=folder, dataset=config.dataset)
        if isinstance(event, Evaluated | RunFinished):
            event = replace(event, test_accuracy=accuracy)
        yield event


@asynccontextmanager
async def opened(folder, size=(80, 24), **config):
    """Open the app at mission 1 of two."""
    tasks = folder / "tasks"
    tasks.mkdir(exist_ok=True)
    write(tasks, GOOD)
    write(tasks, GOOD.replace('"Rates"', '"Again"'), "02-again.toml")
    settings = TrainConfig(checkpoints=str(folder / "runs"), dataset="sample", **config)
    mission = list_missions(tasks)[0][0]
    app = MnistApp(settings, train=fake_train, mission=mission)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "Predict first" in text_of(pilot) or app.mission)
        yield pilot


async def click(pilot, text: str) -> None:
    """Click the first place with this text, below the heading."""
    for y, line in enumerate(text_of(pilot).splitlines()):
        if y and text in line:
            assert await pilot.click(offset=(line.index(text), y))
            await pilot.pause()
            return
    raise AssertionError(f"{text} is not shown")


def panel(pilot) -> list[str]:
    """Return the lines of the mission's panel."""
    return pilot.app.screen.query_one("#mission-text").content.plain.splitlines()


async def train(pilot) -> None:
    """Train a run to its end, and wait until the panel shows what follows."""
    app, before = pilot.app, pilot.app.run_state.started
    await pilot.press("space")
    await until(pilot, lambda: app.run_state.started not in (None, before))
    await until(pilot, lambda: not app.run_state.is_active)
    await pilot.pause()


async def set_rate(pilot, rate: str) -> None:
    """Change the only setting that is open."""
    await pilot.press("down", *["backspace"] * 8, *rate, "escape")


def progress():
    [found] = read_progress()[0].values()
    return found


@pytest.mark.parametrize("size", SIZES)
async def test_mission_by_keys_to_its_end(tmp_path, size):
    """Nothing trains before the prediction; both runs in turn; then the next mission."""
    async with opened(tmp_path, size, epochs=3) as pilot:
        app = pilot.app
        await pilot.press("space", "enter")
        assert app.run_state.phase == "idle"
        assert app.mission is None
        await pilot.press("1", "down")  # which marks the second choice
        await pilot.press("enter")
        await pilot.pause()
        assert "Run 1 of 2: Train." in text_of(pilot)
        assert "All settings are locked" in text_of(pilot)
        await train(pilot)
        assert "Run 2 of 2: Set the rate to" in text_of(pilot)
        assert "▸ Learning rate can be changed" in text_of(pilot)
        await set_rate(pilot, "1e-5")
        await train(pilot)
        assert panel(pilot) == [
            "✓ It had 90.0%, 70.0 points more.",
            f"You predicted: slow. The answer is: fast. {AS_WELCOME}",
            *("· One.", "· Two.", "· Three."),
        ]
        assert progress().done
        assert len(progress().runs) == 2
        await pilot.press("enter")
        await until(pilot, lambda: "Mission 2: Again" in text_of(pilot))
        assert (app.config.epochs, app.config.learning_rate) == (3, 0.001)
        await pilot.press("1", "enter")
        await train(pilot)
        assert app.overlaid_runs == ()  # the runs of the mission before are gone


async def test_mission_by_mouse_alone(tmp_path):
    async with opened(tmp_path) as pilot:
        await click(pilot, "1  fast")
        await click(pilot, "enter that is my prediction")
        await click(pilot, "f2 hint")
        assert "Hint 1: one" in text_of(pilot)
        await click(pilot, "f4 more")
        assert "You predicted: fast" in text_of(pilot)
        await click(pilot, "f2 hint")
        assert "Hint 2: two" in text_of(pilot)
        await click(pilot, "space starts")
        await until(pilot, lambda: "Run 2 of 2" in text_of(pilot))
        await click(pilot, "esc leave")
        assert pilot.app.mission is None


async def test_locked_setting_keeps_its_value_and_says_why(tmp_path):
    async with opened(tmp_path) as pilot:
        await pilot.press("1", "enter")
        for name in ("epochs", "arch"):
            field = pilot.app.screen.query_one(f"#{name}")
            field.focus()
            await pilot.press("backspace", "delete", "ctrl+u", "ctrl+k", "enter")
            await pilot.pause()
            assert field.value == {"epochs": "1", "arch": "mlp"}[name]
            assert "Locked by the mission" in text_of(pilot)
        await pilot.press("escape", "ctrl+p", *"Edit network", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TrainView)
        await pilot.press("ctrl+f")
        await pilot.pause()
        said = [each.message for each in pilot.app._notifications]
        assert "The mission locks the learning rate." in said
        assert isinstance(pilot.app.screen, TrainView)


async def test_mission_left_in_the_middle_is_continued(tmp_path):
    """Its settings go and come back, and its first run need not be trained again."""
    async with opened(tmp_path, epochs=7) as pilot:
        app = pilot.app
        await pilot.press("1", "enter")
        await train(pilot)
        app.missions._changed_at -= 1000  # seconds, in which nothing has happened
        app.missions._tick()
        await pilot.pause()
        assert panel(pilot)[0] == "! Nothing has happened for 2 minutes."
        states = app.missions._states
        assert app.config.epochs == 1
        await pilot.press("escape")
        assert app.mission is None
        assert app.config.epochs == app.screen.query_one(ConfigForm).config().epochs == 7
        with pytest.MonkeyPatch.context() as patch:  # the fake trainer writes no folders
            patch.setattr("tui.missions.progress.read_runs", lambda progress: [*states.values()])
            await pilot.press(key_of("missions"))
            assert "left in the middle, 1 run trained" in text_of(pilot)
            await pilot.press("enter")
            await pilot.pause()
        assert "Run 2 of 2" in text_of(pilot)
        await set_rate(pilot, "1e-5")
        await train(pilot)
        assert "That was right." in text_of(pilot)
        assert len(app.overlaid_runs) == 1  # the first run of the mission
        await pilot.press("escape", key_of("missions"))
        assert "✓  1  Rates" in text_of(pilot)
        await pilot.press("g", "enter", "1", "enter", "escape", key_of("missions"))
        assert "✓  1  Rates" in text_of(pilot)  # done once, and begun again
        assert ", then left in the middle" in text_of(pilot)


async def test_mission_begins_again_from_its_prediction(tmp_path):
    async with opened(tmp_path) as pilot:
        await pilot.press("1", "enter")
        await train(pilot)
        await pilot.press(key_of("missions"))
        assert "▶  1  Rates" in text_of(pilot)
        await pilot.press("f5")
        assert "Predict first" in text_of(pilot)
        await pilot.press("2", "enter")
        assert "Run 1 of 2" in text_of(pilot)
        assert (progress().choice, progress().runs) == (1, ())


async def test_wrong_setting_says_what_to_do(tmp_path):
    async with opened(tmp_path) as pilot:
        await pilot.press("1", "enter")
        await train(pilot)
        await set_rate(pilot, "0.5")
        await train(pilot)
        assert "✗ The run has other settings: Learning rate is 0.5" in text_of(pilot)
        assert "▸ Rate" in text_of(pilot)
        await set_rate(pilot, "0.7")
        await pilot.press("space")
        await until(pilot, lambda: "s stops this run" in text_of(pilot))
        await pilot.press("s")
        await until(pilot, lambda: pilot.app.run_state.phase == "stopped")
        await pilot.pause()
        assert "✗ The run has other settings: Learning rate is 0.7" in text_of(pilot)


async def test_damaged_mission_is_listed_with_its_fault(tmp_path):
    (tmp_path / "tasks").mkdir()
    write(tmp_path / "tasks", GOOD.replace("minutes = 2", "minutes = 0"), "03-bad.toml")
    async with opened(tmp_path) as pilot:
        await pilot.press("escape")
        assert " 2  Again" in text_of(pilot)
        shown = " ".join(text_of(pilot).split())
        assert "03-bad.toml: minutes: must be a number above 0" in shown


async def test_mission_that_needs_mnist_says_that_it_is_downloaded(tmp_path):
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    text = GOOD.replace('"Two rates."', f'"{"Two rates. " * 60}"')
    path = write(tasks, text.replace('"sample"', '"mnist"'))
    config = TrainConfig(checkpoints=str(tmp_path), data=str(tmp_path))
    app = MnistApp(config, train=fake_train, mission=load_mission(path))
    async with app.run_test(size=(60, 18)) as pilot:
        await until(pilot, lambda: "Mission 1: Rates" in text_of(pilot))
        await pilot.press("down")
        await until(pilot, lambda: "MNIST is not on this machine" in text_of(pilot))
        assert " 2  slow" in text_of(pilot)
        await pilot.press("enter")
        assert any("it is downloaded when training starts" in each for each in panel(pilot))


async def test_mission_during_a_race_has_its_own_settings(tmp_path):
    """The lanes' runs are none of its own, and the race gives back settings when it has ended."""
    async with opened(tmp_path) as pilot:
        app, before = pilot.app, pilot.app.config
        app.race.start(rates(tmp_path / "runs", 0.7, 0.71, epochs=9))
        await until(pilot, lambda: app.race_state.phase == "training")
        app.missions.start(app.missions.missions[0], 1)
        app.race.select(1)
        await until(pilot, lambda: app.lane_name == "lr 0.71")
        assert app.mission.is_other_run
        await pilot.press("s")
        await until(pilot, lambda: not app.runs.is_active)
        assert app.mission.status.phase == "waiting"
        assert app.config == app.mission.task.start_config(before)
        assert app.config != before
        await pilot.press("escape")
        assert app.config == before
