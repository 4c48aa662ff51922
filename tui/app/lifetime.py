"""The engine's thread, from the app's start to its end, however the app ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from core.errors import exit_status
from core.events import Detached, Event, RaceFinished, RunFailed, RunFinished
from core.files import redirect_to_devnull
from tui.actions import can_detach
from tui.signals import CONTINUE, HANGUP, handled_signals

if TYPE_CHECKING:
    from textual.worker import Worker

    from tui.app.app import MnistApp

# How long the screen may take to restore the terminal, after a signal and the last save.
SECONDS_TO_EXIT = 2.0


class Lifetime:
    """Runs the engine, and ends it and the app: by a key, a signal, a crash or a hangup."""

    def __init__(self, app: MnistApp, on_hangup: str, on_end: Callable[[], None]) -> None:
        """`on_end` is called when the engine has ended, before the app exits."""
        self._app, self._on_hangup, self._on_end = app, on_hangup, on_end
        self.status = 0  # the exit status that the newest run has
        self._is_alone = False  # training continues, the terminal is gone
        self._signal = 0  # that ends the app
        # From `begin` on.
        self._engine: Worker[None]
        self._event_loop: asyncio.AbstractEventLoop
        self._old_handlers: dict[int, Any] = {}

    def begin(self) -> None:
        """Start the engine's thread, and handle signals from now on."""
        run = self._app.run_worker
        self._engine = run(self._run_engine, name="engine", thread=True, exit_on_error=False)
        self._event_loop = asyncio.get_running_loop()
        for number in handled_signals():
            self._old_handlers[number] = signal.signal(number, self._handle_signal)

    def end(self) -> None:
        """Let the engine save its run and end; not if training continues without a terminal."""
        if not self._is_alone:
            self._app.runs.engine.close()
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)

    def ask(self) -> None:
        """Quit, after a question while training is in progress."""
        from tui.screens.dialogs import ConfirmQuit

        app = self._app
        if isinstance(app.screen, ConfirmQuit):
            return
        if app.runs.is_active_here:
            can_detach = bool(app.check_action("run", ("detach",)))
            what = "A race" if app.race_state.is_active else "Training"
            app.push_screen(ConfirmQuit(what, can_detach=can_detach), self.quit)
        else:
            app.exit(return_code=self.status)

    def quit(self, answer: str | None) -> None:
        """Quit as the dialog ConfirmQuit answers."""
        state = self._app.race.acting_state
        if answer == "stop":
            self.leave(0)
        elif answer == "detach" and (state.phase == "preparing" or can_detach(state, "")):
            self._app.runs.detaching.begin(then_quit=True)
        elif answer == "detach":  # while the dialog was open, the run has ended or moved
            self._app.exit(return_code=self.status)

    def leave(self, status: int) -> None:
        """Stop and save the run, then exit with `status`, or if that is 0 with the run's."""
        self._app.runs.cancel_next()
        self._app.runs.engine.close()
        self._app.run_worker(self._exit_after_engine(status), exit_on_error=False)

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished | RunFailed):
            self.status = exit_status(event.reason) if isinstance(event, RunFailed) else 0

    async def _exit_after_engine(self, status: int) -> None:
        with suppress(Exception):  # its failure is an event
            await self._engine.wait()
        self._on_end()
        self._app.exit(return_code=status or self.status)

    def _run_engine(self) -> None:
        runs = self._app.runs
        for event in runs.engine.events():
            if not self._is_alone:
                runs.emit(event)
            ends = RunFinished | RunFailed | Detached | RaceFinished
            if self._is_alone and isinstance(event, ends):
                runs.engine.close()
        if self._signal or self._is_alone:
            last_resort = threading.Timer(SECONDS_TO_EXIT, os._exit, [128 + self._signal])
            last_resort.daemon = True
            last_resort.start()

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        """Stop, save and exit, even while the screen waits for a terminal that does not read:
        asyncio's own handlers would wait too. A hangup can leave the run alone instead."""
        if number == HANGUP and self._on_hangup == CONTINUE and self._continue_alone():
            return
        self._app.runs.engine.close()
        self._signal = number
        if not self._is_alone:
            self._event_loop.call_soon_threadsafe(self.leave, 128 + number)

    def _continue_alone(self) -> bool:
        """Close the screen and leave the engine's run to signals and viewers. Returns whether there
        is such a run."""
        if self._is_alone:
            return True
        # First, since the engine's thread checks it after each event.
        self._is_alone = True
        shown = self._app.runs.queue.newest()
        is_active = shown.run.is_active or shown.race.is_active
        self._is_alone = is_active and not (shown.run.is_attached or shown.is_elsewhere)
        if self._is_alone:
            redirect_to_devnull(range(3))
            self._event_loop.call_soon_threadsafe(self._app.exit)
        return self._is_alone
