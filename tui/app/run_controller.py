"""The app's engine: its lifetime, what it is told and asked, and the RunState that comes of it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections import deque
from contextlib import suppress
from functools import reduce
from types import FrameType
from typing import Any

from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.worker import Worker

from core.commands import Command, Inspect, ListDevices, Start, Stop
from core.config import TrainConfig
from core.engine.local_host import LocalHost, Train
from core.errors import exit_status
from core.events import (
    CheckpointRefused,
    CheckpointSaved,
    Detached,
    Evaluated,
    Event,
    NetworkInspected,
    Notice,
    Predicted,
    Progress,
    RunFailed,
    RunFinished,
    Scored,
)
from core.files import redirect_to_devnull
from tui.app.appearance import Looking
from tui.app.digit_request import question
from tui.app.frame_rate import Pace, Question
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.train import TrainView
from tui.signals import CONTINUE, HANGUP, handled_signals
from tui.state.app_state import AppState, fold_app
from tui.state.fold import fold, starting
from tui.state.run_state import RunState
from tui.state.summaries import farewell
from tui.widgets.config_form import ConfigForm

# At least so long between the digits' guesses while the network trains.
GUESS_SECONDS = 0.5
# And between two looks into it.
INSPECTION_SECONDS = 1.0
# What comes again and again while a network trains, and can wait for the next frame.
UNHURRIED = (Progress, Evaluated, Scored, CheckpointSaved, Predicted, NetworkInspected)
# After a signal: how long the screen may take to put the terminal in order once all is saved.
SECONDS_TO_LEAVE = 2.0


class Running(Looking):
    """The part of the app that has to do with runs."""

    run_state: var[RunState] = var(RunState, init=False)
    app_state: var[AppState] = var(AppState, init=False)
    # Runs to be laid under the live one on the chart, at most MAX_OVERLAID, the newest last.
    overlaid_runs: var[tuple[RunState, ...]] = var(tuple, init=False)

    class Told(Message):
        """The engine has said something."""

    def __init__(
        self,
        config: TrainConfig,
        *,
        start: bool = False,
        train: Train | None = None,
        preferences: Preferences | None = None,
        on_hangup: str = CONTINUE,
    ) -> None:
        super().__init__(preferences or Preferences())
        self._on_hangup = on_hangup
        self.alone = False  # a run goes on whose terminal has gone
        self.config = config
        self.engine = LocalHost(train)
        self._start_at_once = start
        self._engine: Worker[None] | None = None
        self._events: deque[Event] = deque()  # from the engine, not folded yet
        self._pace, self._digits = Pace(), Question(GUESS_SECONDS)
        self._inspection = Question(INSPECTION_SECONDS)
        self._next: tuple[Start, RunState] | None = None  # what starts when the run has stopped
        self._killed_by = 0
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._old_handlers: dict[int, Any] = {}
        self._status = 0

    # The engine's lifetime

    def on_mount(self) -> None:
        self.choose_theme()
        self._engine = self.run_worker(self._serve, name="engine", thread=True, exit_on_error=False)
        self.call_after_refresh(self.begin)
        if self._start_at_once:
            self.call_after_refresh(self.action_start)
        self.call_after_refresh(self._begin)
        self._event_loop = asyncio.get_running_loop()
        self._old_handlers = {
            number: signal.signal(number, self._on_signal) for number in handled_signals()
        }

    def begin(self) -> None:
        """After the first frame: this is what makes the engine load torch."""
        self.send(ListDevices())

    def on_unmount(self) -> None:
        """However the app ends, its engine ends too, and saves what it has learned; but for a run
        whose terminal has gone."""
        if not self.alone:
            self.end()
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.engine.send(command)

    def end(self) -> None:
        """Has the run that goes on here stop and save, and then the engine end."""
        self.engine.close()

    def _serve(self) -> None:
        for event in self.engine.events():
            if not self.alone:
                self.emit(event)
            if self.alone and isinstance(event, RunFinished | RunFailed | Detached):
                self.engine.close()
        if self._killed_by or self.alone:
            last_resort = threading.Timer(SECONDS_TO_LEAVE, os._exit, [128 + self._killed_by])
            last_resort.daemon = True
            last_resort.start()

    def emit(self, event: Event) -> None:
        """Something has been said, here or elsewhere; for any thread."""
        self._events.append(event)
        if self.run_state.phase != "training" or not isinstance(event, UNHURRIED):
            self.post_message(self.Told())

    @property
    def farewell(self) -> str:
        """What to say when the screen is gone: true even where the screen was gone first."""
        return farewell(reduce(fold, self._events, self.run_state))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Stops, saves and leaves, even where the screen hangs because its terminal has gone or
        reads no more: asyncio would not hear of the signal then, and could not write its farewell.
        Where the terminal has gone and a run goes on, that goes on alone.
        """
        if number == HANGUP and self._on_hangup == CONTINUE and self._goes_on_alone():
            return
        self.end()
        self._killed_by = number
        if self._event_loop is not None and not self.alone:
            self._event_loop.call_soon_threadsafe(self.leave, 128 + number)

    def _goes_on_alone(self) -> bool:
        """Leaves the screen, and the run that goes on here to signals and viewers; no, where none
        does."""
        if self.alone:
            return True
        # In this order: the engine looks whether it is alone after each event that it gives.
        self.alone = True
        state = reduce(fold, [*self._events], self.run_state)
        self.alone = state.active and not state.attached
        if self.alone:
            redirect_to_devnull(range(3))
            if self._event_loop is not None:
                self._event_loop.call_soon_threadsafe(self.exit)
        return self.alone

    # What the engine says

    def _begin(self) -> None:
        if not gc.isenabled():  # as the command line leaves it
            gc.freeze()
            gc.enable()
        self._frame()

    def _frame(self) -> None:
        """Once a frame: what has been told since is folded and shown."""
        self._hear()
        if view := self.view:
            view.attempt("asking", self._ask)
        active = self.run_state.phase == "training"
        self.set_timer(self._pace.delay(active=active, slow=self.preferences.slow), self._frame)

    def _ask(self) -> None:
        self.ask_for_digits()
        self.ask_to_inspect()

    def on_running_told(self) -> None:
        self._hear()

    def _hear(self) -> None:
        heard = []
        state, app_state = self.run_state, self.app_state
        while self._events:
            heard.append(self._events.popleft())
            state, app_state = fold(state, heard[-1]), fold_app(app_state, heard[-1])
        if not heard:
            return
        self.app_state = app_state
        before, self.run_state = self.run_state, state
        for event in heard:
            self._react(event)
        saved = (before.checkpoint is None) != (state.checkpoint is None)
        if (state.phase != before.phase or saved) and self.is_running and self.view:
            # Not at every event: the footer is made anew each time.
            self.refresh_bindings()

    def _react(self, event: Event) -> None:
        match event:
            case Notice():
                self.notify(event.message, markup=False, timeout=8)
            case Predicted():
                self._digits.answered(event.seconds if event.source is None else 0.0)
            case CheckpointRefused():
                self._digits.answered(0.0)
            case NetworkInspected():
                self._inspection.answered(event.seconds)
            case RunFailed():
                self._status = exit_status(event.reason)
                self._forget()
                if not isinstance(self.view, TrainView):  # that one says it in its own place
                    self.notify(event.message, severity="error", markup=False, timeout=10)
            case RunFinished():
                self._status = 0
                self._forget()
        if isinstance(event, RunFinished | RunFailed) and self._next:
            following, self._next = self._next, None
            self.start(*following)

    @property
    def view(self) -> View | None:
        """What is in front, if that is a view and not something that is laid over one. Between two
        views there is none."""
        stack = self._screens(self.current_mode)
        return stack[-1] if stack and isinstance(stack[-1], View) else None

    @property
    def form(self) -> ConfigForm | None:
        """What is set up, whatever is in front; None before its view has been."""
        stack = self._screens("train")
        return stack[0].query_one(ConfigForm) if stack else None

    def _screens(self, mode: str) -> list[Screen[Any]]:
        """Return what is stacked in a mode, nothing if it has not been opened yet."""
        try:
            return self.get_screen_stack(mode)
        except KeyError:
            return []

    def action_view(self, mode: str) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.switch_mode(mode)

    # Runs, one after the other

    def action_start(self) -> None:
        if self.run_state.active:
            return
        if form := self.form:
            config = form.config()
            if config is None:
                self.action_view("train")
                return
            self.config = config
            form.screen.set_focus(None)
        self.start(Start(self.config))

    def start(self, command: Start, history: RunState | None = None) -> None:
        """`history` is what the run has told so far, where it is taken up."""
        from tui.state.history import overlay_runs

        before, folder = (
            self.run_state,
            command.resume_point.folder if command.resume_point else None,
        )
        self.overlaid_runs = overlay_runs(self.overlaid_runs, before, folder)
        self.run_state = starting(history or RunState())
        self.refresh_bindings()
        self._forget()
        self.send(command)

    def start_next(self, command: Start, history: RunState) -> None:
        """Starts it when the run that goes on, if one does, has stopped and is saved."""
        if self.run_state.active:
            self._next = command, history
            self.send(Stop())
        else:
            self.start(command, history)

    def leave(self, status: int) -> None:
        """Stops and saves, and is gone when that is done."""
        self._next = None
        self.end()
        self.run_worker(self._exit_after_engine(status), exit_on_error=False)

    async def _exit_after_engine(self, status: int) -> None:
        if self._engine is not None:
            with suppress(Exception):  # its failure has been told as an event
                await self._engine.wait()
        self._hear()
        self.exit(return_code=status or self._status)

    # What is asked of the network again and again

    def _forget(self) -> None:
        """The network that was asked is gone."""
        self._digits.forget()
        self._inspection.forget()

    def ask_to_inspect(self) -> None:
        """Asks how the layers do, where the view in front shows that and a step has been made since
        it was last asked."""
        view, state = self.view, self.run_state
        if view is None or not view.INSPECTS or state.phase not in ("training", "paused"):
            return
        if self._inspection.ask(state.step):
            self.send(Inspect())

    def ask_for_digits(self, *, at_once: bool = False) -> None:
        """Asks for the digits that the view in front shows, unless they are what it has. `at_once`:
        a person has chosen them."""
        view = self.view
        if at_once:
            self._digits.hurry()
        if view is None or not (indices := view.wanted_digits()):
            return
        wanted = question(self.run_state, indices, view.opened_path, self.config.data)
        if wanted and self._digits.ask(wanted):
            self.send(wanted[0])
