"""The mission in progress: its prediction, its runs and its settings in the form.

Nothing of a run is changed: a mission's runs are ordinary ones, which this only watches.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from core.errors import UserError, printable
from tui.app.next_settings import use_config
from tui.app.race.controller import is_run_of
from tui.app.views import find_form
from tui.screens.base import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.config import TrainConfig
    from tui.app.app import MnistApp
    from tui.missions.attempt import MissionAttempt
    from tui.missions.mission import Mission
    from tui.missions.progress import MissionProgress
    from tui.missions.watcher import MissionStatus
    from tui.state.run_state import RunState

TICK_SECONDS = 5.0  # between two looks at whether anything happens


class MissionGuide:
    """Keeps the app's `mission` up to date while a mission is in progress."""

    def __init__(self, app: MnistApp, first: Mission | None) -> None:
        """`first` is a mission to open when the app has started."""
        self._app, self._first = app, first
        self.folder = None if first is None or first.is_own else first.path.parent
        self.missions: tuple[Mission, ...] = ()
        self.faults: tuple[str, ...] = ()
        self.progress: Mapping[str, MissionProgress] = {}
        # Of this attempt, by the absolute path of their folders, the oldest first.
        self._states: dict[str, RunState] = {}
        self._other = ""  # the folder of the run that was there before
        self._failed: RunState | None = None  # the state before, if no run could be started
        self._before: TrainConfig | None = None  # the settings before the mission
        self._seen: tuple[object, ...] = ()
        self._changed_at = 0.0

    def begin(self) -> None:
        """Open the mission that the command line names."""
        app = self._app
        app.watch(app, "run_state", self._run_changed, init=False)
        app.watch(app, "config", self._config_changed, init=False)
        app.set_interval(TICK_SECONDS, self._tick)
        if self._first is not None:
            self._open(self._first)

    def load(self) -> None:
        """Read the missions' files, and how far the person is with each."""
        from tui.missions.loader import list_missions
        from tui.missions.progress import read_progress

        try:
            self.missions, self.faults = list_missions(self.folder)
        except UserError as error:
            self.missions, self.faults = (), (str(error),)
        self.progress, problem = read_progress()
        folder = printable(f"{self.folder}/")
        faults = [each.removeprefix(folder) for each in self.faults]
        self.faults = (*faults, *filter(None, [problem]))

    # Of a person

    def start(self, mission: Mission, choice: int) -> None:
        """Begin a mission after its prediction."""
        from tui.missions.progress import begin, note_prediction

        self._warn(begin(mission) or note_prediction(mission, choice))
        self._enter(mission, choice, ())

    def resume(self, mission: Mission) -> None:
        """Continue a mission that was left in the middle, with the runs that it has."""
        from tui.missions.progress import MissionProgress, read_runs

        progress = self.progress.get(mission.key, MissionProgress())
        self._enter(mission, progress.choice, read_runs(progress))

    def leave(self) -> None:
        """Leave the mission. Its runs and the prediction are kept, and the settings that were in
        the form before come back."""
        self._app.mission = None
        self._states = {}
        lock_form(self._app, None)
        self._restore()

    def open_next(self) -> None:
        """Open the next mission, or the list after the last one."""
        attempt = self._app.mission
        if attempt is None:
            return
        self.leave()
        self._open(attempt.following)

    def hint(self) -> None:
        """Show the first hint, then the second one too, then none."""
        if attempt := self._app.mission:
            hints = (attempt.hints + 1) % (len(attempt.mission.hints) + 1)
            self._app.mission = replace(attempt, hints=0 if attempt.is_done else hints)

    def expand(self) -> None:
        if attempt := self._app.mission:
            self._app.mission = replace(attempt, is_expanded=not attempt.is_expanded)

    # Of the runs

    def _open(self, mission: Mission | None) -> None:
        """Show a mission, or the list."""
        from tui.screens.missions.view import MissionsView

        self.load()
        if mission and mission.key in self.progress and self.progress[mission.key].can_continue:
            self.resume(mission)
            return
        self._app.action_view("missions")
        if isinstance(view := self._app.screen, MissionsView):
            view.ask(mission)

    def _enter(self, mission: Mission, choice: int | None, runs: tuple[RunState, ...]) -> None:
        from tui.missions.attempt import MissionAttempt
        from tui.missions.watcher import MissionStatus

        app = self._app
        self._before = self._before or app.race.following
        self._states = {folder: state for state in runs if (folder := _folder_of(state))}
        here = _folder_of(app.run_state)
        self._other = "" if here in self._states else here
        self._failed = app.run_state
        self._changed_at = monotonic()
        after = [each for each in self.missions if each.number > mission.number]
        following, status = after[0] if after else None, MissionStatus("waiting")
        app.mission = MissionAttempt(mission, choice, status, following=following)
        self._update()
        app.action_view("train")
        if form := find_form(app):
            form.screen.set_focus(None)

    def _run_changed(self, state: RunState) -> None:
        if self._app.mission is None:
            self._restore()
            return
        marks, seen = len(state.marks), _folder_of(state)
        seen_now = (state.phase, seen, len(state.scores), marks, state.epoch)
        if seen_now != self._seen:
            self._seen, self._changed_at = seen_now, monotonic()
            self._attempt_update()

    def _config_changed(self, config: TrainConfig) -> None:
        """Lock the mission's own settings again, after those of another run or race."""
        attempt = self._app.mission
        if attempt and not attempt.fits(config) and not self._app.runs.is_active:
            self._attempt_update()

    def _tick(self) -> None:
        if (attempt := self._app.mission) and attempt.status.phase in ("waiting", "running"):
            self._attempt_update()

    def _attempt_update(self) -> None:
        """Update the mission; a failure is shown in the view, and training continues."""
        view = self._app.screen_stack[0]
        if isinstance(view, View):
            view.attempt("mission", self._update)

    def _update(self) -> None:
        """Compare what the runs did with the mission."""
        from tui.missions.progress import note_done
        from tui.missions.watcher import watch

        attempt, state = self._app.mission, self._app.run_state
        if attempt is None or attempt.is_done:
            return
        folder = _folder_of(state)
        # A race compares for itself, and only one of its runs is known here at a time.
        is_other = bool(folder) and (
            folder == self._other or is_run_of(state, self._app.race_state)
        )
        if folder and not is_other:
            self._keep(attempt.mission, folder, state)
        states = list(self._states.values())
        # One that is being started, or that could not be.
        if not folder and state is not self._failed:
            states.append(state)
        status = watch(attempt.mission, states, monotonic() - self._changed_at)
        if status.phase == "done":
            self._warn(note_done(attempt.mission))
        changed = replace(
            attempt,
            status=status,
            is_training=state.is_active,
            is_other_run=is_other and state.is_active,
        )
        if status.phase == "done":
            changed = replace(changed, is_expanded=True, hints=0)
        self._app.mission = self._with_settings(changed, state)

    def _keep(self, mission: Mission, folder: str, state: RunState) -> None:
        """Keep the state of a run of the mission. A new one is noted, and shown on the chart with
        the other runs of the mission alone."""
        from tui.missions.progress import note_run
        from tui.state.history import MAX_OVERLAID, without_digits

        if folder not in self._states:
            self._warn(note_run(mission, folder))
            # Also those of before the mission was continued.
            own = [each for each in self._states.values() if each.curves.losses.points]
            self._app.overlaid_runs = tuple(map(without_digits, own[-MAX_OVERLAID:]))
        self._states.pop(folder, None)  # the newest stands last, also where it is resumed
        self._states[folder] = state

    def _with_settings(self, attempt: MissionAttempt, state: RunState) -> MissionAttempt:
        """Return the attempt with the next run, whose settings are in the form now."""
        if not state.is_active and self._before and not attempt.is_done:
            wanted = attempt.status.run or self._oldest(attempt.mission, attempt.status)
            is_next = wanted != attempt.run
            attempt = replace(attempt, run=wanted)
            if is_next or not attempt.fits(self._app.config):
                try:
                    use_config(self._app, attempt.task.start_config(self._before))
                except UserError as error:  # what else the form has does not go with it
                    self._warn(str(error) if is_next else None)
        lock_form(self._app, attempt.open_settings)
        return attempt

    def _oldest(self, mission: Mission, status: MissionStatus) -> str:
        """Return the run of the mission that was trained first, to be trained again."""
        folders = list(self._states)
        return min(
            (each.name for each in mission.runs),
            key=lambda name: (
                folders.index(_folder_of(status.runs[name])) if name in status.runs else -1
            ),
        )

    def _restore(self) -> None:
        """Show the settings before the mission in the form, once no run has its own there."""
        if self._before and not self._app.run_state.is_active:
            before, self._before = self._before, None
            use_config(self._app, before)

    def _warn(self, problem: str | None) -> None:
        if problem:
            self._app.notify(problem, severity="warning", markup=False)


def lock_form(app: MnistApp, opened: frozenset[str] | None) -> None:
    """Lock all settings in the form but those `opened`, which are marked; None unlocks all."""
    if form := find_form(app):
        form.opened = opened


def _folder_of(state: RunState) -> str:
    """Return the absolute path of a run's folder; "" where the run has not started."""
    return str(Path(state.started.folder).absolute()) if state.started else ""
