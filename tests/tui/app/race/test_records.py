"""Races that are read from their records: shown, opened from a run, continued. With real runs."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

import pytest

from core.attach.race import RaceViewer
from core.commands import RaceLane, RacePlan, StartRace
from core.engine.local_host import LocalHost
from core.events import Evaluated, LaneEvent, RaceFinished, RaceStarted
from core.host import run_events
from core.race.record import lock_race
from tests.support.app import app_in, text_of, until
from tests.support.attached import FailingHost
from tests.support.fakes import make_fake_train
from tests.support.races import rates
from tui.app.app import MnistApp
from tui.screens.checkpoints.browser import CheckpointBrowser


@pytest.fixture
def stopped_race(tiny) -> Path:
    """Return the folder of a race of two rates that was stopped before its end."""
    configs = [replace(tiny(epochs=30), learning_rate=rate) for rate in (0.01, 0.02)]
    lanes = tuple(RaceLane(f"lr {each.learning_rate:g}", each) for each in configs)
    host = LocalHost()
    host.send(StartRace(RacePlan(lanes, ("learning_rate",))))
    for event in run_events(host):
        match event:
            case RaceStarted():
                folder = Path(event.folder)
            case LaneEvent(lane=1, event=Evaluated(epoch=1)):
                host.close()
    assert isinstance(event, RaceFinished)
    return folder


async def test_race_is_shown_and_continued(stopped_race, tiny):
    app = MnistApp(tiny(), host=RaceViewer(stopped_race))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.race_state.phase == "stopped")
        assert [lane.name for lane in app.race_state.lanes] == ["lr 0.01", "lr 0.02"]
        assert app.lane_name == "lr 0.01"
        assert not app.runs.is_active
        app.race.select(1)
        await until(pilot, lambda: app.lane_name == "lr 0.02")
        app.race.resume_whole()
        await until(pilot, lambda: app.race_state.phase == "finished")
        assert [run.step for run in app.race_state.now] == [300, 300]
    assert f"race --show {stopped_race}" in app.runs.farewell


async def test_race_that_another_process_continues_is_followed(stopped_race, tiny):
    app = MnistApp(tiny(), host=RaceViewer(stopped_race))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.race_state.phase == "stopped")
        with lock_race(stopped_race):
            app.race.resume_whole()
            await until(pilot, lambda: app.race_state.is_active)
            assert app.runs.is_elsewhere
        await until(pilot, lambda: app.race_state.phase == "stopped")


async def test_race_opens_from_a_run_in_checkpoints(stopped_race, tiny):
    app = MnistApp(tiny())
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_view("checkpoints")
        await until(pilot, lambda: isinstance(app.screen, CheckpointBrowser))
        await until(pilot, lambda: app.screen.query("VirtualTable") and app.screen.rows.entry())
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.race_state.phase == "stopped")
        assert app.race_state.started.race == stopped_race.name
        assert "lane lr 0.01" in text_of(pilot)


async def test_failed_detach_continues_the_race_here(tiny, monkeypatch):
    monkeypatch.setattr("core.attach.detached.DetachedHost", FailingHost)
    app = MnistApp(tiny(), race=rates(tiny().folder, 0.01, 0.02, **asdict(tiny(epochs=100_000))))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.run_state.step > 50)
        await pilot.press("d")
        await until(pilot, lambda: app.run_state.started and app.run_state.started.step > 0)
        begun = app.run_state.step
        await until(pilot, lambda: app.run_state.step > begun)
        assert app.race_state.phase == "training"
        assert not app.runs.is_elsewhere
        shown = [each.message for each in app._notifications]
        assert "cannot detach, training continues here: no room for it" in shown


async def test_detached_race_stays_paused(tmp_path, monkeypatch):
    """The lane that is shown was dropped."""
    monkeypatch.setattr("core.attach.detached.DetachedHost", Ready)
    app = app_in(tmp_path, make_fake_train(steps=5000))
    async with app.run_test(size=(80, 24)) as pilot:
        app.race.start(rates(tmp_path, 0.1, 0.01))
        await until(pilot, lambda: app.run_state.step)
        app.race.drop(0)
        await pilot.press("y")
        await until(pilot, lambda: app.run_state.phase == "stopped")
        await pilot.press("space")
        await until(pilot, lambda: app.race_state.phase == "paused")
        await pilot.press("d", "d")
        await until(pilot, lambda: app.runs.is_elsewhere)
    assert [command.paused for command in Ready.sent] == [True]


class Ready(FailingHost):
    """A host that says nothing of the race that it was sent."""

    sent: ClassVar[list[StartRace]] = []

    def send(self, command):
        self.sent.append(command)

    def events(self):
        return iter(())
