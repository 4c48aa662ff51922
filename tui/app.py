"""The app: its views, the engine's lifetime, and one RunState that every view follows."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue
from types import FrameType
from typing import Any

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.worker import Worker

from core.commands import (
    Command,
    Inbox,
    ListDevices,
    Pause,
    Quit,
    Resume,
    Save,
    Start,
    Stop,
)
from core.config import TrainConfig
from core.engine import Train, serve
from core.errors import exit_status
from core.events import (
    CheckpointRefused,
    Event,
    Notice,
    Predicted,
    Progress,
    RunFailed,
    RunFinished,
)
from tui.questions import question
from tui.screens.checkpoints import CheckpointsView
from tui.screens.dialogs import ConfirmQuit, Help
from tui.screens.digits import DigitsView, OpenedView
from tui.screens.train import TrainView
from tui.screens.view import VIEWS, View
from tui.settings import Settings
from tui.signals import ENDING
from tui.state import RunState, fold, starting
from tui.widgets.form import SetupForm
from tui.words import farewell

# How often the digits' guesses follow a network that is training.
GUESSES_PER_SECOND = 2
# After a signal: how long the screen may take to put the terminal in order once all is saved.
SECONDS_TO_LEAVE = 2.0


class MnistApp(App[None]):
    TITLE = "mnist-tui"
    CSS_PATH = "app.tcss"
    MODES = {"train": TrainView, "digits": DigitsView, "checkpoints": CheckpointsView}
    DEFAULT_MODE = "train"
    BINDINGS = [
        # One key, and in the footer the one of these that it does now.
        Binding("space", "start", "Start", key_display="space"),
        Binding("space", "pause", "Pause", key_display="space"),
        Binding("space", "go_on", "Go on", key_display="space"),
        Binding("s", "stop", "Stop"),
        Binding("l", "log_scale", "Log"),
        Binding("m", "smoothing", "Smooth"),
        Binding("t", "temperature(1)", "Temperature", key_display="t T"),
        Binding("T", "temperature(-1)", "Colder", show=False),
        Binding("left", "page_digits(-1)", "Digits", show=False),
        Binding("right", "page_digits(1)", "Digits", show=False),
        Binding("question_mark,f1", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        *(
            Binding(str(number), f"view('{mode}')", show=False)
            for number, mode in enumerate(VIEWS, 1)
        ),
    ]

    run_state: var[RunState] = var(RunState, init=False)
    settings: var[Settings] = var(Settings, init=False)

    @dataclass
    class Told(Message):
        """The engine has said something."""

        event: Event

    def __init__(
        self, config: TrainConfig, *, start: bool = False, train: Train | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.inbox: Inbox = SimpleQueue()
        self._train, self._start_at_once = train, start
        self._engine: Worker[None] | None = None
        self._asked: tuple[object, ...] = ()
        self._told = RunState()
        self._killed_by = 0
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._old_handlers: dict[int, Any] = {}
        self._status = 0

    # The engine's lifetime

    def on_mount(self) -> None:
        self._engine = self.run_worker(self._serve, name="engine", thread=True, exit_on_error=False)
        # After the first frame: this is what makes the engine load torch.
        self.call_after_refresh(self.tell, ListDevices())
        if self._start_at_once:
            self.call_after_refresh(self.action_start)
        self.set_interval(1 / GUESSES_PER_SECOND, self.ask_for_digits)
        self._event_loop = asyncio.get_running_loop()
        self._old_handlers = {number: signal.signal(number, self._on_signal) for number in ENDING}

    def on_unmount(self) -> None:
        """However the app ends, its engine ends too, and saves what it has learned."""
        self.tell(Stop(), Quit())
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)

    def tell(self, *commands: Command) -> None:
        for command in commands:
            self.inbox.put(command)

    def _serve(self) -> None:
        for event in serve(self.inbox, self._train):
            if not isinstance(event, Progress):
                self._told = fold(self._told, event)
            self.post_message(self.Told(event))
        if self._killed_by:
            last_resort = threading.Timer(SECONDS_TO_LEAVE, os._exit, [128 + self._killed_by])
            last_resort.daemon = True
            last_resort.start()

    @property
    def farewell(self) -> str:
        """What to say when the screen is gone: true even where the screen was gone first."""
        return farewell(self._told)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Stops, saves and leaves, even where the screen hangs because its terminal has gone or
        reads no more: asyncio would not hear of the signal then, and could not write its farewell.
        """
        self.tell(Stop(), Quit())
        self._killed_by = number
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self._leave, 128 + number)

    def on_mnist_app_told(self, message: Told) -> None:
        event, phase = message.event, self.run_state.phase
        self.run_state = fold(self.run_state, event)
        match event:
            case Notice():
                self.notify(event.message, markup=False, timeout=8)
            case RunFailed():
                self._status = exit_status(event.reason)
                if not isinstance(self.screen, TrainView):  # that one says it in its own place
                    self.notify(event.message, severity="error", markup=False, timeout=10)
            case RunFinished():
                self._status = 0
        if isinstance(event, Predicted | CheckpointRefused):
            self._asked = (*self._asked, "answered")
        elif isinstance(event, RunFinished | RunFailed):
            self._asked = ()
        if self.run_state.phase != phase:
            # Not at every event: the footer is made anew each time.
            self.refresh_bindings()

    # What keys, buttons and the palette do

    def action_start(self) -> None:
        if self.run_state.active:
            return
        view = self.screen
        if isinstance(view, TrainView):
            config = view.query_one(SetupForm).config()
            if config is None:
                return
            self.config = config
            view.set_focus(None)
        self.run_state = starting(self.run_state)
        self.refresh_bindings()
        self._asked = ()
        self.tell(Start(self.config))

    def action_pause(self) -> None:
        self.tell(Pause())

    def action_go_on(self) -> None:
        self.tell(Resume())

    def action_save(self) -> None:
        self.tell(Save())

    def action_stop(self) -> None:
        if self.run_state.active:
            self.tell(Stop())

    def action_log_scale(self) -> None:
        self.settings = replace(self.settings, log_scale=not self.settings.log_scale)

    def action_smoothing(self) -> None:
        self.settings = self.settings.with_next_smoothing()

    def action_temperature(self, steps: int) -> None:
        self.settings = self.settings.with_temperature(steps)

    def action_page_digits(self, pages: int) -> None:
        view = self.screen
        capacity = view.digit_capacity if isinstance(view, View) else 0
        opened = self.run_state.opened if isinstance(view, OpenedView) else None
        samples = opened.samples if opened else self.run_state.samples
        if capacity and samples:
            last = (samples - 1) // capacity * capacity
            first = self.settings.first_digit + pages * capacity
            self.settings = replace(self.settings, first_digit=max(0, min(first, last)))
            self.ask_for_digits()

    def action_view(self, mode: str) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.switch_mode(mode)

    def action_next_view(self, by: int) -> None:
        """The next view; in the form, the next field, and from its last one on."""
        view = self.screen
        if isinstance(view, View) and view.focused and isinstance(view, TrainView):
            chain = view.focus_chain
            place = chain.index(view.focused) + by if view.focused in chain else -1
            if 0 <= place < len(chain):
                view.set_focus(chain[place])
                return
            view.set_focus(None)
            return
        modes = list(VIEWS)
        self.action_view(modes[(modes.index(self.current_mode) + by) % len(modes)])

    def action_help(self) -> None:
        self.push_screen(Help())

    async def action_quit(self) -> None:
        if self.run_state.active:
            self.push_screen(ConfirmQuit(), lambda yes: self._leave(0) if yes else None)
        else:
            self.exit(return_code=self._status)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows what applies now."""
        match action:
            case "start":
                return not self.run_state.active
            case "pause":
                return self.run_state.phase == "training"
            case "go_on":
                return self.run_state.phase == "paused"
            case "stop":
                return self.run_state.active
            case "save":
                return self.run_state.phase in ("training", "paused")
            case "focus_next" | "focus_previous":
                # The fields are locked during a run.
                return not (isinstance(self.screen, TrainView) and self.run_state.active)
            case "log_scale" | "smoothing":
                return isinstance(self.screen, TrainView)
            case "temperature":
                return isinstance(self.screen, View) and self.screen.digit_capacity > 0
        return True

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        what = {
            "start": "Train the network that is set up",
            "pause": "Hold the run, and save it",
            "go_on": "Go on where the run was held",
            "save": "Save the run as it is now, and go on",
            "stop": "End the run here, and save it",
        }
        for action, said in what.items():
            if self.check_action(action, ()):
                title = action.replace("_", " ").capitalize()
                yield SystemCommand(title, said, getattr(self, f"action_{action}"))
        yield SystemCommand("Log scale", "Loss on a log or a linear scale", self.action_log_scale)
        yield SystemCommand("Smoothing", "Of the training loss", self.action_smoothing)
        for mode, title in VIEWS.items():
            yield SystemCommand(
                f"View: {title}", "Go there", lambda mode=mode: self.action_view(mode)
            )

    def _leave(self, status: int) -> None:
        """Stops and saves, and is gone when that is done."""
        self.tell(Stop(), Quit())
        self.run_worker(self._exit_after_engine(status), exit_on_error=False)

    async def _exit_after_engine(self, status: int) -> None:
        if self._engine is not None:
            with suppress(Exception):  # its failure has been told as an event
                await self._engine.wait()
        self.exit(return_code=status)

    # The digits' guesses

    def ask_for_digits(self) -> None:
        """Asks for the digits that the view in front shows, unless they are what it has."""
        view = self.screen
        if not isinstance(view, View) or not view.digit_capacity:
            return
        first = self.settings.first_digit
        indices = tuple(range(first, first + view.digit_capacity))
        path = view.path if isinstance(view, OpenedView) else None
        wanted = question(self.run_state, indices, path, self.config.data)
        unanswered = self._asked and self._asked[-1] != "answered"
        if wanted and not unanswered and self._asked[:2] != wanted:
            self._asked = wanted
            self.tell(wanted[0])
