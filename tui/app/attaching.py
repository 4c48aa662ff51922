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
from core.events import Detached, Event, Notice, RunFailed, RunFinished
from tui.app.run_controller import Running
from tui.state.history import overlay_runs, read_run
from tui.state.run_state import RecordRead, RunState

if TYPE_CHECKING:
    from core.attach.client import RemoteHost
    from core.attach.detached import DetachedHost

# How long a process may take to load PyTorch, from a disk that is slow.
READY_SECONDS = 120.0


class Attaching(Running):
    """The part of the app that has to do with runs in other processes."""

    def __init__(self, *arguments: Any, host: RemoteHost | None = None, **more: Any) -> None:
        """`host` is the run that is attached to from the start."""
        super().__init__(*arguments, **more)
        self._host: RemoteHost | DetachedHost | None = host
        self._next_host: DetachedHost | None = None  # has no run yet
        self._hands_over = False

    def begin(self) -> None:
        if self._host:
            self._follow_on_a_thread(self._host)
        else:
            super().begin()

    def send(self, *commands: Command) -> None:
        for command in commands:
            if self._host and isinstance(command, RUN_COMMANDS):
                self._host.send(command)
            else:
                super().send(command)

    def on_unmount(self) -> None:
        """A run that goes on elsewhere goes on."""
        for host in (self._host, self._next_host):
            if host:
                host.close()

    @property
    def farewell(self) -> str:
        run = self.run_state.started
        if self._host is None or run is None:
            return super().farewell
        attach = f"mnist-tui attach {shlex.quote(run.folder)}"
        return f"{run.run} continues in process {self._host.pid}; `{attach}` attaches to it again"

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
            from core.attach.client import RemoteHost

            try:
                host = RemoteHost(folder, recall)
            except UserError as error:
                self.emit(Notice(message=str(error)))
                return
            if self._host:
                self._host.close()
            self._follow(host)

        self.run_worker(follow, thread=True, exit_on_error=False)
        self.action_view("train")

    def _follow_on_a_thread(self, host: RemoteHost | DetachedHost) -> None:
        self.run_worker(lambda: self._follow(host), thread=True, exit_on_error=False)

    def _follow(self, host: RemoteHost | DetachedHost) -> None:
        self._host = host
        try:
            for event in host.events():
                self.emit(event)
        except OSError as error:  # the run's folder was removed, for example
            what = f"the run's folder cannot be read ({explain(error)})"
            self.emit(RunFailed(reason="error", message=what))

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
                if self._next_host:
                    self._next_host.close()
                self._next_host, self._hands_over = None, False
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
        self._host = None
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
        from core.attach.detached import DetachedHost
        from core.attach.sockets import socket_folder

        try:
            socket_folder()
            host = DetachedHost(recall)
            host.wait_ready(READY_SECONDS)
        except UserError as error:
            self._hands_over = False
            self.emit(Notice(message=f"the run cannot be handed over: {error}"))
            return
        self._next_host = host
        self.send(Detach())

    def _hand_on(self, event: Detached) -> None:
        host, self._next_host, self._hands_over = self._next_host, None, False
        assert host is not None
        resume_point = ResumePoint(Path(event.folder), Path(event.checkpoint))
        start = Start(read_config(event.config), resume_point, event.paused)
        before = self.run_state
        self._host = host

        def begin() -> None:
            host.send(start)
            for each in host.events():
                if isinstance(each, RunFailed) and not host.started:
                    # It is this process that goes on with it then, as if nothing had been.
                    self._next = start, before
                    message = f"the run stays here, it cannot be handed over: {each.message}"
                    each = replace(each, message=message)
                self.emit(each)

        self.run_worker(begin, thread=True, exit_on_error=False)


def recall(folder: Path, size: int | None) -> list[Event]:
    return [RecordRead(state=read_run(folder, size))]


def samefile(one: str | Path, other: str | Path) -> bool:
    with suppress(OSError):
        return os.path.samefile(one, other)
    return False


def _folder(state: RunState) -> Path | None:
    return Path(state.started.folder) if state.started else None
