"""The app: its views, the engine's lifetime, and one RunState that every view follows."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from importlib import import_module
from queue import SimpleQueue
from types import FrameType
from typing import Any

from textual.app import SystemCommand
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.worker import Worker

from core.commands import (
    Command,
    Inbox,
    Inspect,
    ListDevices,
    Pause,
    Quit,
    Resume,
    Save,
    SetLearningRate,
    Start,
    Stop,
)
from core.config import TrainConfig
from core.engine import Train, serve
from core.errors import exit_status
from core.events import (
    CheckpointRefused,
    CheckpointSaved,
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
from tui.actions import ACTIONS, VIEWS, applies, applying, bindings
from tui.looking import Looking
from tui.pacing import Pace, Question
from tui.questions import question
from tui.screens.train import TrainView
from tui.screens.view import View
from tui.settings import Settings
from tui.signals import ENDING
from tui.state import RunState, fold, starting
from tui.widgets.form import SetupForm
from tui.words import farewell

# At least so long between the digits' guesses while the network trains.
GUESS_SECONDS = 0.5
# What comes again and again while a network trains, and can wait for the next frame.
UNHURRIED = (Progress, Evaluated, Scored, CheckpointSaved, Predicted, NetworkInspected)
# And between two looks into it.
INSPECTION_SECONDS = 1.0
# After a signal: how long the screen may take to put the terminal in order once all is saved.
SECONDS_TO_LEAVE = 2.0


def _later(module: str, name: str) -> Callable[[], Screen[Any]]:
    """A view that is imported when it is first gone to: the first frame does not wait for it."""

    def make() -> Screen[Any]:
        return getattr(import_module(f"tui.screens.{module}"), name)()

    return make


class MnistApp(Looking):
    TITLE = "mnist-tui"
    CSS_PATH = "app.tcss"
    MODES = {
        "train": TrainView,
        "digits": _later("digits", "DigitsView"),
        "mistakes": _later("mistakes", "MistakesView"),
        "network": _later("network", "NetworkView"),
        "checkpoints": _later("checkpoints", "CheckpointsView"),
    }
    DEFAULT_MODE = "train"
    BINDINGS = bindings()

    run_state: var[RunState] = var(RunState, init=False)
    # Runs to be laid under the live one on the chart, at most MOST_EARLIER, the newest last.
    earlier: var[tuple[RunState, ...]] = var(tuple, init=False)

    class Told(Message):
        """The engine has said something."""

    def __init__(
        self,
        config: TrainConfig,
        *,
        start: bool = False,
        train: Train | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(settings or Settings())
        self.config = config
        self.inbox: Inbox = SimpleQueue()
        self._train, self._start_at_once = train, start
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
        # After the first frame: this is what makes the engine load torch.
        self.call_after_refresh(self.tell, ListDevices())
        if self._start_at_once:
            self.call_after_refresh(self.action_start)
        self.call_after_refresh(self._begin)
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
            self._events.append(event)
            if self.run_state.phase != "training" or not isinstance(event, UNHURRIED):
                self.post_message(self.Told())
        if self._killed_by:
            last_resort = threading.Timer(SECONDS_TO_LEAVE, os._exit, [128 + self._killed_by])
            last_resort.daemon = True
            last_resort.start()

    @property
    def farewell(self) -> str:
        """What to say when the screen is gone: true even where the screen was gone first."""
        return farewell(reduce(fold, self._events, self.run_state))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Stops, saves and leaves, even where the screen hangs because its terminal has gone or
        reads no more: asyncio would not hear of the signal then, and could not write its farewell.
        """
        self.tell(Stop(), Quit())
        self._killed_by = number
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self._leave, 128 + number)

    # What the engine says

    def _begin(self) -> None:
        if not gc.isenabled():  # as the command line leaves it
            gc.freeze()
            gc.enable()
        self._frame()

    def _frame(self) -> None:
        """Once a frame: what has been told since is folded and shown."""
        self._hear()
        self.ask_for_digits()
        self.ask_to_inspect()
        self.set_timer(self._pace.delay(active=self.run_state.phase == "training"), self._frame)

    def on_mnist_app_told(self) -> None:
        self._hear()

    def _hear(self) -> None:
        heard = []
        state = self.run_state
        while self._events:
            heard.append(self._events.popleft())
            state = fold(state, heard[-1])
        if not heard:
            return
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
        stack = self._screen_stacks.get(self.current_mode)
        return stack[-1] if stack and isinstance(stack[-1], View) else None

    # What keys, buttons and the palette do to a run

    def action_start(self) -> None:
        if self.run_state.active:
            return
        view = self.view
        if isinstance(view, TrainView):
            config = view.query_one(SetupForm).config()
            if config is None:
                return
            self.config = config
            view.set_focus(None)
        self.start(Start(self.config))

    def start(self, command: Start, history: RunState | None = None) -> None:
        """`history` is what the run has told so far, where it is taken up."""
        from tui.history import laid_under

        before, folder = self.run_state, command.taken_up.folder if command.taken_up else None
        self.earlier = laid_under(self.earlier, before, folder)
        self.run_state = starting(
            replace(history or RunState(), devices=before.devices, network=before.network)
        )
        self.refresh_bindings()
        self._forget()
        self.tell(command)

    def action_pause(self) -> None:
        self.tell(Pause())

    def action_go_on(self) -> None:
        self.tell(Resume())

    def action_save(self) -> None:
        self.tell(Save())

    def action_stop(self) -> None:
        if self.run_state.active:
            self.tell(Stop())

    def action_rate(self) -> None:
        from tui.screens.rate import Rate

        self.push_screen(Rate(), lambda rate: self.tell(SetLearningRate(rate)) if rate else None)

    def action_rewind(self) -> None:
        from tui.screens.rewind import Rewind

        self.push_screen(Rewind(), lambda branch: self.start_next(*branch) if branch else None)

    def start_next(self, command: Start, history: RunState) -> None:
        """Starts it when the run that goes on, if one does, has stopped and is saved."""
        if self.run_state.active:
            self._next = command, history
            self.tell(Stop())
        else:
            self.start(command, history)

    # What they do to what is seen

    def action_compare(self) -> None:
        from tui.screens.compare import Compare

        def lay(runs: tuple[RunState, ...] | None) -> None:
            self.earlier = self.earlier if runs is None else runs

        self.push_screen(Compare(), lay)

    def action_view(self, mode: str) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.switch_mode(mode)

    def action_next_view(self, by: int) -> None:
        """The next view; in the form, the next field, and from its last one on."""
        view = self.view
        if isinstance(view, TrainView) and view.focused:
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
        from tui.guide import guide
        from tui.screens.dialogs import Help

        view = self.view
        field = view.focused.id if view and view.focused else None
        self.push_screen(Help(guide(self.current_mode, field, view.GUIDE if view else {})))

    async def action_quit(self) -> None:
        from tui.screens.dialogs import ConfirmQuit

        if self.run_state.active:
            self.push_screen(ConfirmQuit(), lambda yes: self._leave(0) if yes else None)
        else:
            self.exit(return_code=self._status)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows what applies now."""
        if action in ("focus_next", "focus_previous"):
            # The fields are locked during a run.
            return not (isinstance(self.view, TrainView) and self.run_state.active)
        return applies(action, self.run_state, self.current_mode)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        # Textual's own, but for what is here already.
        ours = {"Keys", *(each.label for each in ACTIONS)}
        yield from (each for each in super().get_system_commands(screen) if each.title not in ours)
        for each in applying(self.run_state, self.current_mode):
            yield SystemCommand(each.label, each.help, partial(self.run_action, each.name))
        for mode, title in VIEWS.items():
            yield SystemCommand(f"View: {title}", "Go there", partial(self.action_view, mode))

    def _leave(self, status: int) -> None:
        """Stops and saves, and is gone when that is done."""
        self._next = None
        self.tell(Stop(), Quit())
        self.run_worker(self._exit_after_engine(status), exit_on_error=False)

    async def _exit_after_engine(self, status: int) -> None:
        if self._engine is not None:
            with suppress(Exception):  # its failure has been told as an event
                await self._engine.wait()
        self.exit(return_code=status)

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
            self.tell(Inspect())

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
            self.tell(wanted[0])
