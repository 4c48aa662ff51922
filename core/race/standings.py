"""Where the lanes of a race stand: their places and gaps, during the race and at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from core.commands import RacePlan
from core.race.chance import Spread, spread_of
from core.race.lane_run import LaneRun, Reached

RACING = ("training", "finished")
Runs = Sequence[Sequence[LaneRun]]  # of each lane one for each seed


@dataclass(frozen=True)
class Standing:
    """One lane. `place` counts from 1; equal lanes share one, and None is a lane without a result,
    such as one that diverged.

    `accuracy` is the test accuracy over the seeds that are finished, in a race in progress the
    newest one; `behind` is how far it is behind the first lane (0 to 1): where not all lanes have
    finished, at equal samples, or seconds in a race by time. `reached` is in how many of `runs`
    runs, those that diverged included, the goal was reached, `cost` after how many samples, or
    seconds, `there` with what accuracy, and `later` how many samples or seconds after the first
    lane.
    """

    lane: int
    name: str
    place: int | None
    accuracy: Spread | None
    behind: float | None
    reached: int
    runs: int
    cost: Spread | None
    there: float | None
    later: float | None


def cost_of(plan: RacePlan, score: Reached) -> float:
    """Return what an evaluation counts by: samples, or seconds in a race by time."""
    return score.seconds if plan.by == "time" else score.samples


def counts(run: LaneRun) -> bool:
    """Return whether what a run has reached counts: not if it has diverged or failed."""
    return run.outcome in ("training", "finished", "stopped")


def was_tried(run: LaneRun) -> bool:
    """Return whether a run can be said to have missed the goal: one that failed cannot."""
    return counts(run) or run.outcome == "diverged"


def final_accuracies(lane: Sequence[LaneRun]) -> dict[int, float]:
    """Return the final test accuracy by seed, of the runs that have finished."""
    return {
        seed: run.accuracy
        for seed, run in enumerate(lane)
        if run.outcome == "finished" and run.accuracy is not None
    }


def costs_to_goal(plan: RacePlan, lane: Sequence[LaneRun]) -> dict[int, float]:
    """Return the samples or seconds to the goal by seed, of the runs that have reached it."""
    return {
        seed: cost_of(plan, run.reached)
        for seed, run in enumerate(lane)
        if run.reached and counts(run)
    }


def rank_lanes(plan: RacePlan, runs: Runs) -> tuple[Standing, ...]:
    """Return the standings, the first lane first.

    With a goal, lanes that reached it come first: in most of their runs, then earliest, then with
    the higher accuracy there. All others are in the order of their accuracy.
    """
    accuracies = comparable_accuracies(plan, runs)
    keys = [_key(plan, lane, found) for lane, found in zip(runs, accuracies, strict=True)]
    order = sorted(range(len(runs)), key=lambda lane: (keys[lane] is None, keys[lane] or ()))
    ranked = sorted(key for key in keys if key is not None)
    places = [None if key is None else ranked.index(key) + 1 for key in keys]
    return tuple(_standing(plan, lane, runs, accuracies, order[0], places[lane]) for lane in order)


def _standing(
    plan: RacePlan,
    lane: int,
    runs: Runs,
    accuracies: Sequence[dict[int, float]],
    first: int,
    place: int | None,
) -> Standing:
    costs, best = costs_to_goal(plan, runs[lane]), costs_to_goal(plan, runs[first])
    has_finished = final_accuracies(runs[lane])
    newest = {seed: run.accuracy for seed, run in enumerate(runs[lane]) if run.accuracy is not None}
    shown = has_finished or {seed: newest[seed] for seed in newest if counts(runs[lane][seed])}
    return Standing(
        lane,
        plan.lanes[lane].name,
        place,
        spread_of([*shown.values()]),
        _mean_gap(accuracies[first], accuracies[lane]),
        len(costs),
        sum(map(was_tried, runs[lane])),
        spread_of([*costs.values()]),
        _accuracy_there(runs[lane]),
        _mean_gap(costs, best),
    )


def _mean_gap(ahead: dict[int, float], behind: dict[int, float]) -> float | None:
    """Return the mean difference over the seeds that both have, None where there is none."""
    common = ahead.keys() & behind.keys()
    return fmean(ahead[seed] - behind[seed] for seed in sorted(common)) if common else None


def _key(
    plan: RacePlan, lane: Sequence[LaneRun], accuracies: dict[int, float]
) -> tuple[float, ...] | None:
    """Return what a lane is sorted by, the least first; None for one without a result."""
    costs = costs_to_goal(plan, lane)
    there = _accuracy_there(lane)
    if there is not None:
        share = len(costs) / sum(map(was_tried, lane))
        return (-share, fmean(costs.values()), -there)
    return (0.0, 0.0, -fmean(accuracies.values())) if accuracies else None


def _accuracy_there(lane: Sequence[LaneRun]) -> float | None:
    """Return the mean accuracy of a lane where it reached the goal, None where it did not."""
    there = [run.reached.accuracy for run in lane if run.reached and counts(run)]
    return fmean(there) if there else None


def comparable_accuracies(plan: RacePlan, runs: Runs) -> list[dict[int, float]]:
    """Return the test accuracies of each lane by seed that can be compared: the final ones where
    the lanes have finished, while some train those at equal samples or seconds.

    Of a run that was stopped there is one only where all were: in other races it was dropped.
    """
    found: list[dict[int, float]] = [{} for _ in runs]
    for seed in range(plan.seeds):
        of_seed = {lane: each[seed] for lane, each in enumerate(runs) if each[seed].scores}
        racing = {lane: run for lane, run in of_seed.items() if run.outcome in RACING}
        racing = racing or {lane: run for lane, run in of_seed.items() if counts(run)}
        are_done = all(run.outcome == "finished" for run in racing.values())
        ends = [cost_of(plan, run.scores[-1]) for run in racing.values()]
        limit = math.inf if are_done else min(ends)
        for lane, run in racing.items():
            scores = [each for each in run.scores if cost_of(plan, each) <= limit]
            if scores:
                found[lane][seed] = scores[-1].accuracy
    return found
