"""What every view has: a heading, a footer, and the state of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import ScreenResume
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import Static

from tui.actions import VIEWS
from tui.settings import Settings
from tui.state import RunState
from tui.widgets.digits import Digits
from tui.widgets.heading import Heading
from tui.widgets.keybar import KeyBar

if TYPE_CHECKING:
    from tui.app import MnistApp


class View(Screen[None]):
    """A screen that follows the app's run_state and settings, but only while it is looked at."""

    MODE = ""
    INSPECTS = False  # whether it shows how the layers of the network that is training do
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-short"), (24, "-low"), (34, "-tall")]

    # Screen's own meaning of tab goes before the app's.
    BINDINGS = [
        Binding("tab", "app.next_view(1)", "Next view", show=False),
        Binding("shift+tab", "app.next_view(-1)", "Last view", show=False),
    ]

    _styled_for = ""

    run_state: var[RunState] = var(RunState, init=False)
    settings: var[Settings] = var(Settings, init=False)
    earlier: var[tuple[RunState, ...]] = var(tuple, init=False)

    @property
    def mnist(self) -> MnistApp:
        from tui.app import MnistApp

        assert isinstance(self.app, MnistApp)
        return self.app

    def compose(self) -> ComposeResult:
        yield Heading(VIEWS, self.MODE).data_bind(View.run_state)
        yield from self.body()
        yield KeyBar()
        yield Static("Please make this window larger: at least 60×18.", id="too-small")

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
        self.watch(self.app, "run_state", self._follow)
        self.watch(self.app, "settings", self._follow)
        self.watch(self.app, "earlier", self._follow)

    def _on_screen_resume(self, event: ScreenResume) -> None:
        # Before textual's own, which would work out every widget's style anew.
        theme = self.app.theme
        event.refresh_styles = theme != self._styled_for
        self._styled_for = theme

    def on_screen_resume(self) -> None:
        self._follow()

    def _follow(self) -> None:
        if self.is_current:
            self.run_state = self.mnist.run_state
            self.settings = self.mnist.settings
            self.earlier = self.mnist.earlier
