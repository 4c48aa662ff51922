"""The app's race: which of its lanes is shown, commands to it, and what follows from its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands import (
    Command,
    DropLane,
    Pause,
    RacePlan,
    Resume,
    Save,
    StartRace,
    Stop,
    StopRace,
    ToLane,
)
from core.config import TrainConfig
from core.errors import quoted
from core.events import (
    Detached,
    Event,
    LaneEvent,
    LearningRateChanged,
    RaceFinished,
    RaceStarted,
    RunFailed,
    RunStarted,
)
from core.race.lane_run import find_status, has_runs_left
from tui.actions import is_available
from tui.app.next_settings import use_config, use_config_of
from tui.app.run_controller import describe_busy
from tui.state.race.fold_race import begin_race
from tui.state.race.race_state import RaceState
from tui.state.race.shown import LaneSelected
from tui.state.run_state import RunState
from tui.text.formats import printable

if TYPE_CHECKING:
    from tui.app.app import MnistApp
    from tui.app.run_controller import OtherHost

# Commands that mean all lanes; others are for the selected one.
FOR_ALL = (Pause, Resume, Save, Stop, StopRace, DropLane, ToLane)
CONTINUE_RACE = "race_rest"  # the opening that continues a race


class RaceController:
    """Starts, shows and controls a race. Its lanes' runs are runs as others: that of the selected
    lane is the app's run."""

    def __init__(self, app: MnistApp, race: StartRace | None, host: OtherHost | None) -> None:
        """`race` starts with the app. `host` is what the app shows first."""
        self._app, self._first, self._host = app, race, host
        self._plan: RacePlan | None = None
        self._is_on = False
        self._was_paused = False  # when it was detached
        self._following: TrainConfig | None = None  # the settings of the next run

    def begin(self) -> None:
        """Start the race that was given, or show the one of the host."""
        from core.attach.race import RaceViewer

        if self._first:
            self._app.call_after_refresh(self.start, self._first)
        elif isinstance(self._host, RaceViewer):
            self._app.action_view("race")

    # What is shown

    @property
    def following(self) -> TrainConfig:
        """The settings of the next run, when a race in progress has ended."""
        return self._following or self._app.config

    @property
    def lane(self) -> int:
        """The selected lane, from 0."""
        return self._app.runs.queue.lane

    @property
    def can_select(self) -> bool:
        """Whether the lanes' runs can be shown: not while a run of no race is in progress."""
        return self._app.race_state.is_active or not self._app.runs.is_active

    def select(self, lane: int) -> None:
        """Show the run of another lane in every view."""
        if self.can_select and (lane != self.lane or not self._app.lane_name):
            self._app.explanations.cancel()  # the question to the lane before
            self._app.runs.emit(LaneSelected(lane=lane))

    @property
    def acting_state(self) -> RunState:
        """The run's state, in the phase of the race where there is one: keys are about all lanes
        then."""
        app = self._app
        if not app.race_state.is_active:
            return app.run_state
        is_attached = app.runs.is_elsewhere or app.run_state.is_attached
        return replace(app.run_state, phase=app.race_state.phase, is_attached=is_attached)

    def is_available(self, action: str, parameters: Sequence[object]) -> bool:
        """Return whether an action of the app is available now."""
        app, view = self._app, self._app.current_mode
        if parameters == (CONTINUE_RACE,):
            return view == "race" and can_continue(app.race_state)
        states = [self.acting_state]
        if action != "run":  # else a lane's end would change what space does
            states.append(app.run_state)
        return all(is_available(action, parameters, state, view) for state in states)

    # Commands

    def address(self, command: Command) -> Command:
        """Return a command as it is sent: one about a run goes to the run of the selected lane."""
        is_for_run = command.name and not isinstance(command, FOR_ALL)
        if is_for_run and self._app.race_state.is_active:
            return ToLane(self.lane, command)
        return command

    def start(self, command: StartRace) -> None:
        """Start a race, and show it; a message says where a run or another race is in progress."""
        app = self._app
        if app.runs.is_active or app.runs.is_elsewhere:
            app.notify(describe_busy(app, "start a race"))
            return
        self._plan, self._following = command.plan, app.requests.next_config()
        app.runs.queue.lane = 0
        app.race_state = begin_race(command.plan)
        app.run_state = app.race_state.now[0]
        app.requests.forget()
        app.refresh_bindings()
        app.send(command)
        app.action_view("race")

    def drop(self, lane: int) -> None:
        """End a lane, after a question."""
        from tui.screens.dialogs import ConfirmDrop

        def answer(is_sure: bool | None) -> None:
            if is_sure:
                self._app.send(DropLane(lane))

        state = self._app.race_state
        if state.is_active and 0 <= lane < len(state.lanes) and not state.lanes[lane].is_dropped:
            self._app.push_screen(ConfirmDrop(state.lanes[lane].name), answer)

    def show(self, folder: Path) -> None:
        """Show the race in a folder: in progress in another process, or from its record."""
        from core.attach.race import RaceViewer

        app = self._app
        shown = app.race_state.started
        if not shown or Path(shown.folder).resolve() != folder.resolve():
            if app.runs.is_active_here:
                app.notify(describe_busy(app, "open a race"))
                return
            app.runs.connect(lambda: RaceViewer(folder))
        app.action_view("race")

    def resume_whole(self) -> None:
        """Continue the race that is shown, all of its runs where they were."""
        from core.attach.race import RaceViewer
        from core.race.record import is_race_live, read_race

        app, started = self._app, self._app.race_state.started
        if started is None or not can_continue(app.race_state):
            return
        folder = Path(started.folder)

        def read() -> None:
            record = read_race(folder)
            if is_race_live(record):  # another process has continued it meanwhile
                app.call_later(app.runs.connect, partial(RaceViewer, folder))
            else:
                app.call_later(self.start, StartRace(record.plan, folder))

        app.runs.attempt(read)

    # Events

    def handle(self, event: Event) -> None:
        """Do what follows from an event that was folded."""
        app = self._app
        match event:
            case RaceStarted():
                self._is_on = True
                if app.runs.is_elsewhere:
                    app.runs.detaching.finish()
                use_config_of(app, app.run_state)
            case LaneSelected() | LaneEvent(event=RunStarted() | LearningRateChanged()):
                use_config_of(app, app.run_state)
            case LaneEvent(event=Detached(paused=paused)):
                self._was_paused = paused
            case RaceFinished(detached=True) if self._plan and app.race_state.started:
                folder = Path(app.race_state.started.folder)
                rest = StartRace(self._plan, folder, self._was_paused)
                app.runs.detaching.pass_on(rest, partial(self.start, rest))
            case RaceFinished():
                self._end()
                runs = [run for lane in app.race_state.lanes for run in lane.runs]
                app.lifetime.status = find_status(runs)
                app.runs.finish(quits=True)
            case RunFailed() if self._is_on:
                self._end()
        self._name_lane()

    def _end(self) -> None:
        self._is_on = False
        following, self._following = self._following, None
        if following:
            use_config(self._app, following)

    def _name_lane(self) -> None:
        app, race = self._app, self._app.race_state
        is_shown = race.is_active or is_run_of(app.run_state, race)
        app.lane_name = printable(race.lanes[self.lane].name) if is_shown and race.lanes else ""

    def farewell(self, race: RaceState, run: RunState) -> str | None:
        """Return the line that is printed when the app has closed; None if it is about a run."""
        if race.started is None or not (race.is_active or is_run_of(run, race)):
            return None
        name, folder = printable(race.started.race), quoted(race.started.folder)
        if self._app.runs.is_elsewhere and race.is_active:
            pid = self._app.runs.pid
            where = f" in process {pid}" if pid else ""
            return f"{name} continues{where}; `mnist-tui attach {folder}` attaches to it again"
        how = race.verdict.verdict if race.verdict else race.message
        said = f"{name}: {printable(how.rstrip('.'))}; " if how else f"{name}: "
        return f"{said}`mnist-tui race --show {folder}` opens it again"


def is_run_of(run: RunState, race: RaceState) -> bool:
    """Return whether a run is one of a race's."""
    folders = {each.started.folder for lane in race.lanes for each in lane.states if each.started}
    return run.started is not None and run.started.folder in folders


def can_continue(race: RaceState) -> bool:
    """Return whether a race has ended before all of its lanes' runs have."""
    dropped = [number for number, lane in enumerate(race.lanes) if lane.is_dropped]
    is_over = race.started is not None and not race.is_active
    return is_over and has_runs_left([lane.runs for lane in race.lanes], dropped, failed=True)
