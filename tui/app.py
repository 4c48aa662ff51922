"""The app: its views, the engine's lifetime, and one RunState that every view follows."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue

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
    OpenCheckpoint,
    Pause,
    Predict,
    Quit,
    Resume,
    Start,
    Stop,
)
from core.config import TrainConfig
from core.engine import Train, serve
from core.errors import exit_status
from core.events import CheckpointRefused, Event, Notice, Predicted, RunFailed, RunFinished
from tui.screens.checkpoints import CheckpointsView
from tui.screens.dialogs import ConfirmQuit, Help
from tui.screens.digits import DigitsView, OpenedView
from tui.screens.train import TrainView
from tui.screens.view import VIEWS, View
from tui.settings import Settings
from tui.state import RunState, fold, starting
from tui.widgets.form import SetupForm
from tui.words import farewell

# How often the digits' guesses follow a network that is training.
GUESSES_PER_SECOND = 2


class MnistApp(App[None]):
    TITLE = "mnist-tui"
    CSS_PATH = "app.tcss"
    MODES = {"train": TrainView, "digits": DigitsView, "checkpoints": CheckpointsView}
    DEFAULT_MODE = "train"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS = [
        Binding("space", "start_or_pause", "Start/pause", key_display="space"),
        Binding("s", "stop", "Stop"),
        Binding("l", "log_scale", "Log"),
        Binding("m", "smoothing", "Smooth"),
        Binding("t", "temperature(1)", "Warmer", show=False),
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
        self.farewell = ""
        self._train, self._start_at_once = train, start
        self._engine: Worker[None] | None = None
        self._asked: tuple[object, ...] = ()
        self._status = 0

    # The engine's lifetime

    def on_mount(self) -> None:
        self._engine = self.run_worker(self._serve, name="engine", thread=True, exit_on_error=False)
        # After the first frame: this is what makes the engine load torch.
        self.call_after_refresh(self.tell, ListDevices())
        if self._start_at_once:
            self.call_after_refresh(self.action_start_or_pause)
        self.set_interval(1 / GUESSES_PER_SECOND, self.ask_for_digits)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            with suppress(NotImplementedError, AttributeError, RuntimeError, ValueError):
                number = getattr(signal, name)
                asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number)

    def on_unmount(self) -> None:
        """However the app ends, its engine ends too, and saves what it has learned."""
        self.tell(Stop(), Quit())

    def tell(self, *commands: Command) -> None:
        for command in commands:
            self.inbox.put(command)

    def _serve(self) -> None:
        for event in serve(self.inbox, self._train):
            self.post_message(self.Told(event))

    def _on_signal(self, number: int) -> None:
        self._leave(128 + number)

    def on_mnist_app_told(self, message: Told) -> None:
        event, phase = message.event, self.run_state.phase
        self.run_state = fold(self.run_state, event)
        match event:
            case Notice():
                self.notify(event.message, markup=False, timeout=8)
            case RunFailed():
                self._status = exit_status(event.reason)
                self.notify(event.message, severity="error", markup=False, timeout=10)
            case RunFinished():
                self._status = 0
        if isinstance(event, Predicted | CheckpointRefused):
            self._asked = (*self._asked, "answered")
        elif isinstance(event, RunFinished | RunFailed):
            self._asked = ()
        if isinstance(event, RunFinished | RunFailed | Predicted):
            self.farewell = farewell(self.run_state)
        if self.run_state.phase != phase:
            # Not at every event: the footer is made anew each time.
            self.refresh_bindings()

    # What keys, buttons and the palette do

    def action_start_or_pause(self) -> None:
        """Start, pause or go on: whatever is next."""
        match self.run_state.phase:
            case "training":
                self.tell(Pause())
            case "paused":
                self.tell(Resume())
            case "preparing":
                pass
            case _:
                self._start_run()

    def _start_run(self) -> None:
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
        if action == "stop":
            return self.run_state.active
        if action in ("log_scale", "smoothing"):
            return isinstance(self.screen, TrainView)
        return True

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        running = self.run_state.phase == "training"
        toggle = "Pause" if running else "Start or go on"
        yield SystemCommand(toggle, "Space does the same", self.action_start_or_pause)
        if self.run_state.active:
            yield SystemCommand("Stop", "End the run here, and save it", self.action_stop)
        yield SystemCommand("Log scale", "Loss on a log or a linear scale", self.action_log_scale)
        yield SystemCommand("Smoothing", "Of the training loss", self.action_smoothing)
        for mode, title in VIEWS.items():
            yield SystemCommand(
                f"View: {title}", "Go there", lambda mode=mode: self.action_view(mode)
            )

    def _leave(self, status: int) -> None:
        """Stops and saves, and is gone when that is done."""
        self._status = status
        self.tell(Stop(), Quit())
        self.run_worker(self._exit_after_engine(), exit_on_error=False)

    async def _exit_after_engine(self) -> None:
        if self._engine is not None:
            with suppress(Exception):  # its failure has been told as an event
                await self._engine.wait()
        self.farewell = farewell(self.run_state)
        self.exit(return_code=self._status)

    # The digits' guesses

    def ask_for_digits(self) -> None:
        """Asks for the digits that the view in front shows, unless they are what it has."""
        view = self.screen
        capacity = view.digit_capacity if isinstance(view, View) else 0
        if not capacity:
            return
        state, first = self.run_state, self.settings.first_digit
        indices = tuple(range(first, first + capacity))
        if isinstance(view, OpenedView):
            wanted: Command = OpenCheckpoint(view.path, indices, self.config.data)
            step = 0
        elif state.phase in ("training", "paused"):
            wanted, step = Predict(indices), state.step
        elif state.phase in ("finished", "stopped", "failed") and state.checkpoint:
            wanted = OpenCheckpoint(state.checkpoint, indices, self.config.data)
            step = state.step
        else:
            return
        unanswered = self._asked and self._asked[-1] != "answered"
        if not unanswered and self._asked[:2] != (wanted, step):
            self._asked = (wanted, step)
            self.tell(wanted)
