"""A race in the app, driven by keys, with the fake trainer."""

import time
from dataclasses import replace

from core.commands import DropLane, Pause, SetLearningRate
from core.events import LaneEvent, Notice, RaceStarted, RunFailed
from tests.support.app import app_in, phase, text_of, until
from tests.support.events import STARTED
from tests.support.fakes import diverged, key_of, make_fake_train
from tests.support.races import rates
from tui.screens.dialogs import ConfirmQuit
from tui.screens.race.view import RaceView
from tui.screens.rate_finder.dialog import RateDialog
from tui.screens.train import TrainView
from tui.widgets.header import ViewHeader


def race_phase(pilot) -> str:
    return pilot.app.race_state.phase


def steps(pilot) -> list[int]:
    return [run.step for run in pilot.app.race_state.now]


def messages(pilot) -> list[str]:
    return [each.message for each in pilot.app._notifications]


def outcomes(pilot) -> list[list[str]]:
    return [[run.outcome for run in lane.runs] for lane in pilot.app.race_state.lanes]


class OtherProcess:
    """A host whose run or race does not end."""

    pid = 1

    def __init__(self, *events):
        self._events, self.sent, self.is_closed = events, [], False

    def send(self, command):
        self.sent.append(command)

    def events(self):
        yield from self._events
        while not self.is_closed:
            time.sleep(0.01)

    def close(self):
        self.is_closed = True


def race_elsewhere(folder, *lane_events) -> OtherProcess:
    """Return a race of two lanes, with events of the first one."""
    race = RaceStarted(
        race="race-1",
        folder=str(folder / "race-1"),
        lanes=("lr 0.1", "lr 0.01"),
        changed=("learning_rate",),
        by="samples",
        seeds=1,
        goal=None,
    )
    events = [LaneEvent(lane=0, seed=0, event=each) for each in lane_events]
    return OtherProcess(race, *events)


async def begin(pilot, command) -> None:
    pilot.app.race.start(command)
    await until(pilot, lambda: all(step > 1 for step in steps(pilot)))


async def test_race_runs_to_its_end(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=3, delay=0.002))
    async with app.run_test(size=(120, 40)) as pilot:
        settings = app.config
        app.race.start(rates(tmp_path, 0.1, 0.01, epochs=2))
        await until(pilot, lambda: race_phase(pilot) == "finished")
        assert outcomes(pilot) == [["finished"], ["finished"]]
        assert app.run_state.started.run == "fake-mlp-0.1-0", "the first lane is shown"
        assert phase(pilot) == "finished"
        assert app.lane_name == "lr 0.1"
        assert app.config == settings, "the next run has the settings of before"
        assert "opens it again" in app.runs.farewell
    assert app.return_code == 0 or app.return_code is None


async def test_selected_lane_is_shown_in_all_views(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(120, 40)) as pilot:
        await begin(pilot, rates(tmp_path, 0.1, 0.01))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainView))
        await until(pilot, lambda: "lane lr 0.1" in text_of(pilot))
        await pilot.press(key_of("race"))
        await until(pilot, lambda: isinstance(app.screen, RaceView))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "lane lr 0.01" in text_of(pilot))
        assert app.run_state.started.config["learning_rate"] == 0.01
        step = app.run_state.step
        await until(pilot, lambda: app.run_state.step > step)
        await until(pilot, lambda: app.run_state.digits)  # its network predicts
        assert app.race_state.now[1] == app.run_state
        assert app.race_state.now[0].digits_step <= app.race_state.now[0].step


async def test_keys_are_about_all_lanes(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot, rates(tmp_path, 0.1, 0.01))
        await pilot.press("space")
        await until(pilot, lambda: race_phase(pilot) == "paused")
        assert [each.phase for each in app.race_state.now] == ["paused", "paused"]
        before = steps(pilot)
        await pilot.pause(0.1)
        assert steps(pilot) == before
        await pilot.press("space")
        await until(pilot, lambda: min(steps(pilot)) > max(before))
        await pilot.press("s")
        await until(pilot, lambda: race_phase(pilot) == "stopped")
        assert outcomes(pilot) == [["stopped"], ["stopped"]]


async def test_commands_about_the_run_go_to_its_lane(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot, rates(tmp_path, 0.1, 0.01))
        app.race.select(1)
        await until(pilot, lambda: app.lane_name == "lr 0.01")
        sent = []
        app.runs.engine.send = sent.append
        app.send(SetLearningRate(0.5), DropLane(0))
        assert [type(each).__name__ for each in sent] == ["ToLane", "DropLane"]
        assert (sent[0].lane, sent[0].command) == (1, SetLearningRate(0.5))
        del app.runs.engine.send


async def test_second_start_is_refused(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot, rates(tmp_path, 0.1, 0.01))
        app.race.start(rates(tmp_path, 0.2, 0.3))
        await until(pilot, lambda: messages(pilot))
        assert "A race is in progress" in messages(pilot)[-1]
        await pilot.pause()
        assert app.lane_name == "lr 0.1"
        assert race_phase(pilot) == "training"


async def test_race_is_refused_during_a_run(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: app.run_state.step)
        app.race.start(rates(tmp_path, 0.2, 0.3))
        await until(pilot, lambda: messages(pilot))
        assert "A run is in progress" in messages(pilot)[-1]
        assert race_phase(pilot) == "idle"


async def test_failed_lane_leaves_the_others(tmp_path):
    """It is the one that is shown; nothing else starts when space is pressed."""
    train = make_fake_train(
        steps=40, delay=0.01, ends=diverged(), fails=lambda config: config.learning_rate == 0.1
    )
    app = app_in(tmp_path, train, epochs=1)
    async with app.run_test(size=(80, 24)) as pilot:
        app.race.start(rates(tmp_path, 0.1, 0.01, epochs=1))
        await until(pilot, lambda: phase(pilot) == "failed")
        assert race_phase(pilot) == "training"
        await pilot.press("space")
        await until(pilot, lambda: race_phase(pilot) == "paused")
        await pilot.press("space")
        await until(pilot, lambda: race_phase(pilot) == "finished")
        assert outcomes(pilot) == [["diverged"], ["finished"]]
        assert app.lifetime.status == 0
        header = app.view.query_one(ViewHeader)
        await until(pilot, lambda: "✓ finished" in str(header.content))
        assert not messages(pilot)  # the view shows what happened


async def test_all_lanes_diverge(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=8, delay=0.002, ends=diverged()))
    async with app.run_test(size=(80, 24)) as pilot:
        app.race.start(rates(tmp_path, 0.1, 0.01))
        await until(pilot, lambda: race_phase(pilot) == "failed")
        assert app.lifetime.status == 3
        await pilot.press("q")
    assert app.return_code == 3


async def test_dropped_lane_is_asked_about(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot, rates(tmp_path, 0.1, 0.01))
        await pilot.press("delete")
        await until(pilot, lambda: "End lr 0.1?" in text_of(pilot))
        await pilot.press("n")
        assert race_phase(pilot) == "training"
        await pilot.press("delete", "y")
        await until(pilot, lambda: app.race_state.lanes[0].is_dropped)
        await until(pilot, lambda: phase(pilot) == "stopped")
        assert race_phase(pilot) == "training"


async def test_seeds_are_rounds(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=3, delay=0.002))
    async with app.run_test(size=(80, 24)) as pilot:
        app.race.start(rates(tmp_path, 0.1, 0.01, seeds=2, epochs=1))
        await until(pilot, lambda: race_phase(pilot) == "finished")
        assert outcomes(pilot) == [["finished"] * 2] * 2
        assert app.run_state.started.run == "fake-mlp-0.1-1"


async def test_quitting_asks_and_saves(tmp_path):
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot, rates(tmp_path, 0.1, 0.01))
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmQuit)
        assert "A race is in progress" in text_of(pilot)
        await pilot.press("n")
        await pilot.pause()
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmQuit)
        await pilot.press("y")
        await until(pilot, lambda: not app.is_running)
    assert outcomes(pilot) == [["stopped"], ["stopped"]]
    assert app.return_code == 0


async def test_no_rate_is_searched_during_a_race(tmp_path):
    """The run of the lane that is shown has ended."""
    train = make_fake_train(
        steps=60, delay=0.005, ends=diverged(), fails=lambda config: config.learning_rate == 0.1
    )
    app = app_in(tmp_path, train)
    async with app.run_test(size=(80, 24)) as pilot:
        app.race.start(rates(tmp_path, 0.1, 0.01))
        await until(pilot, lambda: phase(pilot) == "failed")
        app.action_view("train")
        await pilot.press("ctrl+f")
        await until(pilot, lambda: "in progress" in "".join(messages(pilot)))
        assert not isinstance(app.screen, RateDialog)


async def test_old_notices_of_a_race_are_not_shown(tmp_path):
    then = time.time() - 60
    old = [replace(diverged(), time=then), Notice(message="old", time=then)]
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        died = RunFailed(reason="interrupted", message="died", time=then + 120)
        new = Notice(message="new", time=then + 120)
        app.runs.show(race_elsewhere(tmp_path, *old, died, new))
        app.action_view("race")
        await until(pilot, lambda: "new" in messages(pilot))
        assert messages(pilot) == ["new"]


async def test_attached_run_replaces_a_race(tmp_path):
    """Its commands are those of a run, and space starts another one when it has ended."""
    started = replace(STARTED, folder=str(tmp_path / "lane"))
    app = app_in(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.runs.show(race_elsewhere(tmp_path, started))
        await until(pilot, lambda: app.lane_name == "lr 0.1")
        run = OtherProcess(replace(started, run="alone", folder=str(tmp_path / "alone")))
        app.runs.connect(lambda: run)
        await until(pilot, lambda: app.run_state.started.run == "alone")
        assert not app.race_state.is_active
        assert app.lane_name == ""
        await pilot.press("space")
        await until(pilot, lambda: Pause() in run.sent)
        app.runs.close()
