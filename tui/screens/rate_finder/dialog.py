"""The dialog that searches for a learning rate and shows the loss at each."""

from itertools import count

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from core.commands import CancelFindRate, FindRate
from core.config import TrainConfig
from core.responses.rates import HIGHEST, LOWEST, STEPS, RatesRefused, RatesTried
from tui.analysis.found_rate import describe_found, describe_search
from tui.screens.base import app_of
from tui.screens.captions import set_text, show_message
from tui.state.app_state import AppState
from tui.text.formats import format_rate, printable
from tui.text.settings import OPTIMIZER_NAMES, network_name
from tui.widgets.charts.rate_chart import RateChart, rate_legend

REQUESTS = count(1)  # the responses to an earlier dialog are not those to this one
FACTOR = (HIGHEST / LOWEST) ** (1 / (STEPS - 1))  # from one rate that is tried to the next


class RateDialog(ModalScreen[float | None]):
    """Return the learning rate that was taken, or None.

    The engine searches as long as the dialog is open, and the mark may be moved to another rate.
    """

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("enter", "take", "Open", show=False),
        Binding("left", "move(-1)", "Page", show=False),
        Binding("right", "move(1)", "Page", show=False),
        Binding("escape", "dismiss(None)", "Back", show=False),
    ]

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self._config, self._request = config, next(REQUESTS)
        self._tried: RatesTried | None = None
        self._marked: float | None = None

    def compose(self) -> ComposeResult:
        config = self._config
        optimizer = OPTIMIZER_NAMES.get(config.optimizer, config.optimizer)
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Find a learning rate"
            dialog.border_subtitle = "esc cancel"
            network = printable(network_name(config.arch))
            yield Static(id="legend")
            yield RateChart()
            text = f"{network}, {optimizer}, batch size {config.batch_size}"
            yield Static(text, markup=False, id="settings")
            yield Static(id="message")
            with Horizontal(id="buttons"):
                yield Button("Use", id="use", compact=True, disabled=True)
                yield Button("Cancel", compact=True, action="screen.dismiss(None)")

    def on_mount(self) -> None:
        app_of(self).send(FindRate(self._config, self._request))
        self.watch(self.app, "app_state", self._follow)
        self.watch(self.app, "preferences", self._show, init=False)

    def on_unmount(self) -> None:
        app_of(self).send(CancelFindRate())

    def _follow(self, state: AppState) -> None:
        """Show the newest response to this dialog's request."""
        rates = state.rates
        if rates is None or rates.request != self._request or rates is self._tried:
            return
        if isinstance(rates, RatesRefused):
            show_message(self, f"✗ {printable(rates.message)}", wrong=True)
            return
        self._tried = rates
        if rates.is_last:
            self._marked = rates.suggestion
        self._show()

    def _show(self) -> None:
        tried, preferences = self._tried, app_of(self).preferences
        if tried is None:
            return
        self.query_one(RateChart).show(tried, self._marked, preferences)
        if tried.points:
            set_text(self, "#legend", rate_legend(tried, self._marked, preferences))
        lines = describe_found(tried) if tried.is_last else [describe_search(tried)]
        notes = [f"{note[:1].upper()}{note[1:]}." for note in tried.notes]
        show_message(self, printable(" ".join([*lines, *notes])))
        use = self.query_one("#use", Button)
        use.disabled = self._marked is None
        if self._marked is not None:
            use.label = f"Use {format_rate(self._marked)}"
        if tried.is_last:
            keys = "←→ another rate · " if tried.points else ""
            keys += "enter use · " if self._marked is not None else ""
            self.query_one(".dialog").border_subtitle = f"{keys}esc cancel"

    def action_move(self, by: int) -> None:
        """Move the mark by one rate, once the search has ended."""
        if self._tried and self._tried.is_last:
            start = self._config.learning_rate if self._marked is None else self._marked
            self._mark(start * FACTOR**by)

    @on(RateChart.Clicked)
    def _mark_clicked(self, event: RateChart.Clicked) -> None:
        if self._tried and self._tried.is_last:
            self._mark(event.rate)

    def _mark(self, rate: float) -> None:
        """Mark a rate, among those that were tried."""
        assert self._tried is not None
        if points := self._tried.points:
            rate = min(max(rate, points[0].rate), points[-1].rate)
            self._marked = float(f"{rate:.1e}")
            self._show()

    @on(Button.Pressed, "#use")
    def action_take(self) -> None:
        if self._marked is not None:
            self.dismiss(self._marked)
