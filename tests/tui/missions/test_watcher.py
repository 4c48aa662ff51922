"""The watcher: waiting, running, done, wrong or stuck, by what the runs did."""

from dataclasses import asdict, replace

import pytest

from core.config import TrainConfig
from core.events import Evaluated, LearningRateChanged, Paused, RunFailed, RunFinished
from tests.support.events import STARTED, after, progress
from tests.support.missions import GOOD, write
from tui.missions.loader import load_mission
from tui.missions.watcher import IDLE_SECONDS, describe_prediction, watch
from tui.state.run_state import RunState


@pytest.fixture(scope="module")
def mission(tmp_path_factory):
    return load_mission(write(tmp_path_factory.mktemp("missions"), GOOD))


def begun(run, *events, **changes) -> RunState:
    """Return the state of a run of a mission that has started, with some settings changed."""
    config = replace(run.solved_config(TrainConfig()), **changes)
    started = replace(STARTED, arch=config.arch, dataset=config.dataset, config=asdict(config))
    return after(started, progress(1, 2.3), *events)


def ended(run, accuracy=0.9, **changes) -> RunState:
    score = Evaluated(epoch=1, step=100, test_loss=0.5, test_accuracy=accuracy)
    return begun(run, progress(100, 1.0), score, FINISHED, **changes)


FINISHED = RunFinished(
    epochs=1,
    steps=100,
    test_loss=0.5,
    test_accuracy=0.9,
    train_seconds=1.0,
    samples_per_second=10.0,
    checkpoint=None,
    stopped=False,
)
STOPPED = replace(FINISHED, stopped=True)
DIVERGED = RunFailed(reason="diverged", message="it diverged")


def test_mission_goes_from_waiting_to_done(mission):
    fast, slow = mission.runs
    first = watch(mission, ())
    assert (first.phase, first.run, first.advice) == ("waiting", "fast", "Train.")
    assert watch(mission, [RunState(phase="preparing")]).phase == "running"
    assert watch(mission, [begun(fast)]).phase == "running"
    one = watch(mission, [ended(fast)])
    assert (one.phase, one.run, one.checks[0].passed) == ("waiting", "slow", None)
    done = watch(mission, [ended(fast), ended(slow, 0.5)])
    assert (done.phase, done.happened) == ("done", "It had 90.0%, 40.0 points more.")
    assert done.checks[0].text == "The fast one is better: 40.0 points"
    later = watch(mission, [ended(fast), ended(slow, 0.5), begun(fast, epochs=9)])
    assert later.phase == "done"


def test_runs_may_come_in_any_order(mission):
    fast, slow = mission.runs
    assert watch(mission, [ended(slow, 0.5), ended(fast)]).phase == "done"


def test_failed_check_is_wrong_with_its_figure(mission):
    fast, slow = mission.runs
    status = watch(mission, [ended(fast), ended(slow, 0.85)])
    assert (status.phase, status.happened) == ("wrong", "")
    assert status.message == "Not reached: The fast one is better: 5.0 points"
    assert watch(mission, [ended(fast), ended(slow, 0.85), ended(slow, 0.5)]).phase == "done"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"learning_rate": 1e-4}, "Learning rate is 0.0001, not 0.00001"),
        ({"epochs": 2}, "Epochs is 2, not 1"),
        ({"batch_size": 1000}, "Batch size is 1,000, not 32"),
        ({"dataset": "mnist"}, "Dataset is mnist, not sample"),
        ({"arch": "linear 9, linear"}, "Network is linear 9, linear, not mlp"),
        ({"shift": 2}, "Shift is 2, not 0"),
        (
            {"arch": "linear 99, " * 9 + "linear"},
            "Network is linear 99, linear 99, linear 99, linear…, not mlp",
        ),
    ],
)
def test_other_settings_are_wrong_at_once(mission, changes, why):
    fast, slow = mission.runs
    for state in (begun(slow, **changes), ended(slow, **changes)):
        status = watch(mission, [ended(fast), state])
        assert (status.phase, status.run) == ("wrong", "slow")
        assert status.message == f"The run has other settings: {why}."
        assert status.advice == "Set the rate to 0.00001."


def test_device_and_seed_may_be_any(mission):
    fast, slow = mission.runs
    states = [ended(fast, seed=7, device="cpu", threads=2, keep=0), ended(slow, 0.5, seed=8)]
    assert watch(mission, states).phase == "done"


def test_rate_changed_in_training_is_wrong(mission):
    changed = begun(mission.runs[0], LearningRateChanged(step=50, learning_rate=0.1))
    status = watch(mission, [changed])
    assert status.phase == "wrong"
    assert "its learning rate was changed during training" in status.message


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (STOPPED, "The run stopped in epoch 1."),
        (DIVERGED, "Training diverged."),
        (RunFailed(reason="memory", message="no memory"), "The run failed: no memory"),
    ],
)
def test_run_that_ends_otherwise_is_stuck(mission, last, message):
    status = watch(mission, [begun(mission.runs[0], last)])
    assert (status.phase, status.run, status.message) == ("stuck", "fast", message)
    assert status.advice.startswith("Start it again")
    again = watch(mission, [begun(mission.runs[0], last), begun(mission.runs[0])])
    assert again.phase == "running"


@pytest.mark.parametrize("last", [STOPPED, DIVERGED])
def test_run_repeated_after_stop_or_failure_counts(mission, last):
    fast = mission.runs[0]
    status = watch(mission, [begun(fast, last), ended(fast)])
    assert (status.phase, status.run) == ("waiting", "slow")


@pytest.mark.parametrize("last", [STOPPED, DIVERGED])
def test_finished_run_counts_after_stopped_rerun(mission, last):
    fast, slow = mission.runs
    states = [ended(fast), begun(fast, last)]
    status = watch(mission, states)
    assert (status.phase, status.run, [*status.runs]) == ("waiting", "slow", ["fast"])
    assert watch(mission, [*states, begun(slow)]).phase == "running"
    assert watch(mission, [*states, ended(slow, 0.5)]).phase == "done"
    assert watch(mission, [ended(fast), ended(slow, 0.5), begun(fast, last)]).phase == "done"
    unreached = watch(mission, [ended(fast), ended(slow, 0.85), begun(slow, last)])
    assert (unreached.phase, unreached.run) == ("stuck", "slow")  # which was to be trained again


def test_rerun_is_wrong_while_another_run_is_missing(mission):
    fast, slow = mission.runs
    for rerun in (begun(fast), ended(fast)):
        status = watch(mission, [ended(fast), rerun])
        assert (status.phase, status.run) == ("wrong", "slow")
        assert status.message == "These settings were trained already, in run 1."
    assert watch(mission, [ended(fast), ended(slow, 0.85), begun(fast)]).phase == "running"


def test_failure_before_the_start_is_stuck(mission):
    status = watch(mission, [after(RunFailed(reason="data", message="no data"))])
    assert (status.phase, status.message) == ("stuck", "no data")


def test_nothing_for_long_is_stuck(mission):
    fast = mission.runs[0]
    assert watch(mission, (), IDLE_SECONDS - 1).phase == "waiting"
    for states, run in (((), "fast"), ([ended(fast)], "slow")):
        status = watch(mission, states, IDLE_SECONDS)
        assert (status.phase, status.run) == ("stuck", run)
        assert status.message == "Nothing has happened for 2 minutes."
    assert watch(mission, [begun(fast)], IDLE_SECONDS).phase == "running"
    assert watch(mission, [begun(fast, Paused(step=1))], IDLE_SECONDS).phase == "stuck"


def test_run_that_must_diverge(mission):
    fast, slow = mission.runs
    mission = replace(mission, runs=(replace(fast, ends="diverged"), slow))
    assert watch(mission, [begun(fast, DIVERGED)]).run == "slow"
    status = watch(mission, [ended(fast)])
    assert (status.phase, status.message) == ("wrong", "Training did not diverge.")


def test_two_runs_of_the_same_settings_both_count(mission):
    fast, _ = mission.runs
    mission = replace(mission, runs=(fast, replace(fast, name="slow")))
    assert watch(mission, [ended(fast)]).phase == "waiting"
    status = watch(mission, [ended(fast), ended(fast, 0.5)])
    assert (status.phase, status.runs["slow"].score.accuracy) == ("done", 0.5)


def test_prediction_is_compared(mission):
    assert describe_prediction(mission, 0) == "You predicted: fast. That was right."
    assert describe_prediction(mission, 1) == "You predicted: slow. The answer is: fast."
    assert describe_prediction(mission, None) == "You predicted nothing; the answer is: fast."
