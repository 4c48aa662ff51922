"""The program's missions: each on recorded events of real runs, and two trained now."""

from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest

from core.config import TrainConfig
from core.event_json import from_json
from core.events import RunFinished, RunStarted
from tests.support.training import drive
from tui.missions.loader import list_missions
from tui.missions.mission import Mission
from tui.missions.watcher import watch
from tui.state.fold import fold
from tui.state.run_state import RunState

# Written by benchmarks/missions.py --record.
RECORDED = Path(__file__).parent / "recorded"
MISSIONS = list_missions()[0]
BY_NAME = {each.name: each for each in MISSIONS}

every_mission = pytest.mark.parametrize("mission", MISSIONS, ids=[each.name for each in MISSIONS])


def recorded(mission: Mission, case: str):
    """Return the events of a recorded attempt at a mission."""
    lines = (RECORDED / f"{mission.path.stem}.{case}.jsonl").read_text().splitlines()
    events = [from_json(line) for line in lines]
    assert None not in events
    return events


def states_of(events) -> list[list[RunState]]:
    """Return the states of each run, one after each of its events."""
    runs = []
    for event in events:
        if isinstance(event, RunStarted):
            runs.append([])
        runs[-1].append(event)
    return [list(accumulate(run, fold, initial=RunState()))[1:] for run in runs]


@every_mission
def test_recorded_success_is_done(mission):
    runs = states_of(recorded(mission, "success"))
    assert len(runs) == len(mission.runs)
    before = []
    for run, states in zip(mission.runs, runs, strict=True):
        waiting = watch(mission, before)
        assert (waiting.phase, waiting.run) == ("waiting", run.name)
        *training, ended = states
        assert {watch(mission, [*before, state]).phase for state in training} == {"running"}
        before.append(ended)
    status = watch(mission, before)
    assert (status.phase, status.run, status.message) == ("done", "", "Mission done.")
    assert all(each.passed for each in status.checks)
    assert not set("{}–") & set(status.happened)


@every_mission
def test_recorded_failure_is_wrong(mission):
    ended = [states[-1] for states in states_of(recorded(mission, "failure"))]
    status = watch(mission, ended)
    assert (status.phase, status.happened) == ("wrong", "")
    assert status.message.startswith(
        ("The run has other settings: ", "These settings were trained")
    )
    assert status.run in [run.name for run in mission.runs if run.open or len(ended) == 1]
    assert status.advice == mission.run(status.run).task


@every_mission
def test_unchanged_settings_fail_a_check(mission):
    """The checks alone tell the runs apart, also where the settings are not compared."""
    if not any(run.open for run in mission.runs):
        pytest.skip("no setting is open")
    ended = [states[-1] for states in states_of(recorded(mission, "failure"))]
    anything = replace(
        mission,
        runs=tuple(_unlock(run, state) for run, state in zip(mission.runs, ended, strict=True)),
    )
    status = watch(anything, ended)
    assert status.phase == "wrong"
    assert status.message.startswith("Not reached: ")


def _unlock(run, state):
    """Return the run of the mission with the settings that were trained."""
    names = [*run.fixed, *(each.name for each in run.open)]
    return replace(run, fixed={name: state.started.config[name] for name in names}, open=())


@pytest.mark.parametrize("name", ["correct-yet-absurd", "the-wall"])
def test_trained_mission_is_done_and_fails_unchanged(tmp_path, name):
    mission = BY_NAME[name]
    base = TrainConfig(device="cpu", checkpoints=str(tmp_path), seed=5, threads=1, keep=0)
    outcomes = []
    for settings in ("solved_config", "start_config"):
        states = []
        for run in mission.runs:
            events = drive(getattr(run, settings)(base))
            assert isinstance(events[-1], RunFinished)
            states.append(states_of([e for e in events if e.recorded])[-1][-1])
        outcomes.append(watch(mission, states).phase)
    assert outcomes == ["done", "wrong"]


@every_mission
def test_mission_fits_a_person(mission):
    """The sample is enough, and it takes one to five minutes."""
    assert 1 <= mission.minutes <= 5
    assert not mission.needs_mnist
    assert mission.question.choices[mission.question.right]
