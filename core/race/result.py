"""The end of a race: who won by the goal and by the final accuracy, and what of it is chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.commands import RacePlan
from core.race.chance import Difference, compare_pairs, compare_shares
from core.race.lane_run import LaneRun, Outcome
from core.race.standings import Runs, Standing, costs_to_goal, final_accuracies, rank_lanes
from core.race.words import (
    format_accuracy,
    format_cost,
    format_costs,
    format_points,
    format_share,
    join_words,
    say_interval,
    say_points,
)

ONE_SEED = (
    "One seed cannot tell how much the first weights and the order of images decide; several can."
)


@dataclass(frozen=True)
class Verdict:
    """The end of a race: the winner's lane from 0, None where there is none, and why.

    The winner is that by the goal if a lane has reached one, else that by the final accuracy.
    `lead` is how far the final accuracy of the first lane is above that of the second, None where
    there are not two; `goal_lead` is by how many samples, or seconds, the second lane reached the
    goal later, None with less than two seeds to compare.
    """

    winner: int | None
    text: str
    by_goal: int | None = None
    by_accuracy: int | None = None
    lead: Difference | None = None
    goal_lead: Difference | None = None


def judge(plan: RacePlan, runs: Sequence[Sequence[LaneRun]]) -> Verdict:
    """Return the winner of a race by its goal and by the final accuracy.

    `runs` has an entry for each lane, with one run for each seed.
    """
    reached = [each for each in rank_lanes(plan, runs) if each.reached]
    by_goal = None if _are_tied(reached) or not reached else reached[0].lane
    goal_lead = _compare_costs(plan, runs, reached)
    finals = _rank_finished(plan, runs)
    is_tie = len(finals) > 1 and _mean(finals[0]) == _mean(finals[1])
    by_accuracy = finals[0].lane if finals and not is_tie else None
    lead = _compare_accuracies(runs, finals)
    parts = [
        _say_goal(plan, reached, goal_lead),
        _say_accuracy(plan, finals),
        _say_lead(plan, runs, finals, lead),
        _say_who_is_out(plan, runs),
    ]
    winner = by_goal if reached else by_accuracy
    return Verdict(winner, " ".join(filter(None, parts)), by_goal, by_accuracy, lead, goal_lead)


def _are_tied(reached: Sequence[Standing]) -> bool:
    return len(reached) > 1 and reached[0].place == reached[1].place


# The goal


def _compare_costs(plan: RacePlan, runs: Runs, reached: Sequence[Standing]) -> Difference | None:
    """Return how much later the second lane reached the goal, over the seeds of both."""
    if len(reached) < 2:
        return None
    first, second = (costs_to_goal(plan, runs[each.lane]) for each in reached[:2])
    common = sorted(first.keys() & second.keys())
    if len(common) < 2:
        return None
    # The goal is noticed at the end of an epoch.
    where = runs[reached[0].lane][common[0]].reached
    grain = first[common[0]] / where.epoch if where and where.epoch else 0.0
    pairs = [(second[seed], first[seed]) for seed in common]
    return compare_pairs(pairs, len(runs) - 1, grain)


def _say_goal(plan: RacePlan, reached: Sequence[Standing], lead: Difference | None) -> str:
    if plan.goal is None:
        return ""
    goal = format_share(plan.goal)
    if not reached:
        return f"No lane reached {goal}."
    first = reached[0]
    times = [f"{each.name} after {_say_cost(plan, each)}" for each in reached]
    missed = [name.name for n, name in enumerate(plan.lanes) if n not in [e.lane for e in reached]]
    rest = [f"{join_words(missed)} did not"] if missed else []
    level = [each for each in reached if _is_level(first, each)]
    if len(level) == 1:
        how = "first" if _is_soonest(reached) else "in most runs"
        text = f"{first.name} reached {goal} {how}: {', '.join([*times, *rest])}."
    elif _are_tied(reached):
        names = join_words([each.name for each in reached if each.place == first.place])
        text = f"{names} are tied to {goal}: {', '.join([*times, *rest])}."
    else:
        names = join_words([each.name for each in level])
        text = f"{names} reached {goal} equally soon, and {first.name} had the highest accuracy "
        text += f"there: {', '.join([*times, *rest])}."
    return f"{text}{_say_goal_lead(plan, lead)}"


def _is_level(one: Standing, other: Standing) -> bool:
    """Return whether two lanes reached the goal in as many of their runs, and equally soon."""
    assert one.cost is not None
    assert other.cost is not None
    is_as_often = one.reached * other.runs == other.reached * one.runs
    return is_as_often and one.cost.mean == other.cost.mean


def _is_soonest(reached: Sequence[Standing]) -> bool:
    costs = [each.cost.mean for each in reached if each.cost]
    return costs[0] == min(costs)


def _say_cost(plan: RacePlan, standing: Standing) -> str:
    assert standing.cost is not None
    text = format_costs(plan, standing.cost)
    if plan.seeds == 1:
        return f"{text} ({format_share(standing.there)} there)" if standing.there else text
    return f"{text} in {standing.reached} of {standing.runs} runs"


def _say_goal_lead(plan: RacePlan, lead: Difference | None) -> str:
    if lead is None or lead.mean <= 0:
        return ""
    low, unit = format_cost(plan, lead.low).replace("-", "−").split()
    interval = say_interval(low, format_cost(plan, lead.high).split()[0].replace("-", "−"), unit)
    mean = format_cost(plan, lead.mean)
    if lead.is_noise:
        return f" The difference, {mean}, is within the noise ({interval} over {lead.seeds} seeds)."
    return f" The difference, {mean}, is more than noise ({interval} over {lead.seeds} seeds)."


# The final accuracy


def _rank_finished(plan: RacePlan, runs: Runs) -> list[Standing]:
    """Return the lanes that have finished a run, the one with the highest accuracy first."""
    finished = [each for each in rank_lanes(plan, runs) if final_accuracies(runs[each.lane])]
    return sorted(finished, key=lambda each: -_mean(each))


def _mean(standing: Standing) -> float:
    assert standing.accuracy is not None
    return standing.accuracy.mean


def _compare_accuracies(runs: Runs, finals: Sequence[Standing]) -> Difference | None:
    """Return how far the first lane is above the second: over the seeds of both, or with one seed
    as on two test sets."""
    if len(finals) < 2:
        return None
    one, other = (runs[each.lane] for each in finals[:2])
    first, second = final_accuracies(one), final_accuracies(other)
    common = sorted(first.keys() & second.keys())
    if not common:
        return None
    sizes = max(1, one[common[0]].test_samples), max(1, other[common[0]].test_samples)
    if len(common) > 1:
        pairs = [(first[seed], second[seed]) for seed in common]
        return compare_pairs(pairs, len(runs) - 1, 1 / min(sizes))
    (seed,) = common
    return compare_shares(first[seed], second[seed], sizes, len(runs) - 1)


def _say_accuracy(plan: RacePlan, finals: Sequence[Standing]) -> str:
    if not finals:
        return ""
    found = [(one.name, one.accuracy) for one in finals if one.accuracy]
    counted = {spread.count for _, spread in found}
    is_whole = counted == {plan.seeds}
    over = f" over {plan.seeds} seeds" if is_whole and plan.seeds > 1 else ""
    each = [
        f"{name} {format_accuracy(spread)}"
        + ("" if is_whole else f" ({spread.count} of {plan.seeds} seeds)")
        for name, spread in found
    ]
    return f"Final test accuracy{over}: {', '.join(each)}."


def _say_lead(
    plan: RacePlan, runs: Runs, finals: Sequence[Standing], lead: Difference | None
) -> str:
    """Return what of the lead in accuracy may be chance."""
    if lead is None:
        return ""
    first, second = finals[:2]
    if plan.changed == ("seed",):
        return "The lanes differ in the seed alone, so their differences are chance."
    if _are_equal(runs[first.lane], runs[second.lane]):
        names = join_words([first.name, second.name])
        return f"{names} end equal, in accuracy and loss: the change made no difference."
    if lead.mean == 0:
        return f"{first.name} and {second.name} end with the same accuracy."
    where = ""
    if lead.mean < 0:  # the means above are over other seeds
        first, second = second, first
        lead = replace(lead, mean=-lead.mean, low=-lead.high, high=-lead.low)
        where = " where both finished"
    points = format_points(lead.mean)
    what = f"The lead of {first.name} over {second.name}{where}, {points} points,"
    if lead.seeds > 1:
        how = "within the noise" if lead.is_noise else "more than noise"
        return f"{what} is {how} ({say_points(lead)} over {lead.seeds} seeds)."
    sizes = {run.test_samples for each in (first, second) for run in runs[each.lane] if run.scores}
    images = f"{join_words([f'{size:,}' for size in sorted(sizes)])} test images"
    how = "within" if lead.is_noise else "more than"
    return f"{what} is {how} the noise of {images} ({say_points(lead)}). {ONE_SEED}"


def _are_equal(one: Sequence[LaneRun], other: Sequence[LaneRun]) -> bool:
    """Return whether two lanes ended with the same results for every seed."""
    pairs = zip(one, other, strict=True)
    return all((a.accuracy, a.loss) == (b.accuracy, b.loss) for a, b in pairs)


# Lanes without a result


def _say_who_is_out(plan: RacePlan, runs: Runs) -> str:
    outcomes = [[run.outcome for run in lane] for lane in runs]
    if {each for lane in outcomes for each in lane} - {"waiting"} == {"diverged"}:
        return "All lanes diverged: there is no winner."
    parts = [
        f"{lane.name} {_say_outcomes(found)}."
        for lane, found in zip(plan.lanes, outcomes, strict=True)
        if set(found) & {"diverged", "failed"}
    ]
    if not any(map(final_accuracies, runs)):
        parts.append("No lane has finished.")
    else:
        ended = [
            lane.name
            for lane, found in zip(plan.lanes, outcomes, strict=True)
            if "stopped" in found and not set(found) & {"diverged", "failed"}
        ]
        if ended:
            parts.append(f"{join_words(ended)} did not finish.")
    return " ".join(parts)


def _say_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Return how the runs of a lane went wrong: "diverged in 1 of 3 runs"."""
    parts = []
    for outcome in ("diverged", "failed"):
        if count := outcomes.count(outcome):
            many = f" in {count} of {len(outcomes)} runs" if len(outcomes) > 1 else ""
            parts.append(outcome + many)
    return " and ".join(parts)
