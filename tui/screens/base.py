"""What every view has: a heading, a footer, and the state of the run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import ScreenResume
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import Static

from tui.actions import VIEWS
from tui.preferences import Preferences
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.widgets.canvas import could_not_be_drawn
from tui.widgets.digit_cards import Digits
from tui.widgets.footer import KeyBar
from tui.widgets.header import Heading

if TYPE_CHECKING:
    from tui.app.app import MnistApp


class View(Screen[None]):
    """A screen that follows the app's run state and preferences while it is in front.

    A failure in one part is shown in place of that part; the rest keeps working.
    """

    MODE = ""
    INSPECTS = False  # whether it shows how the layers of the network that is training do
    # What the help says first in this view: names and words.
    VIEW_HELP: ClassVar[dict[str, str]] = {}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-short"), (24, "-low"), (34, "-tall")]

    # Screen's own meaning of tab goes before the app's.
    BINDINGS = [
        Binding("tab", "app.next_view(1)", "Next view", show=False),
        Binding("shift+tab", "app.next_view(-1)", "Last view", show=False),
    ]

    _styled_for = ""

    run_state: var[RunState] = var(RunState, init=False)
    app_state: var[AppState] = var(AppState, init=False)
    preferences: var[Preferences] = var(Preferences, init=False)
    overlaid_runs: var[tuple[RunState, ...]] = var(tuple, init=False)
    bytes_per_second: var[int | None] = var[int | None](None, init=False)
    line_rate: var[int | None] = var[int | None](None, init=False)  # the same, of a slow line
    failed: dict[str, str]  # what of it, and what there is to say of that

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name in ("watch_run_state", "watch_app_state", "watch_preferences"):
            if watch := vars(cls).get(name):
                setattr(cls, name, _in_its_place(watch))

    def __init__(self) -> None:
        super().__init__()
        self.failed = {}

    @property
    def mnist(self) -> MnistApp:
        from tui.app.app import MnistApp

        assert isinstance(self.app, MnistApp)
        return self.app

    def _size_up(self) -> None:
        """Takes the classes of this window's size before there is anything in the view: textual
        does it after, and works all styles out a second time."""
        width, height = self.app.size
        sizes = ((width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS))
        for size, breakpoints in sizes:
            reached = [name for least, name in breakpoints if size >= least]
            self.add_class(reached[-1], update=False)

    def compose(self) -> ComposeResult:
        self._size_up()
        yield Heading(VIEWS, self.MODE).data_bind(View.run_state, View.line_rate)
        try:
            yield from self.body()
        except Exception as error:
            self.failed["body"] = could_not_be_drawn(error)
        yield Static(id="failure")
        yield KeyBar()
        yield Static("Please make this window larger: at least 60×18.", id="too-small")

    @property
    def is_too_small(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-flat")

    def body(self) -> ComposeResult:
        """What is between the heading and the footer."""
        yield from ()

    @property
    def opened_path(self) -> str | None:
        """The checkpoint that this view looks into; None: it looks at the run."""
        return None

    def wanted_digits(self) -> tuple[int, ...]:
        """Which test digits this view shows; none are asked for a view that shows none, nor while
        the app starts or ends and the view is not whole."""
        return tuple(range(sum(digits.capacity for digits in self.query(Digits))))

    def on_mount(self) -> None:
        self._show_failure()
        self.watch(self.app, "run_state", self._follow)
        self.watch(self.app, "app_state", self._follow)
        self.watch(self.app, "preferences", self._follow)
        self.watch(self.app, "overlaid_runs", self._follow)
        self.watch(self.app, "bytes_per_second", self._follow)

    def _on_screen_resume(self, event: ScreenResume) -> None:
        # Before textual's own, which would work out every widget's style anew.
        theme = self.app.theme
        event.refresh_styles = theme != self._styled_for
        self._styled_for = theme

    def on_screen_resume(self) -> None:
        self._follow()
        # Those that another view has asked for may be others.
        self.call_after_refresh(self.mnist.ask_for_digits, at_once=True)

    def _follow(self) -> None:
        if self.is_current:
            self.attempt("_take", self._take)

    def _take(self) -> None:
        self.app_state = self.mnist.app_state
        self.run_state = self.mnist.run_state
        self.preferences = self.mnist.preferences
        self.overlaid_runs = self.mnist.overlaid_runs
        self.bytes_per_second = self.mnist.bytes_per_second
        self.line_rate = self.bytes_per_second if self.preferences.slow else None

    def attempt(self, name: str, act: Callable[[], object]) -> None:
        """Does it. Where that fails, so it stands under the body, until it goes well."""
        before = dict(self.failed)
        try:
            act()
            self.failed.pop(name, None)
        except Exception as error:  # whatever it is, the app lives on
            self.failed[name] = could_not_be_drawn(error)
        if self.failed != before:
            self._show_failure()

    def _show_failure(self) -> None:
        # The first one: a body that is not whole makes others.
        said = next(iter(self.failed.values()), "")
        for line in self.query("#failure").results(Static):
            line.update(Content(said))
            line.display = bool(said)


def _in_its_place(watch: Callable[..., object]) -> Callable[..., None]:
    """A watcher whose failure does not reach those that watch the same."""

    @wraps(watch)
    def guarded(view: View, *values: object) -> None:
        view.attempt(watch.__name__, partial(watch, view, *values))

    return guarded
