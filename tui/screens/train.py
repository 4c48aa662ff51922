"""The Train view: the form for a new run, and the charts of the run that is training."""

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.events import DescendantBlur, DescendantFocus

from tui.help import TRAIN_HELP
from tui.screens.base import View
from tui.state.run_state import RunState
from tui.widgets.charts.chart import Chart, ChartGroup
from tui.widgets.commentary import Commentary
from tui.widgets.config_form import ConfigForm
from tui.widgets.digit_cards import DigitCards
from tui.widgets.machine_usage import MachineUsage
from tui.widgets.run_progress import RunProgress
from tui.widgets.select import CompactSelect


class TrainView(View):
    MODE = "train"
    VIEW_HELP = TRAIN_HELP
    CSS_PATH = "train.tcss"
    DEFAULT_CLASSES = "-idle"
    AUTO_FOCUS = ""  # keys act on the run until an arrow key moves the focus into the form
    BINDINGS = [
        Binding("down", "app.focus_next", "Settings", key_display="↑ ↓"),
        Binding("up", "app.focus_previous", "Settings", show=False),
        Binding("left", "cursor(-1)", "Cursor", show=False),
        Binding("right", "cursor(1)", "Cursor", show=False),
        Binding("shift+left", "cursor(-10)", "Cursor", show=False),
        Binding("shift+right", "cursor(10)", "Cursor", show=False),
        Binding("escape", "no_cursor", "Hide the cursor", show=False),
    ]

    def body(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield ConfigForm(self.mnist.config).data_bind(View.run_state, View.app_state)
            yield ChartGroup().data_bind(View.run_state, View.preferences, View.overlaid_runs)
        yield RunProgress().data_bind(View.run_state)
        yield Commentary().data_bind(View.run_state)
        yield MachineUsage().data_bind(View.bytes_per_second)
        digits = DigitCards("Test digits and their predictions appear here")
        yield digits.data_bind(View.preferences)

    @on(CompactSelect.Changed, "#arch")
    def set_up(self, event: CompactSelect.Changed) -> None:
        """Make this network the one that all views show and that space trains."""
        self.mnist.config = replace(self.mnist.config, arch=event.choice.value)

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        self.set_class(after.is_active, "-active")
        self.set_class(after.phase == "idle", "-idle")
        for row in self.query(DigitCards):
            row.digits = after.digits

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _make_room(self) -> None:
        """In a small window, replace the digits with the help on the field in focus."""
        self.set_class(self.focused is not None, "-editing")

    def watch_preferences(self) -> None:
        self.set_class(self.preferences.several == "all", "-all-charts")
        self.set_class(self.preferences.machine, "-machine")

    def action_cursor(self, columns: int) -> None:
        """Move the chart's cursor; it starts at the newest step."""
        chart = self.query_one(ChartGroup).selected
        now = self.preferences.cursor
        at = chart.newest if now is None else now + columns / (chart.columns - 1)
        self.mnist.change_preferences(cursor=min(1.0, max(0.0, at)))

    def action_no_cursor(self) -> None:
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
