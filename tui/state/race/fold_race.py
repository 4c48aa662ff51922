"""fold_race(state, event): the state of a race after an event. Pure, as fold is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Any

from core.commands import RacePlan
from core.events import (
    Event,
    LaneDropped,
    LaneEvent,
    Notice,
    Progress,
    RaceFinished,
    RaceStarted,
    RunFailed,
    RunStarted,
)
from core.race.lane_run import LaneRun
from tui.state.fold import fold, fold_progress
from tui.state.history import MAX_FOLDED, without_digits
from tui.state.race.race_state import LaneState, RaceState
from tui.state.run_state import Phase, RecordRead, RunState


def begin_race(plan: RacePlan) -> RaceState:
    """Return the state between the request for a race and its first event."""
    names = tuple(lane.name for lane in plan.lanes)
    return RaceState(phase="preparing", lanes=_lanes(names, plan.seeds))


def _lanes(names: Iterable[str], seeds: int) -> tuple[LaneState, ...]:
    state = RunState(phase="preparing", doing="starting")
    return tuple(LaneState(name, (state,) * seeds, (LaneRun(),) * seeds) for name in names)


def fold_race(state: RaceState, event: Event) -> RaceState:
    """Return the state after an event of a race; others change nothing."""
    match event:
        case RaceStarted():
            return _started(event)
        case LaneEvent():
            return _in_lane(state, event.lane, event.seed, (event.event,))
        case LaneDropped() if 0 <= event.lane < len(state.lanes):
            return _with_lane(state, event.lane, is_dropped=True)
        case RaceFinished():
            return replace(state, phase=_end_phase(state, event), verdict=event)
        case RunFailed() if state.is_active:  # the race itself could not begin
            return replace(state, phase="failed", message=event.message)
        case Notice() if state.is_active:
            return replace(state, message=event.message)
    return state


def fold_race_events(state: RaceState, events: Iterable[Event]) -> RaceState:
    """Return the state after several events, at less than the cost of folding each."""
    for batch in _batched(events):
        match batch:
            case [LaneEvent(lane=lane, seed=seed), _, *_]:
                state = _in_lane(state, lane, seed, [each.event for each in batch])
            case _:
                state = fold_race(state, batch[0])
    return state


def _batched(events: Iterable[Event]) -> Iterator[list[Any]]:
    """Yield each event by itself, but neighbours in lists that are progress of one run."""

    def kind(event: Event) -> object:
        if isinstance(event, LaneEvent) and isinstance(event.event, Progress):
            return event.lane, event.seed
        return None

    for key, group in groupby(events, kind):
        while batch := list(islice(group, MAX_FOLDED if key else 1)):
            yield batch


def _started(event: RaceStarted) -> RaceState:
    lanes = tuple(
        replace(lane, is_dropped=number in event.dropped)
        for number, lane in enumerate(_lanes(event.lanes, event.seeds))
    )
    return RaceState(phase="preparing", started=event, lanes=lanes)


def _end_phase(state: RaceState, event: RaceFinished) -> Phase:
    if event.stopped:
        return "stopped"
    has_finished = any(run.outcome == "finished" for lane in state.lanes for run in lane.runs)
    return "finished" if has_finished else "failed"


def _with_lane(state: RaceState, number: int, **changes: Any) -> RaceState:
    lanes = list(state.lanes)
    lanes[number] = replace(lanes[number], **changes)
    return replace(state, lanes=tuple(lanes))


def _in_lane(state: RaceState, number: int, seed: int, events: Sequence[Any]) -> RaceState:
    """Return the state after an event of a lane's run, or after several Progress."""
    if not 0 <= number < len(state.lanes) or not 0 <= seed < len(state.lanes[number].states):
        return state
    if seed > state.seed:
        state = _next_round(state, seed)
    lane, goal = state.lanes[number], state.goal
    before, run = lane.states[seed], lane.runs[seed]
    if isinstance(events[0], Progress):
        clock = []
        for event in events:
            run = run.after(event, goal)
            clock.append((event.step, run.seconds))
        after = fold_progress(before, events)
        curves = replace(after.curves, clock=before.curves.clock.extend(clock))
        after = replace(after, seconds=run.seconds, curves=curves)
    else:
        after, run = _after(before, run, events[0], goal)
    state = _with_lane(
        state,
        number,
        states=_put(lane.states, seed, after),
        runs=_put(lane.runs, seed, run),
    )
    phase = _phase(state) if state.is_active else state.phase
    return state if phase == state.phase else replace(state, phase=phase)


def _after(
    before: RunState, run: LaneRun, event: Event, goal: float | None
) -> tuple[RunState, LaneRun]:
    after = fold(before, event)
    if isinstance(event, RecordRead):
        after = _with_trained_clock(after)
        return after, _read_run(after, goal)
    run = run.after(event, goal)
    if isinstance(event, RunStarted):
        # A race that is continued repeats the events of its runs before it resumes them.
        seconds = after.curves.clock.value_at(event.step) or 0.0
        run = replace(run, seconds=seconds, samples=run.samples_at(event.step))
    return replace(after, seconds=run.seconds), run


def _put(row: tuple[Any, ...], place: int, value: object) -> tuple[Any, ...]:
    return (*row[:place], value, *row[place + 1 :])


def _next_round(state: RaceState, seed: int) -> RaceState:
    """Return the state at the first event of a round. Of the runs before it, only what charts and
    tables show is kept: the predictions of one evaluation take 400 KB."""
    lanes = tuple(
        replace(lane, states=(*map(without_digits, lane.states[:seed]), *lane.states[seed:]))
        for lane in state.lanes
    )
    return replace(state, lanes=lanes, seed=seed)


def _phase(state: RaceState) -> Phase:
    """Return the phase of a race in progress: training while any of its lanes trains."""
    phases = {each.phase for each in state.now}
    if "training" in phases:
        return "training"
    return "paused" if "paused" in phases else "preparing"


# A run whose record was read at once, as that of a run in another process


def _with_trained_clock(state: RunState) -> RunState:
    """Return the state with a clock that counts training alone: its samples by their speed."""
    if state.started is None:
        return state
    run = LaneRun().after(state.started, None)
    seconds, samples, clock = 0.0, 0, []
    for step, speed in state.curves.speeds.points:
        now = run.samples_at(int(step))
        seconds += (now - samples) / speed if speed else 0.0
        samples = now
        clock.append((step, seconds))
    curves = replace(state.curves, clock=replace(state.curves.clock, points=tuple(clock)))
    return replace(state, curves=curves, seconds=seconds)


def _read_run(state: RunState, goal: float | None) -> LaneRun:
    """Return the LaneRun that the events of a record would have made."""
    started = state.started
    if started is None:
        return LaneRun()
    run = LaneRun().after(started, goal)
    for score in state.scores:
        seconds = state.curves.clock.value_at(score.step) or 0.0
        run = run.evaluated(score.epoch, score.step, seconds, score.accuracy, score.loss, goal)
    phase = state.phase
    outcome: Any = {"finished": "finished", "stopped": "stopped"}.get(phase, "training")
    if phase == "failed":
        outcome = "diverged" if state.reason == "diverged" else "failed"
    return replace(
        run,
        outcome=outcome,
        reason=state.reason if phase == "failed" else "",
        message=state.message if phase == "failed" else "",
        samples=run.samples_at(state.step),
        seconds=state.seconds,
        step=state.step,
        epoch=state.epoch,
    )
