"""The app's runs: where they are trained, the commands to them, and their events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands import Command, ListDevices, Start, Stop, ToLane
from core.engine.local_host import LocalHost, Train
from core.errors import UserError, explain, quoted
from core.events import (
    Detached,
    Event,
    LearningRateChanged,
    Notice,
    RunFailed,
    RunFinished,
    RunStarted,
)
from tui.app.detaching import Detaching
from tui.app.event_queue import EventQueue
from tui.app.next_settings import use_config, use_config_of
from tui.app.records import recall
from tui.app.views import find_form
from tui.state.fold import begin_run
from tui.state.run_state import RecordRead, RunState
from tui.state.summaries import describe_outcome

if TYPE_CHECKING:
    from core.attach.client import RemoteHost
    from core.attach.detached import DetachedHost
    from core.attach.race import RaceViewer
    from tui.app.app import MnistApp

    OtherHost = RemoteHost | DetachedHost | RaceViewer


def describe_busy(app: MnistApp, purpose: str = "start another run") -> str:
    """Return the message where a run or a race is in progress, and something else cannot begin."""
    what = "race" if app.race_state.is_active else "run"
    return f"A {what} is in progress: stop it (s) or detach it (d) before you {purpose}."


class RunController:
    """Passes commands to the host that trains, and folds events into the app's state.

    The engine trains in this process, unless another host does. It handles all requests that are
    not about the run, at any time.
    """

    def __init__(self, app: MnistApp, train: Train | None, host: OtherHost | None) -> None:
        """`train` replaces the trainer. `host` is a run in another process, to show first."""
        self._app = app
        self.engine = LocalHost(train)
        self.queue = EventQueue(app)
        self.detaching = Detaching(app)
        self._host: OtherHost | None = host  # None: the engine trains
        self._next: Callable[[], None] | None = None  # starts another, when the run has stopped

    def begin(self) -> None:
        """Make the engine load torch, or show the run in another process."""
        if self._host:
            self.show(self._host)
        else:
            self.send(ListDevices())

    @property
    def is_elsewhere(self) -> bool:
        """Whether another process trains, also before its first event has come."""
        return self._host is not None

    @property
    def is_active(self) -> bool:
        """Whether there is a run or a race that can be stopped."""
        return self._app.run_state.is_active or self._app.race_state.is_active

    @property
    def is_active_here(self) -> bool:
        return self.is_active and not self.is_elsewhere and not self._app.run_state.is_attached

    def close(self) -> None:
        """Leave the hosts in other processes; runs there continue."""
        if self._host:
            self._host.close()
        self.detaching.close()

    def send(self, *commands: Command) -> None:
        """Send commands: those about the run to the run, in a race to that of the selected lane."""
        for each in commands:
            command = self._app.race.address(each)
            host = self._host if each.name or isinstance(each, ToLane) else None
            (host or self.engine).send(command)

    def emit(self, event: Event) -> None:
        """Queue an event for the screen; for any thread."""
        self.queue.emit(event)

    def handle(self, event: Event) -> None:
        """Do what follows from an event that was folded."""
        match event:
            case RecordRead(state=state):
                self._overlay(RunState(), Path(state.started.folder) if state.started else None)
                use_config_of(self._app, state)
                if not self._app.run_state.is_active:
                    self.use_engine()
                self.detaching.finish()
            case RunStarted() | LearningRateChanged():
                use_config_of(self._app, self._app.run_state)
            case Detached():
                self.detaching.hand_over(event)
            case RunFinished() | RunFailed():
                self.finish(quits=isinstance(event, RunFinished))
                following, self._next = self._next, None
                if following:
                    following()

    def finish(self, *, quits: bool) -> None:
        """A run or a race has ended. `quits`: quit the app, if it was to be detached and quit."""
        self.use_engine()
        self.detaching.cancel()
        if quits:
            self.detaching.quit_if_asked()
        self.detaching.stay()

    @property
    def farewell(self) -> str:
        """The line that is printed when the app has closed."""
        shown = self.queue.newest()
        state = shown.run
        if line := self._app.race.farewell(shown.race, state):
            return line
        if self._host is None or state.started is None:
            return describe_outcome(state)
        run, attach = state.started, f"mnist-tui attach {quoted(state.started.folder)}"
        return f"{run.run} continues in process {self._host.pid}; `{attach}` attaches to it again"

    # Runs in this process

    def start_from_form(self) -> None:
        """Start a run with the settings in the form."""
        app = self._app
        if app.race_state.is_active:
            app.notify(describe_busy(app), severity="warning")
        if self.is_active or self.is_elsewhere:
            return
        if form := find_form(app):
            config = form.config()
            if config is None:
                app.action_view("train")
                return
            app.config = config
            form.screen.set_focus(None)
        self.start(Start(app.config))

    def start(self, command: Start, history: RunState | None = None) -> None:
        """Start a run. `history` is the state up to the step at which it is resumed."""
        point = command.resume_point
        self._overlay(self._app.run_state, point.folder if point else None)
        before = self._app.run_state
        self._app.run_state = begin_run(history or (before if before.is_before_run else RunState()))
        self._app.refresh_bindings()
        self._app.requests.forget()
        use_config(self._app, command.config)
        self.send(command)

    def start_next(self, command: Start, history: RunState) -> None:
        """Start a run; a run in progress is stopped and saved first."""
        if self._app.race_state.is_active:
            self._app.notify(describe_busy(self._app), severity="warning")
        elif self._app.run_state.is_active:
            self._next = partial(self.start, command, history)
            self.send(Stop())
        else:
            self.start(command, history)

    def cancel_next(self) -> None:
        self._next = None

    def _overlay(self, before: RunState, current: Path | None) -> None:
        from tui.state.history import overlay_runs

        self._app.overlaid_runs = overlay_runs(self._app.overlaid_runs, before, current)

    # Runs in other processes

    def attach(self, folder: Path) -> None:
        """Show the run in a folder instead of the one that is shown. Not during a run here."""
        from core.attach.client import RemoteHost

        app, state = self._app, self._app.run_state
        with suppress(OSError):  # one of the folders was removed
            if state.is_active and state.started and folder.samefile(state.started.folder):
                app.action_view("train")
                return
        if self.is_active_here:
            app.notify(describe_busy(app, "attach to another run"))
            return

        self.connect(lambda: RemoteHost(folder, recall))
        app.action_view("train")

    def connect(self, open_host: Callable[[], OtherHost]) -> None:
        """Show what another host trains, instead of what is shown. `open_host` may take a while,
        and may raise UserError."""

        def connect() -> None:
            host = open_host()
            if self.is_active_here:  # which was started meanwhile
                host.close()
                return
            if self._host:
                self._host.close()
            self._read_events(host)

        self.attempt(connect)

    def attempt(self, act: Callable[[], None]) -> None:
        """Call `act` in a thread. Where it raises UserError, a message says why."""

        def attempt() -> None:
            try:
                act()
            except UserError as error:
                self.emit(Notice(message=str(error)))

        self._app.run_worker(attempt, thread=True, exit_on_error=False)

    def show(self, host: OtherHost, fallback: Callable[[], None] | None = None) -> None:
        """Read a host's events in a thread. `fallback` is called if the host never starts."""
        self._host = host
        read = partial(self._read_events, host, fallback)
        self._app.run_worker(read, thread=True, exit_on_error=False)

    def _read_events(self, host: OtherHost, fallback: Callable[[], None] | None = None) -> None:
        self._host = host
        try:
            for event in host.events():
                if fallback and isinstance(event, RunFailed) and not getattr(host, "started", True):
                    self._next = fallback
                    message = f"cannot detach, training continues here: {event.message}"
                    event = replace(event, message=message)
                self.emit(event)
        except OSError as error:  # the run's folder was removed, for example
            message = f"cannot read the run's folder ({explain(error)})"
            self.emit(RunFailed(reason="error", message=message))

    def use_engine(self) -> None:
        self._host = None
        if not self._app.app_state.devices:
            self.send(ListDevices())

    @property
    def pid(self) -> int | None:
        """The other process that trains."""
        return self._host.pid if self._host else None
