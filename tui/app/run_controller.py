"""The app's runs: where they are trained, the commands to them, and their events."""

from __future__ import annotations

import shlex
from collections import deque
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from core.commands import Command, Detach, ListDevices, ResumePoint, Start, Stop
from core.config import read_config
from core.engine.local_host import LocalHost, Train
from core.errors import UserError, explain
from core.events import (
    Detached,
    Event,
    LearningRateChanged,
    Notice,
    RunFailed,
    RunFinished,
    RunStarted,
)
from tui.app.frame_rate import FREQUENT
from tui.app.views import find_form
from tui.state.app_state import fold_app
from tui.state.fold import begin_run, fold
from tui.state.run_state import RecordRead, RunState
from tui.state.summaries import describe_outcome

if TYPE_CHECKING:
    from core.attach.client import RemoteHost
    from core.attach.detached import DetachedHost
    from core.config import TrainConfig
    from tui.app.app import MnistApp

    OtherHost = RemoteHost | DetachedHost

NextRun = tuple[Start, RunState]  # and the state up to the step at which it is resumed

# How long a process may take to load PyTorch, from a slow disk.
READY_SECONDS = 120.0


class EventsReady(Message):
    """There are events that should be shown at once."""


class RunController:
    """Passes commands to the host that trains, and folds events into the app's state.

    The engine trains in this process, unless another host does. It handles all requests that are
    not about the run, at any time.
    """

    def __init__(self, app: MnistApp, train: Train | None, host: RemoteHost | None) -> None:
        """`train` replaces the trainer. `host` is a run in another process, to show first."""
        self._app = app
        self.engine = LocalHost(train)
        self._host: OtherHost | None = host  # None: the engine trains
        self._next_host: DetachedHost | None = None  # becomes the host, once it is ready
        self._is_detaching = False
        self._quits_detached = False  # once the run is detached
        self._events: deque[Event] = deque()  # not folded yet
        self._next: NextRun | None = None  # starts when the run has stopped

    def begin(self) -> None:
        """Make the engine load torch, or show the run in another process."""
        if self._host:
            self._show(self._host)
        else:
            self.send(ListDevices())

    @property
    def is_elsewhere(self) -> bool:
        """Whether another process trains, also before its first event has come."""
        return self._host is not None

    def close(self) -> None:
        """Leave the hosts in other processes; runs there continue."""
        for host in (self._host, self._next_host):
            if host:
                host.close()

    def send(self, *commands: Command) -> None:
        for command in commands:
            host = self._host if command.name else None
            (host or self.engine).send(command)

    def emit(self, event: Event) -> None:
        """Queue an event for the screen; for any thread."""
        self._events.append(event)
        if self._app.run_state.phase != "training" or not isinstance(event, FREQUENT):
            self._app.post_message(EventsReady())

    def take_events(self) -> list[Event]:
        """Fold the queued events into the app's state, and return them."""
        app, events = self._app, []
        run_state, app_state = app.run_state, app.app_state
        while self._events:
            event = self._events.popleft()
            events.append(event)
            run_state, app_state = fold(run_state, event), fold_app(app_state, event)
        if events:
            app.app_state, app.run_state = app_state, run_state
        return events

    def newest_state(self) -> RunState:
        """Return the run's state with the queued events folded in; for signal handlers too."""
        return reduce(fold, [*self._events], self._app.run_state)

    def handle(self, event: Event) -> None:
        """Do what follows from an event that was folded."""
        match event:
            case RecordRead(state=state):
                self._overlay(RunState(), Path(state.started.folder) if state.started else None)
                self._use_config_of(state)
                if not self._app.run_state.is_active:
                    self._use_engine()
                self._is_detaching = False
                self._quit_if_asked()
            case RunStarted() | LearningRateChanged():
                self._use_config_of(self._app.run_state)
            case Detached():
                self._continue_detached(event)
            case RunFinished() | RunFailed():
                self._use_engine()
                if self._next_host:
                    self._next_host.close()
                self._next_host, self._is_detaching = None, False
                if isinstance(event, RunFinished):  # before it could be detached
                    self._quit_if_asked()
                self._quits_detached = False
                if self._next:
                    following, self._next = self._next, None
                    self.start(*following)

    def _quit_if_asked(self) -> None:
        if self._quits_detached:
            self._app.exit(return_code=self._app.lifetime.status)

    @property
    def farewell(self) -> str:
        """The line that is printed when the app has closed."""
        state = self.newest_state()
        if self._host is None or state.started is None:
            return describe_outcome(state)
        run, attach = state.started, f"mnist-tui attach {shlex.quote(state.started.folder)}"
        return f"{run.run} continues in process {self._host.pid}; `{attach}` attaches to it again"

    # Runs in this process

    def start(self, command: Start, history: RunState | None = None) -> None:
        """Start a run. `history` is the state up to the step at which it is resumed."""
        point = command.resume_point
        self._overlay(self._app.run_state, point.folder if point else None)
        before = self._app.run_state
        self._app.run_state = begin_run(history or (before if before.is_before_run else RunState()))
        self._app.refresh_bindings()
        self._app.requests.forget()
        self.use_config(command.config)
        self.send(command)

    def start_next(self, command: Start, history: RunState) -> None:
        """Start a run; a run in progress is stopped and saved first."""
        if self._app.run_state.is_active:
            self._next = command, history
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
        app, state = self._app, self._app.run_state
        with suppress(OSError):  # one of the folders was removed
            if state.is_active and state.started and folder.samefile(state.started.folder):
                app.action_view("train")
                return
        if state.is_active and not state.is_attached:
            what = "A run is in progress here. Stop it (s) or detach it (d)"
            app.notify(f"{what} before you attach to another run.", markup=False)
            return

        def connect() -> None:
            from core.attach.client import RemoteHost

            try:
                host = RemoteHost(folder, recall)
            except UserError as error:
                self.emit(Notice(message=str(error)))
                return
            if self._host:
                self._host.close()
            self._read_events(host)

        app.run_worker(connect, thread=True, exit_on_error=False)
        app.action_view("train")

    def detach(self, *, then_quit: bool = False) -> None:
        """Continue the run in a child process, and quit the app once it does, if `then_quit`.

        The process is made ready first, so that training pauses for little more than a save.
        """
        self._quits_detached |= then_quit
        if self._is_detaching:
            return
        self._is_detaching = True
        self._app.notify("Moving to the background. Training continues.")

        def prepare() -> None:
            from core.attach.detached import DetachedHost
            from core.attach.sockets import socket_folder

            try:
                socket_folder()
                host = DetachedHost(recall)
                host.wait_ready(READY_SECONDS)
            except UserError as error:
                self._is_detaching = self._quits_detached = False
                self.emit(Notice(message=f"cannot detach: {error}"))
                return
            if self._is_detaching:
                self._next_host = host
                self.send(Detach())
            else:  # the run has ended meanwhile
                host.close()

        self._app.run_worker(prepare, thread=True, exit_on_error=False)

    def _continue_detached(self, event: Detached) -> None:
        host, self._next_host = self._next_host, None
        assert host is not None
        point = ResumePoint(Path(event.folder), Path(event.checkpoint))
        host.send(start := Start(read_config(event.config), point, event.paused))
        self._show(host, (start, self._app.run_state))

    def _show(self, host: OtherHost, fallback: NextRun | None = None) -> None:
        """Read a host's events in a thread. `fallback` starts here if the host never starts."""
        self._host = host
        read = partial(self._read_events, host, fallback)
        self._app.run_worker(read, thread=True, exit_on_error=False)

    def _read_events(self, host: OtherHost, fallback: NextRun | None = None) -> None:
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

    def _use_engine(self) -> None:
        self._host = None
        if not self._app.app_state.devices:
            self.send(ListDevices())

    def _use_config_of(self, state: RunState) -> None:
        """Show the run's settings in the form, with the learning rate that was set last."""
        if state.started:
            rate = {} if state.chosen_rate is None else {"learning_rate": state.chosen_rate}
            with suppress(UserError, TypeError):  # settings that another version wrote
                self.use_config(read_config(state.started.config | rate))

    def use_config(self, config: TrainConfig) -> None:
        """Show the settings of a run in the form, so that the next run has them."""
        app = self._app
        app.config = replace(config, checkpoints=app.config.checkpoints)
        if form := find_form(app):
            form.fill(app.config)


def recall(folder: Path, size: int | None) -> list[Event]:
    """Return what the app shows of a run's record, read much faster than event by event."""
    from tui.state.history import read_run

    return [RecordRead(state=read_run(folder, size))]
