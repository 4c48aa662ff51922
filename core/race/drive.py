"""Run a race: its lanes train in turn on this thread, each as it would alone.

A lane is the generator of a run's events. Between two TurnOver events of one lane the others train;
what a run could see of them (random numbers, the number of threads, exactness) is restored by its
own loop. So each lane's weights equal those of the same run alone, bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.commands import (
    Command,
    Detach,
    DropLane,
    ForwardedCommand,
    Inbox,
    Pause,
    RacePlan,
    Resume,
    Save,
    Stop,
    StopRace,
    ToLane,
)
from core.errors import UserError, explain
from core.events import (
    Detached,
    Event,
    LaneDropped,
    LaneEvent,
    Notice,
    Paused,
    RaceFinished,
    Resumed,
    RunFailed,
    RunStarted,
)
from core.race.lane import Lane, LaneInbox, Nudge, OpenRun
from core.race.lane_run import has_runs_left, new_runs
from core.race.record import RaceRecord, create_race, lock_race, race_started, read_race, write_race
from core.race.result import judge
from core.race.resume import read_earlier
from core.training.turns import SharedImages, Turn, TurnOver

# How long the turn of the slowest lane should be: long enough that a change of lanes costs nothing,
# short enough for all curves to move.
TURN_SECONDS = 0.1
FIRST_SAMPLES = 256  # of a turn, before it is known how long they take
WAIT_SECONDS = 0.05  # between two looks for commands, while all lanes are paused


class Race:
    """A race in progress, on the thread that iterates over `events`."""

    def __init__(
        self,
        plan: RacePlan,
        inbox: Inbox,
        open_run: OpenRun,
        folder: Path | None = None,
        paused: bool = False,
    ) -> None:
        """`folder` is that of an earlier race, to continue it; `paused`: before the first steps."""
        self.plan, self.inbox, self.open_run, self.folder = plan, inbox, open_run, folder
        self.lanes: list[Lane] = []  # of this round
        self.current: Lane | None = None
        self.is_paused, self.is_stopping, self.is_detached = paused, False, False
        self.images = SharedImages()
        self.others: list[Command] = []  # commands that are not for the race
        self.dropped: list[int] = []  # lanes, to be reported

    def events(self) -> Iterator[Event]:
        """Yield the events of the race to its end: RaceFinished, or RunFailed if it cannot begin.

        Those of its runs are in LaneEvents. Raises nothing that a user can cause.
        """
        try:
            if self.folder is None:
                self.record = create_race(self.plan, self.plan.lanes[0].config.folder)
            else:
                self.record = read_race(self.folder)
                self.plan = self.record.plan
            self.runs = new_runs(self.plan)
            with lock_race(self.record.folder):
                yield from self._run()
        except UserError as error:
            yield RunFailed(reason=error.reason, message=str(error))

    def _run(self) -> Iterator[Event]:
        yield race_started(self.record)
        for seed in range(self.plan.seeds):
            if not self.is_stopping:
                yield from self._round(seed)
        verdict = judge(self.plan, self.runs)
        yield RaceFinished(
            race=self.record.name,
            stopped=has_runs_left(self.runs, self.record.dropped),
            winner=verdict.winner,
            verdict=verdict.text,
            detached=self.is_detached,
        )

    # One round: each lane with one seed

    def _round(self, seed: int) -> Iterator[Event]:
        self.lanes = []
        for number in range(len(self.plan.lanes)):
            yield from self._enter(number, seed)
        for lane in self.lanes:  # to before their first steps, so that all begin at one time
            yield from self._train(lane)
        if self.is_paused:  # what prepares a run does not handle Pause
            self._broadcast(Pause())
        while live := self._live():
            yield from self._forward_others()
            woken = [each for each in live if each.is_waiting and not each.inbox.empty()]
            ready = [each for each in live if not each.is_waiting]
            if woken or ready:
                lane = woken[0] if woken else self._next(ready)
            else:
                time.sleep(WAIT_SECONDS)
                continue
            yield from self._train(lane)
        yield from self._forward_others()
        self.lanes, self.current = [], None

    def _enter(self, number: int, seed: int) -> Iterator[Event]:
        """Add a lane's run to the round: a new one, or the rest of one of an earlier race."""
        config = self.plan.lanes[number].config
        config = replace(config, seed=config.seed + seed)
        point = None
        if folder := self.record.run_folder(number, seed):
            earlier = read_earlier(folder)
            for event in earlier.events:
                yield self._seen(number, seed, event, is_past=True)
            if earlier.has_ended or number in self.record.dropped:
                return
            if earlier.problem:
                yield self._seen(number, seed, earlier.problem)
                return
            config, point = earlier.config or config, earlier.point
        if number in self.record.dropped:
            return
        lane = Lane(number, seed, config, LaneInbox(self._pass_on), self._new_turn())
        lane.events = self.open_run(config, lane.inbox, point, lane.turn)
        self.lanes.append(lane)

    def _new_turn(self) -> Turn:
        return Turn(self.images, self.record.name)

    def _live(self) -> list[Lane]:
        return [each for each in self.lanes if each.events is not None]

    def _next(self, ready: list[Lane]) -> Lane:
        """Return the lane that is behind, and set how far it trains before the next one does."""
        by_time = self.plan.by == "time"

        def position(lane: Lane) -> float:
            return lane.seconds if by_time else lane.samples

        first = min(ready, key=position)
        until = position(first) + (TURN_SECONDS if by_time else self._turn_samples(ready))
        first.turn.until_seconds = until if by_time else math.inf
        first.turn.until_samples = math.inf if by_time else until
        return first

    def _turn_samples(self, ready: list[Lane]) -> int:
        """Return how many samples a turn has: as many as the slowest lane trains in its time."""
        speeds = [each.turn_samples / each.turn_seconds for each in ready if each.turn_seconds]
        return max(FIRST_SAMPLES, int(min(speeds, default=0.0) * TURN_SECONDS))

    def _train(self, lane: Lane) -> Iterator[Event]:
        """Yield a lane's events to the end of its turn, or of its run."""
        assert lane.events is not None
        self.current = lane
        for event in lane.events:
            match event:
                case TurnOver():
                    if seconds := event.seconds - lane.seconds:
                        lane.turn_seconds, lane.turn_samples = seconds, event.samples - lane.samples
                    lane.samples, lane.seconds = event.samples, event.seconds
                    lane.is_waiting = event.is_waiting
                    return
                case ForwardedCommand(command=Nudge()):
                    yield from self._forward_others()
                case ForwardedCommand(command=StopRace() | DropLane() as command):
                    self._handle(command)  # of a viewer of this lane
                    yield from self._forward_others()
                case ForwardedCommand(command=Detach()):  # by a run that has not begun
                    self.is_detached = True
                    lane.inbox.put(Stop())
                case ForwardedCommand():
                    yield event
                case _:
                    yield from self._happened(lane, event)
        lane.events = None

    def _happened(self, lane: Lane, event: Event) -> Iterator[Event]:
        match event:
            case RunStarted():
                yield from self._write(self.record.with_run(lane.number, lane.seed, event.run))
            case Detached():
                self.is_detached = self.is_stopping = True
            case Paused() | Resumed():
                lane.is_waiting = isinstance(event, Paused)
                # Viewers pause and resume the runs one by one; the next round follows them.
                self.is_paused = all(each.is_waiting for each in self._live())
        yield self._seen(lane.number, lane.seed, event)

    def _seen(self, number: int, seed: int, event: Event, *, is_past: bool = False) -> LaneEvent:
        runs = self.runs[number]
        runs[seed] = runs[seed].after(event, self.plan.goal)
        return LaneEvent(lane=number, seed=seed, event=event, is_past=is_past)

    def _write(self, record: RaceRecord) -> Iterator[Event]:
        self.record = record
        try:
            write_race(record)
        except OSError as error:
            what = f"race.json of {record.name} cannot be written ({explain(error)})"
            yield Notice(message=f"{what}; the race continues, and cannot be resumed whole")

    # Commands

    def _pass_on(self) -> None:
        """Pass on the commands that have come for the race; while a lane trains, too."""
        while not self.inbox.empty():
            self._handle(self.inbox.get())

    def _handle(self, command: Command) -> None:
        match command:
            case ToLane(lane=number):
                for lane in self._live():
                    if lane.number == number:
                        lane.inbox.put(command.command)
            case DropLane(lane=number):
                if 0 <= number < len(self.plan.lanes) and number not in self.record.dropped:
                    dropped = (*self.record.dropped, number)
                    self.record = replace(self.record, dropped=dropped)
                    self.dropped.append(number)
                    self._handle(ToLane(number, Stop()))
                    self._nudge()
            case Stop() | StopRace():
                self.is_stopping = True
                self._broadcast(Stop())
            case Detach():
                self.is_stopping = True
                self._broadcast(command)
            case Pause() | Resume() | Save():
                self.is_paused = isinstance(command, Pause) or (
                    self.is_paused and isinstance(command, Save)
                )
                self._broadcast(command)
            case _:
                self.others.append(command)
                self._nudge()

    def _broadcast(self, command: Command) -> None:
        for lane in self._live():
            lane.inbox.put(command)

    def _nudge(self) -> None:
        if self.current and self.current.events is not None:
            self.current.inbox.put(Nudge())

    def _forward_others(self) -> Iterator[Event]:
        """Yield the commands that are not for the race, and what was done with those that are."""
        while self.dropped:
            yield LaneDropped(lane=self.dropped.pop(0))
            yield from self._write(self.record)
        while self.others:
            yield ForwardedCommand(command=self.others.pop(0))
