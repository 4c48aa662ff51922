"""A race without the app: its events as lines or JSON, each with the lane it is of."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from core.commands import RacePlan, StartRace
from core.engine.local_host import LocalHost
from core.errors import exit_status
from core.event_json import as_json as to_json
from core.events import (
    Evaluated,
    Event,
    LaneDropped,
    LaneEvent,
    Notice,
    RaceFinished,
    RaceStarted,
    RunFailed,
)
from core.host import Host, run_events
from core.race.difference import describe_difference
from core.race.lane_run import LaneRun, find_status, new_runs
from core.race.standings import rank_lanes
from core.race.words import format_share
from core.training.stopwatch import stopped_clock
from tui.headless.train import Renderer, discard, handle_signals, render
from tui.signals import CONTINUE
from tui.state.fold import fold
from tui.state.run_state import RunState
from tui.state.summaries import describe_epoch
from tui.terminal.job_control import around_stop
from tui.text.console import complain, is_dumb
from tui.text.formats import (
    cell_width,
    fit_cells,
    format_percent,
    plural,
    printable,
    truncate,
)

Runs = list[list[LaneRun]]
LaneNow = tuple[str, LaneRun]  # the name of a lane, and its newest run


@dataclass
class RaceEnd:
    """What a race comes to: the last of its own events, its runs by lane and seed, and the lanes
    that were dropped."""

    plan: RacePlan
    runs: Runs = field(init=False)
    dropped: list[int] = field(default_factory=list)
    last: Event | None = None
    is_live: bool = True  # whether a process may still train what is in training

    def __post_init__(self) -> None:
        self.runs = new_runs(self.plan)

    def take(self, event: Event) -> None:
        match event:
            case LaneEvent(lane=lane, seed=seed):
                self.runs[lane][seed] = self.runs[lane][seed].after(event.event, self.plan.goal)
            case LaneDropped() if event.lane not in self.dropped:
                self.dropped.append(event.lane)
            case RaceStarted():
                self.dropped = [*event.dropped]
            case RaceFinished() | RunFailed():
                self.last = event

    @property
    def status(self) -> int:
        """The exit status."""
        if isinstance(self.last, RunFailed):
            return exit_status(self.last.reason)
        return find_status(run for lane in self.runs for run in lane)


def race_headless(
    start: StartRace,
    finish: Callable[[RaceEnd], None],
    *,
    as_json: bool = False,
    quiet: bool = False,
    on_hangup: str = CONTINUE,
) -> int:
    """Run a race, and return the exit status. Signals stop and save it as they do a run.

    `finish` prints the result after the last line.
    """
    host, end = LocalHost(), RaceEnd(start.plan)
    host.send(start)
    with handle_signals(host, on_hangup) as received, around_stop(stopped_clock):
        events = _taken(run_events(host), end)
        status = render(events, _choose_renderer(end, finish, as_json, quiet), host)
    if isinstance(end.last, RunFailed) and end.last.reason != "stopped":
        return end.status
    return 128 + received[0] if received else status or end.status


def print_attached_race(
    host: Host, plan: RacePlan, finish: Callable[[RaceEnd], None], *, as_json: bool
) -> int:
    """Print the events of a race in another process, and return the exit status that it has."""
    end = RaceEnd(plan)
    _choose_renderer(end, finish, as_json)(_taken(run_events(host), end))
    return end.status


def _taken(events: Iterable[Event], end: RaceEnd) -> Iterator[Event]:
    """Yield the events, keep what they come to, and print notices and failures to stderr."""
    seen: set[tuple[int, str]] = set()
    for event in events:
        end.take(event)
        match event:
            case LaneEvent(lane=lane, event=Notice() | RunFailed() as inner, is_past=False):
                # A lane has the same notice with each seed.
                if (lane, inner.message) not in seen:
                    seen.add((lane, inner.message))
                    _complain(f"{end.plan.lanes[lane].name}: {inner.message}")
            case Notice() | RunFailed():
                _complain(event.message)
        yield event


def _complain(message: str) -> None:
    with suppress(OSError):  # the race must not end with stderr
        complain(message)


def _choose_renderer(
    end: RaceEnd, finish: Callable[[RaceEnd], None], as_json: bool, quiet: bool = False
) -> Renderer:
    if quiet:
        return discard
    if as_json:
        return partial(_print_json, end)
    has_bar = sys.stderr.isatty() and not is_dumb()
    return partial(_show_bar if has_bar else _print_lines, end, finish)


# JSON


def _print_json(end: RaceEnd, events: Iterable[Event]) -> None:
    for event in events:
        if line := race_json(event, end):
            print(line, flush=True)


def race_json(event: Event, end: RaceEnd) -> str | None:
    """Return the line of an event: `lane` is its lane, from 1, and `seed` the seed of its run;
    both are null for what is of the whole race. None for one that has no line."""
    lane = seed = None
    inner = event
    if isinstance(event, LaneEvent):
        if event.is_past:
            return None
        inner, lane = event.event, event.lane + 1
        seed = end.plan.lanes[event.lane].config.seed + event.seed
    elif isinstance(event, LaneDropped):
        lane = event.lane + 1
    if not inner.serializable or not inner.name:
        return None
    values = json.loads(to_json(inner))
    first = {name: values.pop(name) for name in ("event", "time")}
    if isinstance(event, RaceStarted):
        values["dropped"] = [each + 1 for each in event.dropped]
    if isinstance(event, RaceFinished):
        values["winner"] = None if event.winner is None else event.winner + 1
        values["standings"] = standings_rows(end)
    return json.dumps(
        first | {"lane": lane, "seed": seed} | {k: v for k, v in values.items() if k != "lane"}
    )


def standings_rows(end: RaceEnd) -> list[dict[str, object]]:
    """Return the standings as JSON has them, the first lane first; accuracies from 0 to 1."""
    rows = []
    for each in rank_lanes(end.plan, end.runs):
        lane = end.runs[each.lane]
        cost, accuracy = each.cost, each.accuracy
        rows.append(
            {
                "lane": each.lane + 1,
                "name": each.name,
                "place": each.place,
                "test_accuracy": accuracy and accuracy.mean,
                "test_accuracy_deviation": accuracy and accuracy.deviation,
                "behind": each.behind,
                "reached": each.reached,
                "samples_to_goal": cost.mean if cost and end.plan.by == "samples" else None,
                "seconds_to_goal": cost.mean if cost and end.plan.by == "time" else None,
                "dropped": each.lane in end.dropped,
                "outcomes": [run.outcome for run in lane],
                "runs": [run.name for run in lane],
            }
        )
    return rows


# Lines


def _print_lines(end: RaceEnd, finish: Callable[[RaceEnd], None], events: Iterable[Event]) -> None:
    """Print a line at the start, one an evaluation with the lane's name, and the result."""
    _write_lines(end, events, partial(print, flush=True))
    _finish(end, finish)


def _show_bar(end: RaceEnd, finish: Callable[[RaceEnd], None], events: Iterable[Event]) -> None:
    """Show how far each lane is on stderr, and the same lines above it."""
    from tui.headless.progress_bar import open_bar

    lanes: tuple[LaneNow, ...] = ()
    with open_bar(lanes, race_line) as (show, write):
        _write_lines(end, events, write, show)
    _finish(end, finish)


def _finish(end: RaceEnd, finish: Callable[[RaceEnd], None]) -> None:
    if isinstance(end.last, RaceFinished):
        finish(end)


def _write_lines(
    end: RaceEnd,
    events: Iterable[Event],
    write: Callable[[str], None],
    show: Callable[[tuple[LaneNow, ...]], None] | None = None,
) -> None:
    names = [printable(lane.name) for lane in end.plan.lanes]
    width = max(map(cell_width, names))
    states: dict[tuple[int, int], RunState] = {}
    now = [LaneRun()] * len(names)
    for event in events:
        match event:
            case RaceStarted():
                for line in describe_race(event, end.plan):
                    write(line)
            case LaneEvent(lane=lane, seed=seed):
                states.pop((lane, seed - 1), None)
                state = fold(states.get((lane, seed), RunState()), event.event)
                states[lane, seed], now[lane] = state, end.runs[lane][seed]
                if show:
                    show(tuple(zip(names, now, strict=True)))
                if isinstance(event.event, Evaluated) and not event.is_past:
                    name = fit_cells(names[lane], width)
                    write(_evaluation(end.plan, name, lane, seed, state, now[lane]))
            case LaneDropped():
                write(f"{names[event.lane]}: dropped")


def race_line(lanes: tuple[LaneNow, ...], width: int, plain: bool = False) -> str:
    """Return how far each lane is, with its test accuracy if they fit, in at most `width`
    characters."""
    parts, shorter = [], []
    for name, run in lanes:
        share = run.samples / run.total_samples if run.total_samples else 0.0
        ended = run.outcome if run.outcome in ("stopped", "diverged", "failed") else f"{share:.0%}"
        test = f" (test {format_percent(run.accuracy)})" if run.accuracy is not None else ""
        shorter.append(f"{name} {ended}")
        parts.append(f"{name} {ended}{test}")
    between = "  |  " if plain else "  │  "
    line = between.join(parts) or "starting"
    text = line if cell_width(line) <= width else "  ".join(shorter)
    return text[:width] if plain else truncate(text, width)


def describe_race(event: RaceStarted, plan: RacePlan) -> tuple[str, str]:
    """Return the lines at the start: the race, what differs in it, and what is the same."""
    to = f", to {format_share(plan.goal)} test accuracy" if plan.goal is not None else ""
    seeds = f", {plural(plan.seeds, 'seed')} each" if plan.seeds > 1 else ""
    how = f"{plural(len(plan.lanes), 'lane')} by {plan.by}{seeds}{to}"
    return f"{printable(event.race)}: {how}", printable(describe_difference(plan))


def _evaluation(
    plan: RacePlan, name: str, lane: int, seed: int, state: RunState, run: LaneRun
) -> str:
    number = plan.lanes[lane].config.seed + seed
    which = f"{name}  seed {number}" if plan.seeds > 1 else name
    is_first = run.reached is not None and run.scores[-1:] == (run.reached,)
    goal = f"; reached {format_share(plan.goal)}" if is_first and plan.goal is not None else ""
    return f"{which}  {describe_epoch(state)}{goal}"
