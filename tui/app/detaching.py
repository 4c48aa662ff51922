"""Moving a run or a race to a child process, which outlives the app."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands import Detach, ResumePoint, Start, StartRace
from core.config import read_config
from core.errors import UserError
from core.events import Detached, Notice
from tui.app.records import recall

if TYPE_CHECKING:
    from core.attach.detached import DetachedHost
    from tui.app.app import MnistApp

# How long a process may take to load PyTorch, from a slow disk.
READY_SECONDS = 120.0


class Detaching:
    """The process is made ready first, so that training pauses for little more than a save."""

    def __init__(self, app: MnistApp) -> None:
        self._app = app
        self._next_host: DetachedHost | None = None  # becomes the host, once it is ready
        self._is_detaching = False
        self._quits = False  # once training continues in the background

    def begin(self, *, then_quit: bool = False) -> None:
        """Continue the run in a child process, and quit the app once it does, if `then_quit`."""
        self._quits |= then_quit
        if self._is_detaching:
            return
        self._is_detaching = True
        self._app.notify("Moving to the background. Training continues.")
        self._app.run_worker(self._prepare, thread=True, exit_on_error=False)

    def _prepare(self) -> None:
        from core.attach.detached import DetachedHost
        from core.attach.sockets import socket_folder

        try:
            socket_folder()
            host = DetachedHost(recall)
            host.wait_ready(READY_SECONDS)
        except UserError as error:
            self._is_detaching = self._quits = False
            self._app.runs.emit(Notice(message=f"cannot detach: {error}"))
            return
        if self._is_detaching:
            self._next_host = host
            self._app.runs.send(Detach())
        else:  # the run has ended meanwhile
            host.close()

    def hand_over(self, event: Detached) -> None:
        """Let the process continue a run that has ended here."""
        point = ResumePoint(Path(event.folder), Path(event.checkpoint))
        start = Start(read_config(event.config), point, event.paused)
        self.pass_on(start, partial(self._app.runs.start, start, self._app.run_state))

    def pass_on(self, command: Start | StartRace, fallback: Callable[[], None]) -> None:
        """Start what the process continues; `fallback` continues it here, if the process fails."""
        host, self._next_host = self._next_host, None
        assert host is not None
        host.send(command)
        self._app.runs.show(host, fallback)

    def finish(self) -> None:
        """Training continues in the background."""
        self._is_detaching = False
        self.quit_if_asked()

    def cancel(self) -> None:
        """The run has ended before it was detached."""
        if self._next_host:
            self._next_host.close()
        self._next_host, self._is_detaching = None, False

    def quit_if_asked(self) -> None:
        if self._quits:
            self._app.exit(return_code=self._app.lifetime.status)

    def stay(self) -> None:
        self._quits = False

    def close(self) -> None:
        if self._next_host:
            self._next_host.close()
