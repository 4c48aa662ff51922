"""The app: its views, its state, and the actions of keys, buttons and the command palette.

What it does is in objects: RunController, NetworkRequests, Lifetime, Appearance and SlowLink.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.events import DescendantFocus, Mount, MouseMove, Resize, Unmount
from textual.events import Event as TextualEvent
from textual.filter import LineFilter
from textual.reactive import var
from textual.screen import Screen

from core.commands import Command, Pause, Resume, Save, Start, StartRace, Stop
from core.config import TrainConfig
from core.engine.local_host import Train
from core.events import Event, LaneEvent, Notice, RunFailed
from core.responses.devices import DevicesListed
from tui.actions import VIEWS, bindings
from tui.app.appearance import Appearance
from tui.app.drawing.kept_requests import KeptRequests
from tui.app.drawing.requests import DrawingRequests
from tui.app.event_queue import EventsReady
from tui.app.explanations import ExplanationRequests
from tui.app.frame_rate import FrameRate
from tui.app.lifetime import Lifetime
from tui.app.missions.guide import MissionGuide
from tui.app.network_requests import NetworkRequests
from tui.app.opening import OPENINGS
from tui.app.race.controller import RaceController
from tui.app.run_controller import RunController
from tui.app.slow_link import SlowLink, choose_driver
from tui.app.views import MODES, import_views, palette_entries
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.train import TrainView
from tui.signals import CONTINUE
from tui.state.app_state import AppState
from tui.state.race.race_state import RaceState
from tui.state.race.shown import is_news
from tui.state.run_state import RecordRead, RunState
from tui.terminal.stylesheet import CachingStylesheet
from tui.terminal.textual_private import disable_tooltips
from tui.text.themes import theme_variables
from tui.widgets.canvas import Draggable

if TYPE_CHECKING:
    from core.attach.client import RemoteHost
    from core.attach.race import RaceViewer
    from tui.missions.attempt import MissionAttempt
    from tui.missions.mission import Mission

# How long a new view may take to compose before it is shown; Textual's own is 0.05.
VIEW_SECONDS = 0.005
CONTROLS = {"pause": Pause(), "resume": Resume(), "save": Save(), "stop": Stop()}


class MnistApp(App[None]):
    TITLE = "mnist-tui"
    # With that of the first view: Textual would parse all of it again for the view.
    CSS_PATH = ["app.tcss", Path(__file__).parent.parent / "screens" / "train.tcss"]
    MODES = MODES
    DEFAULT_MODE = "train"
    # Textual's own ctrl+c only names the key that quits.
    BINDINGS = [*bindings(), Binding("ctrl+c", "quit", show=False)]

    run_state: var[RunState] = var(RunState, init=False)
    app_state: var[AppState] = var(AppState, init=False)
    race_state: var[RaceState] = var(RaceState, init=False)
    # The name of the lane whose run is the run that views show; "" where it is of no race.
    lane_name: var[str] = var("", init=False)
    # Earlier runs on the chart, at most MAX_OVERLAID, the newest last.
    overlaid_runs: var[tuple[RunState, ...]] = var(tuple, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    config: var[TrainConfig] = var(TrainConfig, init=False)  # of the next run
    mission: var[MissionAttempt | None] = var(None, init=False)  # that is in progress
    bytes_per_second: var[int | None] = var[int | None](None, init=False)  # None: no terminal

    def __init__(
        self,
        config: TrainConfig,
        *,
        start: bool = False,
        train: Train | None = None,
        host: RemoteHost | RaceViewer | None = None,
        race: StartRace | None = None,
        preferences: Preferences | None = None,
        on_hangup: str = CONTINUE,
        mission: Mission | None = None,
    ) -> None:
        """`start` begins training at once, and `race` a race. `train` replaces the trainer; `host`
        is a run or a race in another process, to attach to, or the record of a race; `mission` is
        one to start with."""
        super().__init__()
        self.stylesheet = CachingStylesheet(variables=self.get_css_variables())
        disable_tooltips(self)
        self.driver_class = choose_driver(self.driver_class)
        self.set_reactive(MnistApp.config, config)
        self.runs = RunController(self, train, host)
        self.race = RaceController(self, race, host)
        self.requests = NetworkRequests(self)
        self.explanations = ExplanationRequests(self, self.requests.next_config)
        self.drawing = DrawingRequests(self)
        self.kept = KeptRequests(self)
        self.missions = MissionGuide(self, mission)
        self.lifetime = Lifetime(self, on_hangup, self._show_events)
        self.appearance = Appearance(self)
        self.slow_link = SlowLink(self, self.appearance.switch_slow_link_on)
        self.slow_terminal = self.slow_link.terminal  # which the driver uses
        self.set_reactive(MnistApp.preferences, preferences or Preferences())
        self.slow_link.set_slow(self.preferences.slow)
        self._start_at_once = start
        self._frame_rate = FrameRate()

    @on(Mount)
    def _begin(self) -> None:
        self.slow_link.begin()
        self.watch(self, "theme", self.appearance.theme_changed, init=False)
        self.appearance.choose_theme()
        self.lifetime.begin()
        # After the first frame: this makes the engine load torch.
        self.call_after_refresh(self.runs.begin)
        self.race.begin()
        self.call_after_refresh(self.missions.begin)
        if self._start_at_once:
            self.call_after_refresh(self.action_run, "start")
        self.call_after_refresh(self._frame)

    @on(Unmount)
    def _end(self) -> None:
        self.appearance.save()
        self.runs.close()
        self.lifetime.end()

    def _frame(self) -> None:
        if not gc.isenabled():  # the command line disables it until the first frame
            gc.freeze()
            gc.enable()
        self._show_events()
        if view := self.view:
            view.attempt("requests", self.requests.send_due)
            view.attempt("drawing", self.drawing.send_due)
        self.kept.send_due()
        training = "training" in (self.run_state.phase, self.race_state.phase)
        sent = self.slow_terminal.rate
        delay = self._frame_rate.delay(training=training, slow=self.preferences.slow, sent=sent)
        self.set_timer(delay, self._frame)

    # State

    @on(EventsReady)
    def _show_events(self) -> None:
        """Fold the events that have come, and do what follows from them."""
        before, race_before = self.run_state, self.race_state
        for event in self.runs.queue.take():
            inner = event.event if isinstance(event, LaneEvent) else event
            for handler in (self.requests, self.drawing, self.kept):
                handler.handle(inner)
            # A race continues when a lane's run has ended.
            for follower in (self.lifetime, self.race, self.runs):
                follower.handle(event)
            if is_news(event, self.race_state):
                self._handle(inner)
        after = self.run_state
        is_saved = (before.checkpoint is None) != (after.checkpoint is None)
        is_other = after.phase != before.phase or self.race_state.phase != race_before.phase
        # Not at each event: it composes the footer again.
        if (is_other or is_saved) and self.is_running and self.view:
            self.refresh_bindings()

    def _handle(self, event: Event) -> None:
        match event:
            case Notice():
                self.notify(event.message, markup=False, timeout=8)
            # Race shows those of its lanes, and Train its run's, unless another run has started.
            case RunFailed() if self.current_mode == "race" and self.race_state.is_of_lane(event):
                pass
            case RunFailed() if not isinstance(self.view, TrainView) or self.run_state.is_active:
                self.notify(event.message, severity="error", markup=False, timeout=10)
            case DevicesListed() | RecordRead():
                import_views(self)

    @property
    def view(self) -> View | None:
        """The view in front; None if a dialog is, and between two views."""
        stack = self.screen_stack
        return stack[-1] if stack and isinstance(stack[-1], View) else None

    # For screens

    def send(self, *commands: Command) -> None:
        self.runs.send(*commands)

    def start_next(self, command: Start, history: RunState) -> None:
        self.runs.start_next(command, history)

    def attach(self, folder: Path) -> None:
        self.runs.attach(folder)

    def request_digits(self, *, at_once: bool = False) -> None:
        self.requests.request_digits(at_once=at_once)

    def change_preferences(self, **changes: Any) -> None:
        self.preferences = replace(self.preferences, **changes)

    # Actions

    def action_run(self, name: str) -> None:
        """Start, pause, resume, stop, save or detach the run."""
        if name == "start":
            self.runs.start_from_form()
        elif name == "detach":
            self.runs.detaching.begin()
        elif name != "stop" or self.runs.is_active:
            self.send(CONTROLS[name])

    def action_set(self, name: str, by: int = 1) -> None:
        """Select the next value of a preference."""
        self.appearance.cycle(name, by)

    def action_open(self, name: str) -> None:
        """Open a dialog, or begin what comes after a run; see tui/app/opening.py."""
        OPENINGS[name](self)

    def action_view(self, mode: str) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.switch_mode(mode)

    def action_next_view(self, by: int) -> None:
        """Show the next view; from a field of the form, focus the next one or leave the form."""
        if isinstance(view := self.view, TrainView) and view.focused:
            chain = view.focus_chain
            place = chain.index(view.focused) + by if view.focused in chain else -1
            view.set_focus(chain[place] if 0 <= place < len(chain) else None)
            return
        modes = list(VIEWS)
        self.action_view(modes[(modes.index(self.current_mode) + by) % len(modes)])

    def action_suspend_process(self) -> None:
        self.slow_link.suspend()

    async def action_quit(self) -> None:
        self.lifetime.ask()

    # What Textual calls

    async def on_event(self, event: TextualEvent) -> None:
        """Handle an event of the terminal. A move of the mouse that draws goes to its widget at
        once: Textual looks for what is below the mouse each time, and training waits."""
        widget = self.mouse_captured
        if type(event) is MouseMove and isinstance(widget, Draggable):
            x, y = widget.region.offset
            widget.drag(event.pointer_x - x, event.pointer_y - y, event.button)
            return
        await super().on_event(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action is available; the footer shows those that are."""
        if action in ("focus_next", "focus_previous"):
            # The fields are disabled during a run.
            return not (isinstance(self.view, TrainView) and self.run_state.is_active)
        if action in ("open", "command_palette") and self.view and self.view.is_too_small:
            return False
        return self.race.is_available(action, parameters)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the entries of the command palette: Textual's, the actions and the views."""
        yield from palette_entries(self, screen, super().get_system_commands(screen))

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        self.appearance.changed(before, after)

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        self.theme_variables = variables | theme_variables(self.current_theme, variables)
        return self.theme_variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        return self.appearance.line_filters(super().get_line_filters())

    def delay_update(self, delay: float = VIEW_SECONDS) -> None:
        super().delay_update(min(delay, VIEW_SECONDS))

    @on(DescendantFocus)
    def _focused(self, event: DescendantFocus) -> None:
        self.slow_link.focused(event.widget)

    @on(Resize)
    def _resized(self, event: Resize) -> None:
        self.slow_link.resized(event.size)
