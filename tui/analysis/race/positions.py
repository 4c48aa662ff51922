"""What the bars of a race show of a lane: its place, how far it is, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.race.standings import Standing, rank_lanes
from core.race.words import format_points
from tui.analysis.race.words import plan_of
from tui.state.race.race_state import RaceState
from tui.text.formats import format_duration


@dataclass(frozen=True)
class LanePosition:
    """Where a lane is. `place` counts from 1, None for a lane without a result; `gap` is to the
    first lane. `share` (0 to 1) is how far it is on its way to the goal, and `mark` what became of
    it, "" while it trains."""

    place: int | None
    gap: str
    share: float
    mark: str


def find_positions(race: RaceState) -> tuple[LanePosition, ...]:
    """Return the position of each lane: its place and gap over all seeds so far, the rest of the
    round under way."""
    ranked = rank_lanes(plan_of(race), [lane.runs for lane in race.lanes])
    is_by_time = race.started is not None and race.started.by == "time"
    return tuple(
        LanePosition(each.place, _gap(each, is_by_time), _share(race, lane), _mark(race, lane))
        for lane, each in enumerate(sorted(ranked, key=lambda each: each.lane))
    )


def _gap(standing: Standing, is_by_time: bool) -> str:
    """Return how much later than the first lane it reached the goal, or how far it is behind."""
    if standing.place is None:
        return ""
    later, behind = standing.later, standing.behind
    if later:
        if is_by_time:
            return f"+{format_seconds(later)}"
        return f"+{later:,.0f} images"
    if standing.place == 1 or not behind:
        return ""
    return f"{format_points(-behind, signed=True)} points"


def format_seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else format_duration(seconds)


def _share(race: RaceState, number: int) -> float:
    """Return how far a lane is: by accuracy each halving of the error is an equal step, from that
    of guessing to that of the goal; without a goal, by its epochs."""
    lane, goal = race.lanes[number], race.goal
    run, state = lane.runs[race.seed], lane.states[race.seed]
    if goal is None:
        return run.samples / run.total_samples if run.total_samples else 0.0
    if run.reached:
        return 1.0
    if run.accuracy is None:
        return 0.0
    guessing = 1 - 1 / max(2, len(state.class_names))
    least = max(1 - goal, 1e-4)
    if least >= guessing:
        return min(1.0, run.accuracy / goal)
    error = max(1 - run.accuracy, least)
    return max(0.0, math.log(guessing / error) / math.log(guessing / least))


def _mark(race: RaceState, number: int) -> str:
    lane, goal = race.lanes[number], race.goal
    run, state = lane.runs[race.seed], lane.states[race.seed]
    if run.outcome == "diverged":
        return "✗ diverged"
    if run.outcome == "failed":
        return "✗ out of memory" if run.reason == "memory" else "✗ failed"
    if lane.is_dropped:
        return "✗ dropped"
    if run.reached and goal is not None:
        return f"✓ in epoch {run.reached.epoch}"
    if state.phase == "paused":
        return "‖ paused"
    if run.outcome == "finished":
        return "■ not reached" if goal is not None else "■ finished"
    return "■ stopped" if run.outcome == "stopped" else ""
