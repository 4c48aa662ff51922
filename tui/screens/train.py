"""The Train view: the form for a new run, and the charts of the run that is training."""

from dataclasses import replace
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import DescendantBlur, DescendantFocus
from textual.geometry import Region, Size

from tui.help import TRAIN_HELP
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.train_layout import Panel, PanelArea, Shown, arrange_panels, is_everything
from tui.state.run_state import RunState
from tui.widgets.charts.chart import Chart, ChartGroup
from tui.widgets.config_form import ConfigForm
from tui.widgets.digit_cards import DigitCards
from tui.widgets.run.accuracy import AccuracyPanel
from tui.widgets.run.commentary import Commentary
from tui.widgets.run.machine_usage import MachineUsage
from tui.widgets.run.progress import RunProgress, describe_progress, wrap_message
from tui.widgets.select import CompactSelect


class TrainView(View):
    MODE = "train"
    VIEW_HELP = TRAIN_HELP
    CSS_PATH = "train.tcss"
    AUTO_FOCUS = ""  # keys act on the run until an arrow key moves the focus into the form
    BINDINGS = [
        Binding("down", "app.focus_next", "Settings", key_display="↑ ↓"),
        Binding("up", "app.focus_previous", "Settings", show=False),
        Binding("left", "cursor(-1)", "Cursor", show=False),
        Binding("right", "cursor(1)", "Cursor", show=False),
        Binding("shift+left", "cursor(-10)", "Cursor", show=False),
        Binding("shift+right", "cursor(10)", "Cursor", show=False),
        Binding("escape", "back", "Back", show=False),
    ]

    def body(self) -> ComposeResult:
        with PanelArea(self._arrange):
            form = ConfigForm(self.mnist.config).data_bind(View.run_state, View.app_state)
            form.id = "form"
            yield form
            charts = ChartGroup().data_bind(View.run_state, View.preferences, View.overlaid_runs)
            charts.id = "charts"
            yield charts
            yield AccuracyPanel().data_bind(View.run_state, View.preferences)
            with Vertical(id="happening", classes="panel") as happening:
                happening.border_title = "What is happening"
                yield RunProgress().data_bind(View.run_state, View.config)
                yield Commentary().data_bind(View.run_state, View.config)
                yield MachineUsage().data_bind(View.bytes_per_second)
            digits = DigitCards("Test digits and their predictions appear here", id="digits")
            yield digits.data_bind(View.preferences)

    # Where the panels are

    def _arrange(self, size: Size) -> dict[Panel, Region]:
        return arrange_panels(size, self._shown(size))

    def _shown(self, size: Size) -> Shown:
        state, lines = self.run_state, 0
        if state.phase == "failed":  # all of the message, and what to do
            text = describe_progress(state, self.mnist.config)
            lines = len(wrap_message(text, size.width - 2)) + 2
        if is_everything(size):  # which has a line about the machine too
            lines = max(lines, 4)
        return Shown(self._shows_form, self.preferences.several == "all", lines)

    @property
    def _shows_form(self) -> bool:
        """Whether a small window shows the form: before the first run, and while a field is in
        focus."""
        forms = self.query(ConfigForm)
        return self.run_state.phase == "idle" or any(form.has_focus_within for form in forms)

    def _rearrange(self) -> None:
        # Of a child: that makes its parent forget where it has placed its children.
        for panel in self.query("#happening"):
            panel.refresh(layout=True)

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _focus_moved(self) -> None:
        self._rearrange()

    # What they show

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        for row in self.query(DigitCards):
            row.digits = after.digits
        if before.phase != after.phase:
            self._rearrange()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        self.set_class(after.several == "all", "-all-charts")
        self.set_class(after.machine, "-machine")
        if before.several != after.several:
            self._rearrange()

    @on(CompactSelect.Changed, "#arch")
    @on(CompactSelect.Changed, "#dataset")
    def _set_up(self, event: CompactSelect.Changed) -> None:
        """Make this network the one that all views show and that space trains."""
        changed: dict[str, Any] = {event.choice.id or "": event.choice.value}
        self.mnist.config = replace(self.mnist.config, **changed)

    # The chart's cursor

    def action_cursor(self, columns: int) -> None:
        """Move the chart's cursor; it starts at the newest step."""
        chart = self.query_one(ChartGroup).selected
        now = self.preferences.cursor
        at = chart.newest if now is None else now + columns / (chart.columns - 1)
        self.mnist.change_preferences(cursor=min(1.0, max(0.0, at)))

    def action_back(self) -> None:
        """Go one step back: leave the field in focus, else hide the cursor."""
        if self.focused is not None:
            self.set_focus(None)
        else:
            self.mnist.change_preferences(cursor=None)

    @on(Chart.Clicked)
    def _move_cursor(self, message: Chart.Clicked) -> None:
        if message.share is None:
            self.mnist.change_preferences(chart=message.kind)
        else:
            self.mnist.change_preferences(cursor=message.share)

    @on(Chart.Zoomed)
    def _zoom(self, message: Chart.Zoomed) -> None:
        self.mnist.change_preferences(zoom=self.preferences.step("zoom", message.by))
