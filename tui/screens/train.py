"""The first view: set a run up, start it, and watch it learn."""

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Select

from tui.screens.view import View
from tui.widgets.chart import LossChart
from tui.widgets.digits import Digits
from tui.widgets.form import SetupForm
from tui.widgets.progress import RunProgress


class TrainView(View):
    MODE = "train"
    CSS_PATH = "train.tcss"
    AUTO_FOCUS = ""  # no field: the keys are for the run until an arrow goes into the form
    BINDINGS = [
        Binding("down", "app.focus_next", "Settings", key_display="↑ ↓"),
        Binding("up", "app.focus_previous", "Settings", show=False),
    ]

    def body(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield SetupForm(self.mnist.config).data_bind(View.run_state)
            yield LossChart().data_bind(View.run_state, View.settings)
        yield RunProgress().data_bind(View.run_state)
        yield Digits("test digits and the network's guesses appear here").data_bind(View.settings)

    @on(Select.Changed, "#arch")
    def set_up(self, event: Select.Changed) -> None:
        """From every view it is this network that is shown and that space starts."""
        self.mnist.config = replace(self.mnist.config, arch=str(event.value))

    def watch_run_state(self) -> None:
        for row in self.query(Digits):
            row.digits = self.run_state.digits
