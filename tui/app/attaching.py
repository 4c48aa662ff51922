"""Runs that go on in another process: the app follows them, tells them what to do, and hands its
own over to one."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.attach.wire import RUN_COMMANDS
from core.commands import Command, Detach, ListDevices, ResumePoint, Start
from core.config import read_config
from core.errors import UserError, explain
from core.events import Detached, Event, Notice, RunFailed, RunFinished, RunStarted
from tui.app.run_controller import Running
from tui.state.history import overlay_runs, read_run
from tui.state.run_state import RecordRead, RunState

if TYPE_CHECKING:
    from core.attach.client import Connection
    from core.attach.detached import Background

# How long a process may take to load PyTorch, from a disk that is slow.
READY_SECONDS = 120.0


class Attaching(Running):
    """The part of the app that has to do with runs in other processes."""

    def __init__(self, *arguments: Any, connection: Connection | None = None, **more: Any) -> None:
        """`connection` is to the run that is followed from the start."""
        super().__init__(*arguments, **more)
        self._connection = connection
        self._background: Background | None = None  # which has no run yet
        self._hands_over = False

    def begin(self) -> None:
        if self._connection:
            self._follow_on_a_thread(self._connection)
        else:
            super().begin()

    def send(self, *commands: Command) -> None:
        for command in commands:
            if self._connection and isinstance(command, RUN_COMMANDS):
                self._connection.send(command)
            else:
                super().send(command)

    def on_unmount(self) -> None:
        """A run that goes on elsewhere goes on."""
        if self._connection:
            self._connection.close()
        if self._background:
            self._background.give_up()

    @property
    def farewell(self) -> str:
        if self._connection is None:
            return super().farewell
        hello = self._connection.hello
        attach = f"mnist-tui attach {shlex.quote(str(self._connection.folder))}"
        return f"{hello.run} goes on in process {hello.pid}; `{attach}` follows it again"

    # Following a run

    def attach(self, folder: Path) -> None:
        """Follows the run in that folder, in the place of what is followed now. A run that goes on
        here is not left for it."""
        started = self.run_state.started
        if self.run_state.active and started and samefile(started.folder, folder):
            self.action_view("train")
            return
        if self.run_state.active and not self.run_state.attached:
            what = "a run goes on here: stop it (s), or hand it over to a process of its own (d)"
            self.notify(f"{what}, before you attach to another", markup=False)
            return

        def follow() -> None:
            from core.attach.client import follow

            try:
                connection: Connection = follow(folder)
            except UserError as error:
                self.emit(Notice(message=str(error)))
                return
            if self._connection:
                self._connection.close()
            self._follow(connection)

        self.run_worker(follow, thread=True, exit_on_error=False)
        self.action_view("train")

    def _follow_on_a_thread(self, connection: Connection) -> None:
        self.run_worker(lambda: self._follow(connection), thread=True, exit_on_error=False)

    def _follow(self, first: Connection) -> None:
        """What the run has told, what it tells now, and in the end how it ended."""
        try:
            self._follow_to_the_end(first)
        except OSError as error:  # its folder has been removed, say
            what = f"{first.folder} cannot be read ({explain(error)})"
            self.emit(RunFailed(reason="error", message=what))

    def _follow_to_the_end(self, first: Connection) -> None:
        """When a viewer has been too slow it is cut off, and comes back."""
        from core.attach.client import connections, interrupted

        for connection in connections(first):
            self._connection = connection
            self.emit(RecordRead(state=read_run(connection.folder, connection.hello.recorded)))
            for event in connection.events():
                self.emit(event)
                if isinstance(event, RunFinished | RunFailed):
                    return
            if connection.closed:
                return
        state = read_run(first.folder)
        self.emit(RecordRead(state=state))
        if state.active:
            self.emit(interrupted(first.folder, state.checkpoint))

    def _react(self, event: Event) -> None:
        super()._react(event)
        match event:
            case RecordRead(state=state):
                self.overlaid_runs = overlay_runs(self.overlaid_runs, RunState(), _folder(state))
                self._forget()
                self._set_up_as(state)
                if not self.run_state.active:
                    self._detached()
            case RunFinished() | RunFailed():
                self._detached()
                if self._background:
                    self._background.give_up()
                self._background, self._hands_over = None, False
            case Detached():
                self._hand_on(event)

    def _set_up_as(self, state: RunState) -> None:
        """What stands in the form is what trains, and what space would train again."""
        with suppress(UserError, TypeError):  # a config by another version's hand
            config = read_config(state.started.config if state.started else {})
            self.config = replace(config, checkpoints=self.config.checkpoints)
            if form := self.form:
                form.fill(self.config)

    def _detached(self) -> None:
        """Whatever is asked now, this process answers."""
        self._connection = None
        if not self.app_state.devices:
            self.send(ListDevices())

    # Handing a run over

    def action_detach(self) -> None:
        if self._hands_over:
            return
        self._hands_over = True
        self.notify("starting a process of its own for this run; it trains on meanwhile")
        self.run_worker(self._prepare, thread=True, exit_on_error=False)

    def _prepare(self) -> None:
        """Has the process ready before the run is let go of, so that it is held up for little more
        than its saving."""
        from core.attach.detached import Background
        from core.attach.sockets import socket_folder

        try:
            socket_folder()
            background = Background()
            background.wait_ready(READY_SECONDS)
        except UserError as error:
            self._hands_over = False
            self.emit(Notice(message=f"the run cannot be handed over: {error}"))
            return
        self._background = background
        self.send(Detach())

    def _hand_on(self, event: Detached) -> None:
        background, self._background, self._hands_over = self._background, None, False
        assert background is not None
        config = read_config(event.config)
        resume_point = ResumePoint(Path(event.folder), Path(event.checkpoint))
        before = self.run_state

        def begin() -> None:
            from core.attach.client import follow

            for each in background.begin(config, resume_point, paused=event.paused):
                if isinstance(each, RunFailed):
                    # It is this process that goes on with it then, as if nothing had been.
                    self._next = Start(config, resume_point), before
                    message = f"the run stays here, it cannot be handed over: {each.message}"
                    self.emit(replace(each, message=message))
                elif not isinstance(each, RunStarted):
                    self.emit(each)
            if self._next:
                return
            try:
                connection: Connection = follow(Path(event.folder))
            except UserError as error:  # it goes on all the same
                self.emit(RunFailed(reason=error.reason, message=str(error)))
            else:
                self._follow(connection)

        self.run_worker(begin, thread=True, exit_on_error=False)


def samefile(one: str | Path, other: str | Path) -> bool:
    with suppress(OSError):
        return os.path.samefile(one, other)
    return False


def _folder(state: RunState) -> Path | None:
    return Path(state.started.folder) if state.started else None
