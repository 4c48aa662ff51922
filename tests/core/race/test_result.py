"""Who wins a race, where its lanes stand, and what of it is chance."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.commands import RaceLane, RacePlan
from core.config import TrainConfig
from core.events import Evaluated, RunFailed, RunFinished
from core.race.chance import compare_pairs, compare_shares, spread_of, t_quantile
from core.race.lane_run import LaneRun, find_status
from core.race.result import judge
from core.race.standings import rank_lanes
from tests.support.events import STARTED, progress

NAMES = ("linear", "mlp", "quick", "cnn")
EPOCH = replace(STARTED, epochs=3, total_steps=300, test_samples=10_000)  # of 1,000 samples


def plan(lanes=2, *, changed=("arch",), **options) -> RacePlan:
    return RacePlan(
        tuple(RaceLane(name, TrainConfig()) for name in NAMES[:lanes]), changed, **options
    )


def run(*accuracies: float, end: str = "finished", goal=None, speed=500.0, loss=0.1) -> LaneRun:
    """Return a run with an evaluation after each epoch of 1,000 samples."""
    events = [EPOCH]
    for epoch, accuracy in enumerate(accuracies, 1):
        step = replace(progress(100 * epoch, 1.0), samples_per_second=speed)
        score = Evaluated(epoch=epoch, step=100 * epoch, test_loss=loss, test_accuracy=accuracy)
        events += [step, score]
    if end in ("finished", "stopped"):
        events.append(ended(1000 * len(accuracies) / speed, stopped=end == "stopped"))
    elif end != "training":
        reason = end if end == "diverged" else "memory"
        events.append(RunFailed(reason=reason, message="it did not work"))
    found = LaneRun()
    for event in events:
        found = found.after(event, goal)
    return found


def ended(seconds: float, *, stopped: bool) -> RunFinished:
    return RunFinished(
        epochs=3,
        steps=300,
        test_loss=None,
        test_accuracy=None,
        train_seconds=seconds,
        samples_per_second=500.0,
        checkpoint=None,
        stopped=stopped,
    )


def test_run_counts_samples_and_trained_seconds():
    found = run(0.9, 0.95, end="training", goal=0.93)
    assert (found.samples, found.seconds, found.accuracy) == (2000, 4.0, 0.95)
    assert found.reached == found.scores[1]
    assert (found.reached.epoch, found.reached.samples, found.reached.seconds) == (2, 2000, 4.0)


def test_resumed_run_continues_and_restarted_one_begins():
    before = run(0.9, 0.95, end="stopped")
    assert before.after(replace(EPOCH, step=200), None).scores == before.scores
    assert before.after(replace(EPOCH, step=0), None).scores == ()


# The goal


def test_first_to_the_goal_wins_with_a_lower_accuracy_at_the_end():
    goal = {"goal": 0.9}
    runs = [[run(0.8, 0.85, 0.99, **goal)], [run(0.91, 0.92, 0.93, **goal)]]
    verdict = judge(plan(**goal), runs)
    assert (verdict.winner, verdict.by_goal, verdict.by_accuracy) == (1, 1, 0)
    assert verdict.text.startswith(
        "mlp reached 90.0% first: mlp after 1,000 images (91.0% there), linear after 3,000 images "
        "(99.00% there). Final test accuracy: linear 99.00%, mlp 93.0%."
    )
    assert rank_lanes(plan(**goal), runs)[1].later == 2000


def test_race_by_time_counts_seconds():
    goal = {"goal": 0.9}
    runs = [[run(0.8, 0.92, speed=4000.0, **goal)], [run(0.92, 0.93, speed=500.0, **goal)]]
    assert judge(plan(**goal), runs).winner == 1
    by_time = judge(plan(by="time", **goal), runs)
    assert by_time.winner == 0
    assert "linear after 0.5 s" in by_time.text
    sooner = [[run(0.92, speed=speed, **goal)] for speed in (30_000.0, 20_000.0)]
    assert "linear after 0.033 s" in judge(plan(by="time", **goal), sooner).text


def test_equally_soon_is_decided_by_the_accuracy_there():
    goal = {"goal": 0.9}
    verdict = judge(plan(**goal), [[run(0.91, 0.99, **goal)], [run(0.93, 0.94, **goal)]])
    assert verdict.by_goal == 1
    assert "mlp and linear reached 90.0% equally soon, and mlp had the highest" in verdict.text
    tied = judge(plan(**goal), [[run(0.91, 0.92, **goal)], [run(0.91, 0.95, **goal)]])
    assert (tied.winner, tied.by_accuracy) == (None, 1)
    assert "linear and mlp are tied to 90.0%" in tied.text


def test_goal_that_none_reaches_leaves_the_accuracy():
    verdict = judge(plan(goal=0.999), [[run(0.9)], [run(0.95)]])
    assert (verdict.winner, verdict.by_goal) == (1, None)
    assert verdict.text.startswith("No lane reached 99.90%. Final test accuracy: mlp 95.0%")


def test_goal_in_more_runs_comes_first():
    goal = {"goal": 0.9}
    often = [run(0.8, 0.9, 0.91, **goal), run(0.8, 0.92, 0.93, **goal)]
    rarely = [run(0.9, 0.9, 0.95, **goal), run(0.8, 0.8, 0.8, **goal)]
    verdict = judge(plan(seeds=2, **goal), [rarely, often])
    assert verdict.winner == 1
    assert "mlp after 2,000 images in 2 of 2 runs" in verdict.text
    assert "linear after 1,000 images in 1 of 2 runs" in verdict.text
    assert verdict.text.startswith("mlp reached 90.0% in most runs: mlp after 2,000")
    assert "The difference" not in verdict.text, "the second lane was sooner"


def test_run_that_diverged_has_missed_the_goal():
    goal = {"goal": 0.9}
    lucky = [run(0.95, **goal), run(end="diverged", **goal), run(end="diverged", **goal)]
    steady = [run(0.8, 0.95, **goal), run(0.8, 0.95, **goal), run(0.8, 0.85, **goal)]
    verdict = judge(plan(seeds=3, **goal), [lucky, steady])
    assert verdict.by_goal == 1
    assert "linear after 1,000 images in 1 of 3 runs" in verdict.text


def test_goal_over_seeds_has_an_interval():
    goal = {"goal": 0.9}
    fast, slow = run(0.9, 0.9, 0.91, **goal), run(0.8, 0.8, 0.92, **goal)
    verdict = judge(plan(seeds=4, **goal), [[fast] * 4, [slow] * 4])
    assert not verdict.goal_lead.is_noise
    assert "The difference, 2,000 images, is more than noise (95% interval" in verdict.text
    mixed = judge(plan(seeds=4, **goal), [[fast, slow, fast, fast], [slow, fast, slow, fast]])
    assert mixed.goal_lead.is_noise
    assert "is within the noise" in mixed.text


# The final accuracy and its chance


def test_one_seed_names_the_noise_of_the_test_set():
    near = judge(plan(), [[run(0.950)], [run(0.953)]])
    assert (near.winner, near.lead.seeds, near.lead.is_noise) == (1, 1, True)
    assert "within the noise of 10,000 test images (95% interval −0.3" in near.text
    assert near.text.endswith("the order of images decide; several can.")
    far = judge(plan(), [[run(0.93)], [run(0.95)]])
    assert not far.lead.is_noise
    assert "is more than the noise of 10,000 test images" in far.text
    assert "One seed cannot tell" in far.text


def test_pairs_of_seeds_take_out_what_both_share():
    """The seeds differ by far more than the lanes, which differ the same way with each."""
    first, second = [0.90, 0.93, 0.96], [0.906, 0.937, 0.966]
    verdict = judge(plan(seeds=3), [[*map(run, first)], [*map(run, second)]])
    assert (verdict.winner, verdict.lead.seeds, verdict.lead.is_noise) == (1, 3, False)
    assert "mlp 93.6 ± 3.00%" in verdict.text
    assert "is more than noise (95% interval" in verdict.text
    shuffled = judge(plan(seeds=3), [[*map(run, first)], [*map(run, second[::-1])]])
    assert shuffled.lead.is_noise
    assert "points, is within the noise (95% interval −" in shuffled.text


def test_equal_lanes_have_no_winner():
    verdict = judge(plan(), [[run(0.95)], [run(0.95)]])
    assert verdict.winner is None
    assert "linear and mlp end equal, in accuracy and loss" in verdict.text
    other = judge(plan(), [[run(0.95)], [run(0.95, loss=0.2)]])
    assert other.winner is None
    assert "end with the same accuracy" in other.text


def test_lanes_of_seeds_differ_by_chance():
    verdict = judge(plan(changed=("seed",)), [[run(0.9)], [run(0.99)]])
    assert "The lanes differ in the seed alone, so their differences are chance." in verdict.text


# Lanes without a result


def test_diverged_lane_is_named_and_does_not_win():
    goal = {"goal": 0.9}
    runs = [[run(0.99, end="diverged", **goal)], [run(0.8)], [run(0.7, end="failed")]]
    verdict = judge(plan(3, **goal), runs)
    assert (verdict.winner, verdict.lead) == (1, None)
    assert verdict.text == (
        "No lane reached 90.0%. Final test accuracy: mlp 80.0%. linear diverged. quick failed."
    )
    standings = rank_lanes(plan(3, **goal), runs)
    assert [each.place for each in standings] == [1, None, None]


def test_race_without_a_finished_lane_has_no_winner():
    diverged = run(end="diverged")
    verdict = judge(plan(seeds=2), [[diverged] * 2, [diverged, LaneRun()]])
    assert (verdict.winner, verdict.text) == (None, "All lanes diverged: there is no winner.")
    stopped = judge(plan(), [[run(0.9, end="stopped")], [run(0.8, end="stopped")]])
    assert (stopped.winner, stopped.text) == (None, "No lane has finished.")
    assert judge(plan(), [[LaneRun()], [LaneRun()]]).text == "No lane has finished."


def test_dropped_lane_does_not_hold_back_the_others():
    runs = [[run(0.5, end="stopped")], [run(0.6, 0.9)], [run(0.6, 0.8)]]
    first, second, dropped = rank_lanes(plan(3), runs)
    assert (first.name, second.name, dropped.place) == ("mlp", "quick", None)
    assert second.behind == pytest.approx(0.1)
    assert "linear did not finish." in judge(plan(3), runs).text


def test_part_of_the_seeds_is_named():
    lanes = [[run(0.9), run(end="diverged"), run(0.91)], [run(0.92), run(0.93), run(0.935)]]
    verdict = judge(plan(seeds=3), lanes)
    assert (verdict.winner, verdict.lead.seeds) == (1, 2)
    assert verdict.text.endswith("linear diverged in 1 of 3 runs.")
    assert "linear 90.5 ± 0.71% (2 of 3 seeds)" in verdict.text


def test_lead_is_over_the_seeds_of_both():
    """The means are of other seeds: the lane with the lower one leads where both finished."""
    lanes = [[run(0.9), run(0.9), run(0.99)], [run(0.92), run(0.93), run(0.5, end="stopped")]]
    verdict = judge(plan(seeds=3), lanes)
    assert verdict.winner == 0
    assert "The lead of mlp over linear where both finished, 2.50 points," in verdict.text


def test_lanes_on_other_test_sets_name_both():
    small = replace(run(0.9), test_samples=1_000)
    assert "noise of 1,000 and 10,000 test images" in judge(plan(), [[small], [run(0.95)]]).text


def test_run_that_was_stopped_before_it_began_has_not_failed():
    stopped = RunFailed(reason="stopped", message="stopped before training began")
    assert LaneRun().after(stopped, None).outcome == "waiting"
    assert run(0.9, end="training").after(stopped, None).outcome == "stopped"


# During the race


def test_gaps_are_at_equal_samples():
    """The second lane is an epoch ahead: its newest accuracy does not count yet."""
    runs = [[run(0.9, 0.93, end="training")], [run(0.8, 0.92, 0.99, end="training")]]
    first, second = rank_lanes(plan(), runs)
    assert (first.name, second.behind) == ("linear", pytest.approx(0.01))
    assert second.accuracy.mean == 0.99


def test_gaps_of_a_race_by_time_are_at_equal_seconds():
    fast = run(0.8, 0.85, 0.95, speed=1000.0, end="training")  # within 3 s
    slow = run(0.9, speed=500.0, end="training")  # after 2 s
    first, second = rank_lanes(plan(by="time"), [[fast], [slow]])
    assert (first.name, second.behind) == ("mlp", pytest.approx(0.05))


# Any race

OUTCOMES = ("training", "finished", "stopped", "diverged", "failed")
SCORES = some.lists(some.sampled_from((0.1, 0.5, 0.9, 0.97, 1.0)), max_size=3)
LANES = some.lists(
    some.lists(some.tuples(SCORES, some.sampled_from(OUTCOMES)), min_size=2, max_size=2),
    min_size=2,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(LANES, some.sampled_from((None, 0.5, 0.97)), some.sampled_from(("samples", "time")))
def test_any_race_has_a_verdict(drawn, goal, by):
    runs = [[run(*scores, end=end, goal=goal) for scores, end in lane] for lane in drawn]
    lanes, seeds = len(runs), 2
    race = plan(lanes, seeds=seeds, goal=goal, by=by)
    verdict, standings = judge(race, runs), rank_lanes(race, runs)
    assert verdict.text.endswith(".")
    assert verdict.text.isprintable()
    assert sorted(each.lane for each in standings) == [*range(lanes)]
    places = [each.place for each in standings if each.place is not None]
    assert places == sorted(places)
    assert all(each.behind is None or each.behind >= 0 for each in standings[:1])
    if verdict.winner is not None:
        assert any(
            each.outcome in ("finished", "stopped", "training") for each in runs[verdict.winner]
        )
    # The order of the lanes decides nothing.
    turned = RacePlan(race.lanes[::-1], race.changed, race.by, seeds, race.goal)
    other = judge(turned, runs[::-1]).winner
    assert verdict.winner == (None if other is None else lanes - 1 - other)


@settings(deadline=None)
@given(some.floats(0.5, 0.9999), some.integers(1, 1000))
def test_t_quantile_agrees_with_scipy(share, freedom):
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), 1e-6, 1e-9)


@given(
    some.lists(some.tuples(*[some.floats(0, 1)] * 2), min_size=2, max_size=20), some.floats(-1, 1)
)
def test_shifted_pairs_have_the_same_margin(pairs, shift):
    one, other = compare_pairs(pairs), compare_pairs([(a + shift, b + shift) for a, b in pairs])
    assert one.low <= one.mean <= one.high
    assert one.high - one.low == pytest.approx(other.high - other.low, abs=1e-9)
    assert compare_pairs(pairs, 3).low <= one.low


def test_equal_differences_still_have_an_interval():
    """Two differences of one image of 1,000 may both be rounding."""
    assert compare_pairs([(0.951, 0.95), (0.931, 0.93)], grain=1e-3).is_noise


def test_interval_of_two_test_sets_covers_as_it_says():
    """Agresti and Caffo's interval is a little wider than 95%, never much narrower."""
    import random

    draw = random.Random(1)
    missed = 0
    for _ in range(2000):
        one, other = (sum(draw.random() < 0.9 for _ in range(50)) / 50 for _ in range(2))
        missed += not compare_shares(one, other, (50, 50)).is_noise
    assert 0.02 < missed / 2000 < 0.06


def test_spread_of_one_value_has_no_deviation():
    assert spread_of([]) is None
    assert spread_of([0.5]).deviation is None


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (["finished", "diverged"], 0),
        (["stopped", "failed"], 1),
        (["stopped", "diverged"], 3),
        (["stopped", "waiting"], 0),
        (["waiting", "waiting"], 0),
        (["diverged", "diverged", "waiting"], 3),
        (["diverged", "failed"], 1),
        (["failed", "failed"], 1),
    ],
)
def test_exit_status_is_that_of_the_best_lane(outcomes, status):
    assert find_status(LaneRun(outcome=each) for each in outcomes) == status
