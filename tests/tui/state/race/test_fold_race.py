"""The fold from events to the state of a race."""

from dataclasses import replace

import pytest

from core.events import (
    Evaluated,
    LaneDropped,
    LaneEvent,
    Notice,
    Paused,
    RaceFinished,
    RaceStarted,
    Resumed,
    RunFailed,
    RunFinished,
    Scored,
)
from tests.support.events import STARTED, after, progress
from tui.state.race.fold_race import fold_race, fold_race_events
from tui.state.race.race_state import RaceState
from tui.state.run_state import RecordRead

RACE = RaceStarted(
    race="race-1",
    folder="checkpoints/race-1",
    lanes=("linear", "mlp"),
    changed=("arch",),
    by="samples",
    seeds=2,
    goal=0.9,
)
SCORE = Evaluated(epoch=1, step=100, test_loss=0.3, test_accuracy=0.93)


def finished(stopped=False):
    return RunFinished(
        epochs=2,
        steps=200,
        test_loss=0.2,
        test_accuracy=0.95,
        train_seconds=4.0,
        samples_per_second=500.0,
        checkpoint=None,
        stopped=stopped,
    )


def end(winner=1, stopped=False):
    return RaceFinished(race="race-1", stopped=stopped, winner=winner, verdict="mlp won.")


def in_lane(lane, *events, seed=0):
    return [LaneEvent(lane=lane, seed=seed, event=event) for event in events]


def race(*events, state=None):
    return fold_race_events(state or RaceState(), events)


def test_race_is_folded_to_its_end():
    state = race(RACE)
    assert (state.phase, [lane.name for lane in state.lanes]) == ("preparing", ["linear", "mlp"])
    assert state.is_active
    both = [*in_lane(0, STARTED, progress(50, 1.0)), *in_lane(1, STARTED, progress(50, 2.0))]
    state = race(*both, state=state)
    assert state.phase == "training"
    assert [each.loss for each in state.now] == [1.0, 2.0]
    state = race(*in_lane(1, progress(100, 1.5), SCORE), state=state)
    run = state.lanes[1].runs[0]
    assert (run.samples, run.accuracy) == (1000, 0.93)
    assert run.reached is not None
    assert state.lanes[0].runs[0].reached is None
    state = race(*in_lane(0, finished()), *in_lane(1, finished()), end(), state=state)
    assert (state.phase, state.lanes[1].runs[0].outcome) == ("finished", "finished")
    assert state.verdict is not None
    assert state.verdict.winner == 1


def test_clock_counts_what_the_lane_trained():
    """The other lane trains for a minute between two events of this one."""
    first, later = progress(50, 1.0), progress(100, 1.0)
    later = replace(later, time=first.time + 60)
    state = race(RACE, *in_lane(0, STARTED, first, later))
    assert state.now[0].curves.clock.points == ((50, 1.0), (100, 2.0))
    assert state.now[0].seconds == 2.0


def test_progress_folded_at_once_equals_one_by_one():
    events = [RACE, *in_lane(0, STARTED, progress(10, 2.0), progress(20, 1.0), progress(30, 0.5))]
    one_by_one = RaceState()
    for event in events:
        one_by_one = fold_race(one_by_one, event)
    assert race(*events) == one_by_one


def test_race_is_paused_when_all_its_lanes_are():
    state = race(RACE, *in_lane(0, STARTED), *in_lane(1, STARTED, Paused(step=0)))
    assert state.phase == "training"
    state = race(*in_lane(0, Paused(step=0)), state=state)
    assert state.phase == "paused"
    assert race(*in_lane(0, Resumed(step=0)), state=state).phase == "training"


def test_next_round_keeps_curves_without_predictions():
    scored = Scored(epoch=1, step=100, logits=bytes(4000))
    first = [*in_lane(0, STARTED, progress(100, 0.5), scored, finished()), *in_lane(1, finished())]
    state = race(RACE, *first)
    assert state.now[0].evaluations == (scored,)
    state = race(*in_lane(1, STARTED, seed=1), state=state)
    assert (state.seed, state.phase) == (1, "training")
    before = state.lanes[0].states[0]
    assert before.evaluations == ()
    assert before.curves.losses.points == ((100.0, 0.5),)


@pytest.mark.parametrize(
    ("outcome", "stopped", "phase"),
    [(finished(), False, "finished"), (finished(True), True, "stopped")],
)
def test_race_ends_as_its_lanes_did(outcome, stopped, phase):
    diverged = RunFailed(reason="diverged", message="the loss became NaN")
    state = race(RACE, *in_lane(0, STARTED, diverged), *in_lane(1, STARTED, outcome))
    assert race(end(stopped=stopped), state=state).phase == phase
    assert state.lanes[0].runs[0].outcome == "diverged"


def test_race_without_a_finished_lane_has_failed():
    diverged = RunFailed(reason="diverged", message="the loss became NaN")
    both = [*in_lane(0, STARTED, diverged), *in_lane(1, STARTED, diverged)]
    assert race(RACE, *both, end(winner=None)).phase == "failed"


def test_race_that_cannot_begin_says_why():
    full = RunFailed(reason="checkpoint", message="the disk is full")
    assert race(full) == RaceState()
    state = race(full, state=RaceState(phase="preparing"))
    assert (state.phase, state.message) == ("failed", "the disk is full")


def test_dropped_lanes_and_notices_are_kept():
    state = race(RACE, LaneDropped(lane=1), LaneDropped(lane=7), Notice(message="slow disk"))
    assert [lane.is_dropped for lane in state.lanes] == [False, True]
    assert state.message == "slow disk"
    assert race(replace(RACE, dropped=(0,))).lanes[0].is_dropped


def test_event_of_an_unknown_lane_or_seed_changes_nothing():
    state = race(RACE)
    assert race(*in_lane(4, STARTED), *in_lane(0, STARTED, seed=2), state=state) == state


def test_resumed_run_continues_its_clock():
    """A race that is continued repeats a run's events, then resumes it."""
    past = in_lane(0, STARTED, progress(50, 1.0), progress(100, 1.0), SCORE)
    state = race(RACE, *past, *in_lane(0, replace(STARTED, step=100), progress(150, 0.5)))
    assert [at for _, at in state.now[0].curves.clock.points] == [1.0, 2.0, 3.0]
    assert state.lanes[0].runs[0].samples == 1500


def test_record_read_at_once_gives_what_its_events_give():
    events = (STARTED, progress(50, 1.0), progress(100, 0.5), SCORE, finished())
    slowly = race(RACE, *in_lane(0, *events)).lanes[0]
    at_once = race(RACE, *in_lane(0, RecordRead(state=after(*events)))).lanes[0]
    assert at_once.states[0].curves.clock.points == slowly.states[0].curves.clock.points
    run, read = slowly.runs[0], at_once.runs[0]
    assert replace(read, step=run.step, samples=run.samples, seconds=run.seconds) == run


def test_failed_record_read_at_once_keeps_its_reason():
    """Of a run that ran out of memory the bars say so."""
    events = (STARTED, progress(50, 1.0), RunFailed(reason="memory", message="too large"))
    slowly = race(RACE, *in_lane(0, *events)).lanes[0].runs[0]
    at_once = race(RACE, *in_lane(0, RecordRead(state=after(*events)))).lanes[0].runs[0]
    assert (at_once.outcome, at_once.reason, at_once.message) == ("failed", "memory", "too large")
    assert at_once == slowly


def test_race_has_ended_with_a_verdict_or_a_failure():
    assert not race(RACE).has_ended
    assert race(RACE, end()).has_ended
    assert race(RACE, RunFailed(reason="data", message="no data")).has_ended


def test_goal_is_known_once_the_race_has_begun():
    assert RaceState().goal is None
    assert race(RACE).goal == 0.9
