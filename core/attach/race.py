"""Attach to a race that another process on this machine runs, or read one that has ended.

Each run of a race has a socket of its own, as any run has. What is known of the race beyond its
runs is in its race.json.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import sleep

from core.attach.client import RemoteHost
from core.commands import Command, DropLane, Pause, Resume, Save, Stop, StopRace, ToLane
from core.errors import CheckpointError, UserError, explain, quoted
from core.events import (
    Event,
    LaneDropped,
    LaneEvent,
    Notice,
    RaceFinished,
    RunFailed,
    RunFinished,
)
from core.race.lane_run import has_runs_left, new_runs
from core.race.record import RACE_FILE, is_race_live, race_started, read_race
from core.race.result import judge
from core.runs.description import is_live, read_description
from core.runs.event_reader import read_events

LOOK_SECONDS = 0.3  # between two looks into race.json for runs that have begun


class RaceViewer:
    """A host for a race in another process. Closing it leaves the race alone.

    A race that no process runs is read from its records, to its last event.
    """

    def __init__(self, folder: Path) -> None:
        """Raises CheckpointError and UsageError where its race.json cannot be used."""
        self.record = read_race(folder)
        self.folder = Path(os.path.realpath(folder))
        self.is_live = is_race_live(self.record)
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._lock = Lock()
        self._remotes: dict[tuple[int, int], RemoteHost] = {}
        self._threads: dict[tuple[int, int], Thread | None] = {}  # None: read from its record
        self._waiting: list[Command] = []  # for the first run that can be reached
        self._runs = new_runs(self.record.plan)
        self._stamp = (0, 0)  # of the race.json that was read last
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that runs the race, None where it is not known."""
        with self._lock:
            return next((each.pid for each in self._remotes.values()), None)

    def send(self, command: Command) -> None:
        with self._lock:
            remotes = {lane: remote for (lane, _), remote in self._remotes.items()}
            if isinstance(command, Stop):
                command = StopRace()
            if isinstance(command, StopRace | DropLane) and not remotes:
                self._waiting.append(command)  # between two rounds
        match command:
            case ToLane(lane=lane) if lane in remotes:
                remotes[lane].send(command.command)
            # Any of the runs passes the last two on to the race; one of them may just have ended.
            case Pause() | Resume() | Save() | StopRace() | DropLane():
                for remote in remotes.values():
                    remote.send(command)

    def close(self) -> None:
        self._closed = True
        with self._lock:
            for remote in self._remotes.values():
                remote.close()

    def events(self) -> Iterator[Event]:
        """Yield the events of the race: those recorded so far, then those to come.

        The last is RaceFinished; RunFailed where its process has died.
        """
        yield race_started(self.record)
        is_live = True
        while is_live and not self._closed:
            is_live = is_race_live(self.record)  # before reading: what comes then is in the files
            yield from self._look()
            yield from self._take(LOOK_SECONDS if is_live else 0.0)
        threads = [*filter(None, self._threads.values())]
        while any(thread.is_alive() for thread in threads) and not self._closed:
            yield from self._take(LOOK_SECONDS)
        if not self._closed:
            yield from self._take(0.0)
            yield self._end()

    def _look(self) -> Iterator[Event]:
        """Follow the runs that have begun since the last look."""
        before = self.record.dropped
        with suppress(UserError, OSError):  # moved: the runs are still followed
            status = os.stat(self.folder / RACE_FILE)  # which is replaced where it changes
            if (stamp := (status.st_ino, status.st_mtime_ns)) != self._stamp:
                self.record, self._stamp = read_race(self.folder), stamp
        for lane in self.record.dropped:
            if lane not in before:
                yield LaneDropped(lane=lane)
        for seed, names in enumerate(zip(*self.record.runs, strict=True)):
            for lane, name in enumerate(names):
                if not name or (lane, seed) in self._threads or self._closed:
                    continue
                self._threads[lane, seed] = thread = self._find_thread(lane, seed, name)
                if thread:
                    thread.start()
                else:  # those that have ended one after another, however many they are
                    self._follow(lane, seed, name)
                    yield from self._take(0.0)

    def _find_thread(self, lane: int, seed: int, name: str) -> Thread | None:
        """Return the thread that follows a run, None for one that has ended."""
        folder = self.folder.parent / name
        if is_live(folder, read_description(folder)) or self._will_continue(lane, folder):
            return Thread(target=self._follow, args=(lane, seed, name), daemon=True)
        return None

    def _take(self, seconds: float) -> Iterator[Event]:
        """Yield the events that have come, after waiting so long for the first."""
        with suppress(Empty):
            event = self._events.get(timeout=seconds) if seconds else self._events.get_nowait()
            while True:
                if isinstance(event, LaneEvent):
                    runs = self._runs[event.lane]
                    goal = self.record.plan.goal
                    runs[event.seed] = runs[event.seed].after(event.event, goal)
                yield event
                event = self._events.get_nowait()

    def _end(self) -> Event:
        record, runs = self.record, self._runs
        interrupted = any(
            run.outcome == "training" or (run.outcome == "failed" and run.reason == "interrupted")
            for lane in runs
            for run in lane
        )
        if interrupted:
            what = f"the process that ran {record.name} has died"
            how = f"resume it with `mnist-tui resume {quoted(record.folder)}`"
            return RunFailed(reason="interrupted", message=f"{what}; {how}")
        stopped = has_runs_left(runs, record.dropped)
        verdict = judge(record.plan, runs)
        return RaceFinished(
            race=record.name, stopped=stopped, winner=verdict.winner, verdict=verdict.text
        )

    # In a thread for each run

    def _follow(self, lane: int, seed: int, name: str) -> None:
        folder = self.folder.parent / name
        try:
            for event in self._run_events(lane, seed, folder):
                self._events.put(LaneEvent(lane=lane, seed=seed, event=event))
        except OSError as error:
            what = f"the run {name} of {self.record.name} cannot be read ({explain(error)})"
            self._events.put(Notice(message=what))
        finally:
            with self._lock:
                self._remotes.pop((lane, seed), None)

    def _run_events(self, lane: int, seed: int, folder: Path) -> Iterator[Event]:
        while not self._closed:
            with suppress(CheckpointError):  # it is not in progress
                remote = RemoteHost(folder)
                with self._lock:
                    self._remotes[lane, seed] = remote
                    waiting, self._waiting = self._waiting, []
                for command in waiting:
                    remote.send(command)
                if self._closed:
                    remote.close()
                yield from remote.events()
                return
            if not self._will_continue(lane, folder):
                break
            sleep(LOOK_SECONDS)
        yield from filter(None, read_events(folder))

    def _will_continue(self, lane: int, folder: Path) -> bool:
        """Return whether a run that is not in progress will be: a race that is continued opens its
        runs one after another."""
        if lane in self.record.dropped or not is_race_live(self.record):
            return False
        match deque(filter(None, read_events(folder)), maxlen=1):
            case [RunFailed()] | [RunFinished(stopped=False)]:
                return False
        return True
