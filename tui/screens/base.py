"""The base class of all views: a heading, a footer, and the state of the run.

Views and dialogs need not import the app: the part of it that they use is an AppProtocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import Resize, ScreenResume
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import Static

from core.commands import Command, Start, StartRace
from core.config import TrainConfig
from core.data.drawn.store import KeptDrawing
from core.questions import Question
from tui.actions import VIEWS
from tui.preferences import Preferences
from tui.state.app_state import AppState
from tui.state.race.race_state import RaceState
from tui.state.run_state import RunState
from tui.widgets.canvas import draw_error_text, through_attempt
from tui.widgets.digit_cards import DigitCards
from tui.widgets.footer import KeyFooter
from tui.widgets.header import ViewHeader

if TYPE_CHECKING:
    from tui.missions.attempt import MissionAttempt
    from tui.missions.mission import Mission
    from tui.missions.progress import MissionProgress


class AsksQuestions(Protocol):
    """Asks why the network answers as it does: see tui/app/explanations.py."""

    def ask(self, question: Question, path: str | None = None) -> int: ...
    def cancel(self) -> None: ...


class AsksAboutDrawings(Protocol):
    """Asks what a network sees in a drawing: see tui/app/drawing."""

    def change(self, pixels: bytes) -> None: ...
    def step_epoch(self, by: int) -> None: ...
    def train_quick(self) -> None: ...


class KeepsDrawings(Protocol):
    """Lists the drawings that are kept: see tui/app/drawing."""

    deleted: list[KeptDrawing]

    def refresh(self) -> None: ...


class ControlsRace(Protocol):
    """Selects and drops lanes, and opens races: see tui/app/race."""

    @property
    def lane(self) -> int: ...
    def select(self, lane: int) -> None: ...
    def drop(self, lane: int) -> None: ...
    def show(self, folder: Path) -> None: ...
    def start(self, command: StartRace) -> None: ...


class GuidesMissions(Protocol):
    """Leads through a mission: see tui/app/missions."""

    missions: tuple[Mission, ...]
    faults: tuple[str, ...]  # of the missions' files
    progress: Mapping[str, MissionProgress]  # by the missions' keys

    def load(self) -> None: ...
    def start(self, mission: Mission, choice: int) -> None: ...
    def resume(self, mission: Mission) -> None: ...
    def leave(self) -> None: ...
    def open_next(self) -> None: ...
    def hint(self) -> None: ...
    def expand(self) -> None: ...


class AppProtocol(Protocol):
    app_state: AppState
    run_state: RunState  # in a race, that of the selected lane
    race_state: RaceState
    lane_name: str  # of the lane whose run this is, "" where it is of no race
    preferences: Preferences
    overlaid_runs: tuple[RunState, ...]
    bytes_per_second: int | None  # None unless output goes to a terminal
    config: TrainConfig  # the settings of the next run
    mission: MissionAttempt | None  # that is in progress

    def send(self, *commands: Command) -> None: ...
    def start_next(self, command: Start, history: RunState) -> None: ...
    def attach(self, folder: Path) -> None: ...
    def request_digits(self, *, at_once: bool = False) -> None: ...
    def change_preferences(self, **changes: Any) -> None: ...
    @property
    def explanations(self) -> AsksQuestions: ...
    @property
    def drawing(self) -> AsksAboutDrawings: ...
    @property
    def kept(self) -> KeepsDrawings: ...
    @property
    def race(self) -> ControlsRace: ...
    @property
    def missions(self) -> GuidesMissions: ...
    def action_view(self, mode: str) -> None: ...
    def action_set(self, name: str, by: int = 1) -> None: ...


def app_of(screen: Screen[Any]) -> AppProtocol:
    return cast(AppProtocol, screen.app)


# Attributes of the app that a view copies while it is in front.
FOLLOWED = (
    *("app_state", "run_state", "preferences", "overlaid_runs"),
    *("bytes_per_second", "config", "race_state", "lane_name", "mission"),
)
HUGE = 180, 52  # columns and rows from which on a view shows all of it at once


class View(Screen[None]):
    """A screen that follows the app's state and preferences while it is in front.

    A failure in one part is shown in place of that part; the rest keeps working.
    """

    MODE = ""
    # The first section of the help in this view: terms and their explanations.
    VIEW_HELP: ClassVar[dict[str, str]] = {}
    # Its title in the help, if not that of the mode.
    VIEW_TITLE: ClassVar[str] = ""
    # The fields of the run's state that are shown.
    SEEN: ClassVar[tuple[str, ...]] = ()
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-short"), (24, "-low"), (34, "-tall")]

    # Textual's Screen binds tab too, with precedence over the app's bindings.
    BINDINGS = [
        Binding("tab", "app.next_view(1)", "Next view", show=False),
        Binding("shift+tab", "app.next_view(-1)", "Previous view", show=False),
    ]

    _styled_for = ""  # the theme

    run_state: var[RunState] = var(RunState, init=False)
    app_state: var[AppState] = var(AppState, init=False)
    race_state: var[RaceState] = var(RaceState, init=False)
    lane_name: var[str] = var("", init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    overlaid_runs: var[tuple[RunState, ...]] = var(tuple, init=False)
    config: var[TrainConfig] = var(TrainConfig, init=False)
    mission: var[MissionAttempt | None] = var(None, init=False)  # that is in progress
    bytes_per_second: var[int | None] = var[int | None](None, init=False)
    # The same, but None unless slow-link mode is on.
    link_rate: var[int | None] = var[int | None](None, init=False)
    # The checkpoint whose predictions this view shows; None for those of the run.
    opened_path: str | None = None
    has_predictions = False  # whether the view has those that it shows, and requests none
    failed: dict[str, str]  # error messages by the part that failed

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name in ("watch_run_state", "watch_app_state", "watch_preferences"):
            if watch := vars(cls).get(name):
                setattr(cls, name, through_attempt(watch))

    def __init__(self) -> None:
        super().__init__()
        self.failed = {}

    @property
    def mnist(self) -> AppProtocol:
        return app_of(self)

    @property
    def allow_select(self) -> bool:
        """Whether the mouse selects text: not on a key, where a double click presses it twice."""
        at = self.app.mouse_position
        is_inside = self.region.contains_point(at)
        return super().allow_select and not (is_inside and "@click" in self.get_style_at(*at).meta)

    def _set_size_classes(self) -> None:
        """Set the breakpoints' classes before the view has widgets.

        Textual sets them afterwards and then computes all styles a second time.
        """
        width, height = self.app.size
        sizes = ((width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS))
        for size, breakpoints in sizes:
            reached = [name for least, name in breakpoints if size >= least]
            self.add_class(reached[-1], update=False)
        self.set_class(width >= HUGE[0] and height >= HUGE[1], "-huge", update=False)

    def compose(self) -> ComposeResult:
        self._set_size_classes()
        titles = {mode: view.title for mode, view in VIEWS.items()}
        header = ViewHeader(titles, self.MODE)
        yield header.data_bind(View.run_state, View.config, View.link_rate, View.lane_name)
        try:
            yield from self.body()
        except Exception as error:  # the heading and the other views keep working
            self.failed["body"] = draw_error_text(error)
        yield Static(id="failure")
        yield KeyFooter()
        yield Static("Please enlarge this window to at least 60×18.", id="too-small")

    @property
    def is_too_small(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-flat")

    def body(self) -> ComposeResult:
        """Yield the widgets between the heading and the footer."""
        yield from ()

    def wanted_digits(self) -> tuple[int, ...]:
        """Return the indices of the test images that this view shows.

        Empty for a view without digits, and while the view is being built or removed.
        """
        return tuple(range(sum(digits.capacity for digits in self.query(DigitCards))))

    def on_mount(self) -> None:
        self._show_failure()
        for name in FOLLOWED:
            self.watch(self.app, name, self._follow)

    def on_screen_resume(self, event: ScreenResume) -> None:
        # Runs before Textual's handler, which would compute the style of every widget again.
        theme = self.app.theme
        event.refresh_styles = theme != self._styled_for
        self._styled_for = theme
        self._follow()
        self.attempt("show", self.show)
        # The predictions at hand may be those that another view requested.
        self.call_after_refresh(self.mnist.request_digits, at_once=True)

    @on(Resize)
    def _show_at_new_size(self) -> None:
        width, height = self.size
        self.set_class(width >= HUGE[0] and height >= HUGE[1], "-huge")
        # After the refresh, the widgets have their new sizes.
        self.call_after_refresh(self.attempt, "show", self.show)
        if self.is_current:  # there may be room for more digits
            self.call_after_refresh(self.mnist.request_digits, at_once=True)

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if any(getattr(before, name) is not getattr(after, name) for name in self.SEEN):
            self.attempt("show", self.show)

    def show(self) -> None:
        """Update the view: when it comes to the front, after a resize, and for what is SEEN."""

    def _follow(self) -> None:
        if self.is_current:
            self.attempt("_copy_state", self._copy_state)

    def _copy_state(self) -> None:
        for name in FOLLOWED:
            setattr(self, name, getattr(self.mnist, name))
        self.link_rate = self.bytes_per_second if self.preferences.slow else None

    def attempt(self, name: str, act: Callable[[], object]) -> None:
        """Call `act`. If it raises, show the error below the body until it succeeds."""
        before = dict(self.failed)
        try:
            act()
            self.failed.pop(name, None)
        except Exception as error:  # a failing view must not end the app, nor the training
            self.failed[name] = draw_error_text(error)
        if self.failed != before:
            self._show_failure()

    def _show_failure(self) -> None:
        # The first error: an incomplete body causes others.
        message = next(iter(self.failed.values()), "")
        for part in self.query("#failure").results(Static):
            part.update(Content(message))
            part.display = bool(message)
