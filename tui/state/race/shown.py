"""What all views show: the run, the race that it may be a lane of, and the app's own state.

While a race is on, the run is that of the lane which the user has selected. Pure, as fold is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from core.events import (
    Event,
    LaneDropped,
    LaneEvent,
    Progress,
    RaceFinished,
    RaceStarted,
    RunFailed,
    RunStarted,
)
from core.responses.predictions import Predicted
from tui.state.app_state import AppState, fold_app
from tui.state.fold import fold
from tui.state.race.fold_race import fold_race, fold_race_events
from tui.state.race.race_state import RaceState
from tui.state.run_state import RecordRead, RunState


class LaneSelected(Event, recorded=False, serializable=False):
    """The user has selected another lane of the race: its run is shown from now on."""

    lane: int


@dataclass(frozen=True)
class Shown:
    """`lane` is the selected one, from 0. `is_elsewhere`: another process trains."""

    run: RunState
    app: AppState
    race: RaceState
    lane: int = 0
    is_elsewhere: bool = False

    @property
    def lane_run(self) -> RunState:
        """The run of the selected lane, as views show it."""
        run = self.race.now[self.lane]
        if self.race.is_active:
            return replace(run, is_attached=True) if self.is_elsewhere else run
        # A lane whose process has died has no end in its record.
        return replace(run, phase="stopped") if run.is_active else run


def fold_shown(shown: Shown, event: Event) -> Shown:
    """Return what is shown after an event."""
    race, lane = shown.race, shown.lane
    match event:
        case RaceStarted():
            lane = lane if lane < len(event.lanes) else 0
            return _with_race(replace(shown, lane=lane), event)
        case LaneSelected():
            is_known = 0 <= event.lane < len(race.lanes)
            return _with_lane_run(replace(shown, lane=event.lane)) if is_known else shown
        case LaneEvent():
            after = _with_race(shown, event)
            is_shown = (event.lane, event.seed) == (lane, after.race.seed)
            return replace(after, app=fold_app(shown.app, event.event)) if is_shown else after
        case LaneDropped():
            return _with_race(shown, event)
        case RaceFinished():  # of one that another process continues, nothing has ended
            return shown if event.detached else _with_race(shown, event)
        case RunFailed() if race.is_active:  # the race could not begin, or its process has died
            after = replace(shown, race=fold_race(race, event))
            started = after.race.started is not None
            return _with_lane_run(after) if started else replace(after, run=fold(shown.run, event))
        case Predicted(source=str(path)) if path in checkpoints(race):  # of lanes that have ended
            number = checkpoints(race).index(path)
            race = fold_race(race, LaneEvent(lane=number, seed=race.seed, event=event))
            after = replace(shown, race=race, app=fold_app(shown.app, event))
            return (
                _with_lane_run(after)
                if race.is_active
                else replace(after, run=fold(shown.run, event))
            )
        case RunStarted() | RecordRead() if race.is_active:  # a run is shown in place of the race
            race = RaceState()
    race = fold_race(race, event)
    return replace(shown, run=fold(shown.run, event), app=fold_app(shown.app, event), race=race)


def checkpoints(race: RaceState) -> list[str | None]:
    """Return the newest checkpoint of each lane."""
    return [run.checkpoint for run in race.now]


def is_news(event: Event, race: RaceState) -> bool:
    """Return whether a message is to be shown. One of a lane's run is not if it was recorded before
    the race was opened, or says that the process has died, which the race says once for all."""
    if not isinstance(event, LaneEvent):
        return True
    inner = event.event
    is_earlier = race.started is not None and inner.time < race.started.time
    is_death = isinstance(inner, RunFailed) and inner.reason == "interrupted"
    return not (event.is_past or is_earlier or is_death)


def is_lane_progress(event: Event) -> bool:
    return isinstance(event, LaneEvent) and isinstance(event.event, Progress)


def fold_lane_progress(shown: Shown, events: Iterable[Event]) -> Shown:
    """Return what is shown after progress of any lanes, at less than the cost of folding each."""
    in_order = sorted(cast("Iterable[LaneEvent]", events), key=lambda each: (each.seed, each.lane))
    race = fold_race_events(shown.race, in_order)
    return _with_lane_run(_with_live_lane(replace(shown, race=race), shown))


def _with_race(shown: Shown, event: Event) -> Shown:
    after = replace(shown, race=fold_race(shown.race, event))
    is_shown = not isinstance(event, LaneEvent) or event.lane == shown.lane
    # Also where a lane's event begins a new round.
    if is_shown or after.race.seed != shown.race.seed:
        return _with_lane_run(_with_live_lane(after, shown))
    return after


def _with_lane_run(shown: Shown) -> Shown:
    return replace(shown, run=shown.lane_run)


def _with_live_lane(shown: Shown, before: Shown) -> Shown:
    """Return what is shown in a new round: a lane that was dropped is not in it."""
    lanes = shown.race.lanes
    if shown.race.seed == before.race.seed or not lanes[shown.lane].is_dropped:
        return shown
    others = (number for number, each in enumerate(lanes) if not each.is_dropped)
    return replace(shown, lane=next(others, shown.lane))
