"""The app: its views, the engine's lifetime, and one RunState that every view follows."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from importlib import import_module
from queue import SimpleQueue
from types import FrameType
from typing import Any

from textual.app import App, SystemCommand
from textual.filter import LineFilter
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.worker import Worker

from core.commands import Command, Inbox, ListDevices, Pause, Quit, Resume, Save, Start, Stop
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
from tui import settings as remembering
from tui.actions import ACTIONS, VIEWS, applies, applying, bindings
from tui.ascii import Ascii
from tui.pacing import Pace, Question
from tui.palette import OWN_COLOURS, THEMES, Colourless, theme_variables
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
# After a signal: how long the screen may take to put the terminal in order once all is saved.
SECONDS_TO_LEAVE = 2.0


def _later(module: str, name: str) -> Callable[[], Screen[Any]]:
    """A view that is imported when it is first gone to: the first frame does not wait for it."""

    def make() -> Screen[Any]:
        return getattr(import_module(f"tui.screens.{module}"), name)()

    return make


class MnistApp(App[None]):
    TITLE = "mnist-tui"
    CSS_PATH = "app.tcss"
    MODES = {
        "train": TrainView,
        "digits": _later("digits", "DigitsView"),
        "checkpoints": _later("checkpoints", "CheckpointsView"),
    }
    DEFAULT_MODE = "train"
    BINDINGS = bindings()

    run_state: var[RunState] = var(RunState, init=False)
    settings: var[Settings] = var(Settings, init=False)

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
        super().__init__()
        self.config = config
        self.inbox: Inbox = SimpleQueue()
        self._train, self._start_at_once = train, start
        self._engine: Worker[None] | None = None
        self._events: deque[Event] = deque()  # from the engine, not folded yet
        self._pace, self._digits = Pace(), Question(GUESS_SECONDS)
        self._killed_by = 0
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._old_handlers: dict[int, Any] = {}
        self._status = 0
        self._forced_theme = False
        self._in_ascii, self._colourless = Ascii(), Colourless()
        for name in set(self.available_themes) - {*THEMES, *OWN_COLOURS}:
            self.unregister_theme(name)
        if settings:
            self.set_reactive(MnistApp.settings, settings)

    # The engine's lifetime

    def on_mount(self) -> None:
        self._choose_theme()
        self._engine = self.run_worker(self._serve, name="engine", thread=True, exit_on_error=False)
        # After the first frame: this is what makes the engine load torch.
        self.call_after_refresh(self.tell, ListDevices())
        if self._start_at_once:
            self.call_after_refresh(self.action_start)
        self.call_after_refresh(self._frame)
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
            if not isinstance(event, Progress):  # that can wait for the next frame
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

    def _frame(self) -> None:
        """Once a frame: what has been told since is folded and shown."""
        self._hear()
        self.ask_for_digits()
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
        phase = self.run_state.phase
        self.run_state = state
        for event in heard:
            self._react(event)
        if state.phase != phase:
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
            case RunFailed():
                self._status = exit_status(event.reason)
                self._digits.forget()
                if not isinstance(self.view, TrainView):  # that one says it in its own place
                    self.notify(event.message, severity="error", markup=False, timeout=10)
            case RunFinished():
                self._status = 0
                self._digits.forget()

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
        self.run_state = starting(history or RunState(devices=self.run_state.devices))
        self.refresh_bindings()
        self._digits.forget()
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

    # What they do to what is seen

    def change_settings(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)

    def watch_settings(self, before: Settings, after: Settings) -> None:
        if remembering.remembered(before) != remembering.remembered(after):
            problem = remembering.save_settings(after)
            if problem:
                self.notify(problem, markup=False)

        if before.ascii != after.ascii:
            self.screen.refresh()  # the others are drawn anew when they come to the front

    def _choose_theme(self) -> None:
        """The one that is remembered; where there are no colours, or the terminal's own 16 alone,
        one that is made of them: others come out there as whatever is nearest."""
        few = not self.is_headless and self.console.color_system in (None, "standard")
        plain = self.no_color or few
        wanted = OWN_COLOURS if plain else (self.settings.theme,)
        chosen = next((name for name in wanted if name in self.available_themes), self.theme)
        self._forced_theme = plain and chosen != self.theme
        self.theme = chosen

    def watch_theme(self, theme: str) -> None:
        if self._forced_theme:  # no wish of the person's; the next one is
            self._forced_theme = False
        else:
            self.change_settings(theme=theme)

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        self.theme_variables = variables | theme_variables(self.current_theme, variables)
        return self.theme_variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to all that is drawn, last of all."""
        filters = [self._colourless] if self.no_color else list(super().get_line_filters())
        return [*filters, self._in_ascii] if self.settings.ascii else filters

    def action_chart(self, by: int) -> None:
        self.settings = self.settings.next("chart", remembering.CHARTS, by)

    def action_several(self) -> None:
        self.change_settings(several=not self.settings.several)

    def action_log_scale(self) -> None:
        self.change_settings(log_scale=not self.settings.log_scale)

    def action_smoothing(self) -> None:
        self.settings = self.settings.next("smoothing", remembering.SMOOTHINGS)

    def action_x_axis(self) -> None:
        self.settings = self.settings.next("x_axis", remembering.X_AXES)

    def action_zoom(self) -> None:
        self.settings = self.settings.next("zoom", remembering.ZOOMS)

    def action_temperature(self, steps: int) -> None:
        self.settings = self.settings.with_temperature(steps)

    def action_digit_style(self) -> None:
        self.settings = self.settings.next("digit_style", remembering.DIGIT_STYLES)

    def action_ascii(self) -> None:
        self.change_settings(ascii=not self.settings.ascii)

    def action_theme(self) -> None:
        self.action_change_theme()

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
        view = self.view
        if view is None or not (indices := view.wanted_digits()):
            return
        wanted = question(self.run_state, indices, view.opened_path, self.config.data)
        if wanted and self._digits.ask(wanted):
            self.tell(wanted[0])
