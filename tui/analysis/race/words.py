"""The plan of a race that is shown, and in what its lanes differ, in words."""

from __future__ import annotations

from core.commands import RaceLane, RacePlan
from core.config import TrainConfig, read_config
from core.errors import UserError
from core.race.difference import describe_difference
from tui.state.race.race_state import LaneState, RaceState
from tui.text.formats import printable


def plan_of(race: RaceState) -> RacePlan:
    """Return the plan of a race; the settings of a lane that has not started are the defaults."""
    lanes = tuple(RaceLane(lane.name, _config_of(lane) or TrainConfig()) for lane in race.lanes)
    started = race.started
    if started is None:
        return RacePlan(lanes, ())
    return RacePlan(lanes, started.changed, started.by, started.seeds, started.goal)


def _config_of(lane: LaneState) -> TrainConfig | None:
    started = lane.states[0].started
    if started is None:
        return None
    try:
        return read_config(started.config)
    except (UserError, TypeError):  # settings that another version wrote
        return None


def describe_lanes(race: RaceState) -> str:
    """Return in what the lanes differ, and what is the same for all; before all lanes have begun,
    the former alone."""
    started = race.started
    if started is None or not started.changed:
        return "Starting the race…"
    if all(map(_config_of, race.lanes)):
        return printable(describe_difference(plan_of(race)))
    what = " and ".join(name.replace("_", " ") for name in started.changed)
    names = ", ".join(printable(lane.name) for lane in race.lanes)
    return f"The lanes differ in {what}: {names}."
