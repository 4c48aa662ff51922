"""Races: lanes that train in turn, each equal to its run alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.commands import (
    Detach,
    DropLane,
    ForwardedCommand,
    ListDevices,
    Pause,
    Predict,
    RaceLane,
    RacePlan,
    Resume,
    Start,
    StartRace,
    Stop,
    ToLane,
)
from core.engine.local_host import LocalHost
from core.events import (
    Evaluated,
    LaneDropped,
    LaneEvent,
    Notice,
    Paused,
    Preparing,
    Progress,
    RaceFinished,
    RaceStarted,
    RunFailed,
    RunFinished,
    RunStarted,
)
from core.host import run_events
from core.questions import ExplainChange
from core.race.lane_run import LaneRun
from core.race.record import create_race, read_race
from core.responses.devices import DevicesListed
from core.responses.explanations import ChangeExplained
from core.responses.predictions import Predicted
from core.runs.description import read_description
from core.training.turns import SharedImages


def race(plan, orders=(), folder=None):
    """Run a race and return its events; `orders` has commands by the type of a lane's event."""
    host, waiting = LocalHost(), dict(orders)
    host.send(StartRace(plan, folder))
    events = []
    for event in run_events(host):
        events.append(event)
        kind = type(event.event) if isinstance(event, LaneEvent) else type(event)
        for command in waiting.pop(kind, ()):
            host.send(command)
    assert not waiting, "an event with orders did not come"
    return events


def of_lane(events, lane, kind, seed=0):
    return [
        each.event
        for each in events
        if isinstance(each, LaneEvent)
        and (each.lane, each.seed) == (lane, seed)
        and isinstance(each.event, kind)
    ]


def last_weights(folder):
    return load_file(Path(folder) / "last.safetensors")


def assert_equal_to_run_alone(config, folder):
    host = LocalHost()
    host.send(Start(replace(config, checkpoints=str(Path(folder).parent / "alone"))))
    started = next(each for each in [*run_events(host)] if isinstance(each, RunStarted))
    alone, raced = last_weights(started.folder), last_weights(folder)
    assert alone.keys() == raced.keys()
    assert all(torch.equal(alone[name], raced[name]) for name in alone)


def plan_of(config, *changes, **options):
    names = tuple(sorted({name for each in changes for name in each}))
    lanes = [RaceLane(f"lane {i}", replace(config, **each)) for i, each in enumerate(changes)]
    return RacePlan(tuple(lanes), names, **options)


@pytest.mark.parametrize("by", ["samples", "time"])
def test_lanes_equal_their_runs_alone(tiny, by):
    """Also a network with dropout, which draws random numbers at each step."""
    dropout = "flatten, linear 20, relu, dropout 0.5, linear 10"
    plan = plan_of(tiny(), {"arch": "linear"}, {"arch": dropout}, {"arch": "mlp"}, by=by)
    events = race(plan)
    assert isinstance(events[0], RaceStarted)
    assert isinstance(events[-1], RaceFinished)
    assert not events[-1].stopped
    folders = [of_lane(events, lane, RunStarted)[0].folder for lane in range(3)]
    record = read_race(Path(events[0].folder))
    assert [runs[0] for runs in record.runs] == [Path(each).name for each in folders]
    for lane, folder in zip(plan.lanes, folders, strict=True):
        assert_equal_to_run_alone(lane.config, folder)


def test_lanes_have_seen_equally_many_samples(tiny, monkeypatch):
    monkeypatch.setattr("core.race.drive.FIRST_SAMPLES", 40)
    monkeypatch.setattr("core.race.drive.TURN_SECONDS", 0.0)
    monkeypatch.setattr("core.training.loop.PROGRESS_SECONDS", 0.0)
    events = race(plan_of(tiny(), {"batch_size": 20}, {"batch_size": 40}))
    seen, most = [0, 0], 0
    for event in events:
        if isinstance(event, LaneEvent) and isinstance(event.event, Progress):
            seen[event.lane] = event.event.step * (20, 40)[event.lane]
            most = max(most, abs(seen[0] - seen[1]))
    assert seen == [400, 400]
    assert most <= 40


def test_each_seed_is_a_run_of_its_own(tiny):
    plan = plan_of(tiny(epochs=1), {"learning_rate": 0.01}, {"learning_rate": 0.001}, seeds=2)
    events = race(plan)
    runs = {
        (lane, seed): of_lane(events, lane, RunStarted, seed)[0].config
        for lane in range(2)
        for seed in range(2)
    }
    assert [runs[lane, seed]["seed"] for lane, seed in runs] == [0, 1, 0, 1]
    assert all(len(set(names)) == 2 for names in read_race(Path(events[0].folder)).runs)


def test_lane_that_diverges_leaves_the_others(tiny):
    events = race(plan_of(tiny(), {"learning_rate": 1e30}, {"learning_rate": 0.01}))
    assert of_lane(events, 0, RunFailed)[0].reason == "diverged"
    assert of_lane(events, 1, RunFinished)
    assert events[-1].winner == 1


def test_lane_that_cannot_begin_leaves_the_others(tiny):
    events = race(plan_of(tiny(), {"batch_size": 5000}, {"batch_size": 20}))
    assert of_lane(events, 0, RunFailed)[0].reason == "usage"
    assert of_lane(events, 1, RunFinished)


def test_paused_lanes_wait_and_continue(tiny):
    plan = plan_of(tiny(epochs=1), {"learning_rate": 0.01}, {"learning_rate": 0.001})
    events = race(plan, {RunStarted: [Pause()], Paused: [Resume()]})
    for lane in range(2):
        assert of_lane(events, lane, Paused)
        assert_equal_to_run_alone(
            plan.lanes[lane].config, of_lane(events, lane, RunStarted)[0].folder
        )


def test_one_paused_lane_lets_the_other_finish(tiny):
    host = LocalHost()
    host.send(StartRace(plan_of(tiny(), {"learning_rate": 0.01}, {"learning_rate": 0.001})))
    ended = []
    for event in run_events(host):
        match event:
            case LaneEvent(lane=0, event=RunStarted()):
                host.send(ToLane(0, Pause()))
            case LaneEvent(lane=lane, event=RunFinished()):
                ended.append(lane)
                host.send(ToLane(0, Resume()))
    assert ended == [1, 0]


def test_dropped_lane_has_no_further_runs(tiny):
    plan = plan_of(tiny(epochs=1), {"learning_rate": 0.01}, {"learning_rate": 0.001}, seeds=2)
    events = race(plan, {RunStarted: [DropLane(1)]})
    assert [each.lane for each in events if isinstance(each, LaneDropped)] == [1]
    assert of_lane(events, 1, RunFinished)[0].stopped
    assert not of_lane(events, 1, RunStarted, seed=1)
    assert of_lane(events, 0, RunFinished, seed=1)
    assert read_race(Path(events[0].folder)).dropped == (1,)


def test_stopped_race_is_resumed_whole(tiny):
    plan = plan_of(tiny(epochs=3), {"learning_rate": 0.01}, {"learning_rate": 0.001}, seeds=2)
    events = race(plan, {Evaluated: [Stop()]})
    assert events[-1].stopped
    folder = Path(events[0].folder)
    more = race(plan, folder=folder)
    assert not more[-1].stopped
    past = [each for each in more if isinstance(each, LaneEvent) and each.is_past]
    assert any(isinstance(each.event, Evaluated) for each in past)
    names = read_race(folder).runs
    for lane in range(2):
        for seed in range(2):
            config = replace(plan.lanes[lane].config, seed=seed)
            assert_equal_to_run_alone(config, folder.parent / names[lane][seed])
    # What has finished is read, and nothing is trained again.
    last = race(plan, folder=folder)
    assert not [each for each in last if isinstance(each, LaneEvent) and not each.is_past]
    assert last[-1].winner == more[-1].winner


def test_race_resumed_twice_keeps_when_the_goal_was_reached(tiny):
    plan = plan_of(tiny(epochs=3), {"learning_rate": 0.01}, {"learning_rate": 0.001}, goal=0.01)
    folder = None
    for epoch in (1, 2, 3):
        host = LocalHost()
        host.send(StartRace(plan, folder))
        runs = [LaneRun(), LaneRun()]
        for event in run_events(host):
            match event:
                case RaceStarted():
                    folder = Path(event.folder)
                case LaneEvent(lane=lane):
                    runs[lane] = runs[lane].after(event.event, plan.goal)
                    if isinstance(event.event, Evaluated) and event.event.epoch == epoch < 3:
                        host.send(Stop())
    for run in runs:
        assert [score.epoch for score in run.scores] == [1, 2, 3]
        assert run.reached == run.scores[0]


def test_race_detached_before_it_trains_is_left_to_the_next_process(tiny, monkeypatch):
    load = SharedImages.load

    def slowly(*args):
        yield Preparing(message="loading")
        return (yield from load(*args))

    monkeypatch.setattr(SharedImages, "load", slowly)
    events = race(plan_of(tiny(), {"seed": 1}, {"seed": 2}), {Preparing: [Detach()]})
    assert events[-1].detached
    assert not [
        each for each in events if isinstance(each, LaneEvent) and each.event.name == "run_started"
    ]


def test_damaged_race_says_what_is_wrong(tiny):
    plan = plan_of(tiny(epochs=1), {"learning_rate": 0.01}, {"learning_rate": 0.001})
    folder = Path(race(plan)[0].folder)
    whole = (folder / "race.json").read_text()
    for damaged in (
        "",
        "[]",
        whole[:50],
        whole.replace('"samples"', '"speed"'),
        whole.replace('"seeds": 1', '"seeds": 7'),
        whole.replace('"linear-', '"../linear-'),
        whole.replace('"linear-', '"\\u0000linear-'),
        whole.replace('"linear-', '"\\ud800linear-'),
        whole.replace('"learning_rate": 0.001', '"learning_rate": -1'),
    ):
        assert damaged != whole
        (folder / "race.json").write_text(damaged)
        (failed,) = race(plan, folder=folder)
        assert "race.json" in failed.message
        assert "\n" not in failed.message


def test_edited_names_of_lanes_are_shown_safely_and_short(tiny):
    plan = plan_of(tiny(epochs=1), {"learning_rate": 0.01}, {"learning_rate": 0.001})
    record = create_race(plan, plan.lanes[0].config.folder)
    path = record.folder / "race.json"
    path.write_text(path.read_text().replace("lane 0", "\\u001b[31m" + 5000 * "x"))
    name = read_race(record.folder).plan.lanes[0].name
    assert name.startswith("\\x1b[31mxx")
    assert len(name) < 100


def test_images_are_shared(tiny):
    """Two lanes with the same images keep them once."""
    kept = set()
    host = LocalHost()
    host.send(StartRace(plan_of(tiny(epochs=1), {"seed": 1}, {"seed": 2})))

    def remember(learner):
        kept.add(learner.images.data_ptr())

    with pytest.MonkeyPatch.context() as patch:
        from core.training import loop

        class Remembering(loop.Learner):
            def __init__(self, *args, **more):
                super().__init__(*args, **more)
                remember(self)

        patch.setattr(loop, "Learner", Remembering)
        [*run_events(host)]
    assert len(kept) == 1


def test_run_names_its_race(tiny):
    events = race(plan_of(tiny(epochs=1), {"seed": 1}, {"seed": 2}))
    (started,) = of_lane(events, 1, RunStarted)
    assert read_description(Path(started.folder))["race"] == events[0].race


def test_race_can_begin_paused(tiny):
    host = LocalHost()
    host.send(StartRace(plan_of(tiny(epochs=1), {"seed": 1}, {"seed": 2}), paused=True))
    paused = 0
    for event in run_events(host):
        if isinstance(event, LaneEvent) and isinstance(event.event, Paused):
            assert event.event.step == 0
            paused += 1
            if paused == 2:
                host.send(Resume())
    assert paused == 2


def test_requests_are_answered_during_a_race(tiny):
    """Those to a lane by that lane, all others by the engine; answers of no lane have none."""
    host = LocalHost()
    plan = plan_of(tiny(epochs=20), {"learning_rate": 0.01}, {"learning_rate": 0.001})
    host.send(StartRace(plan))
    found = []
    for event in run_events(host):
        match event:
            case LaneEvent(lane=1, event=RunStarted()):
                host.send(ToLane(1, Predict((3,))))
                host.send(ToLane(1, ExplainChange(image=bytes(784), target=3)))
                host.send(ListDevices())
                host.send(Start(plan.lanes[0].config))
            case LaneEvent(lane=lane, event=Predicted() | ChangeExplained() as answer):
                found.append((lane, type(answer)))
            case DevicesListed() | Notice():
                found.append((None, type(event)))
            case LaneEvent(event=ForwardedCommand()):
                raise AssertionError("a command that is not the lane's")
        if len({*found}) == 4:
            host.send(Stop())
    expected = {(1, Predicted), (1, ChangeExplained), (None, DevicesListed), (None, Notice)}
    assert {*found} == expected
