"""The Train view: the form for a new run, and the charts of the run that is training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import DescendantBlur, DescendantFocus
from textual.geometry import Region, Size

from tui.actions import VIEWS
from tui.help import TRAIN_HELP
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.missions.keys import MISSION_KEYS
from tui.screens.train_layout import Panel, PanelArea, Shown, arrange_panels, is_everything
from tui.state.run_state import RunState
from tui.text.settings import find_classes
from tui.widgets.charts.chart import Chart, ChartGroup
from tui.widgets.config_form import ConfigForm
from tui.widgets.digit_cards import DigitCards
from tui.widgets.header import ViewHeader
from tui.widgets.network_select import NetworkSelect
from tui.widgets.run.accuracy import AccuracyPanel
from tui.widgets.run.commentary import Commentary
from tui.widgets.run.machine_usage import MachineUsage
from tui.widgets.run.next_steps import next_steps
from tui.widgets.run.progress import RunProgress, describe_progress, wrap_message
from tui.widgets.select import CompactSelect
from tui.widgets.setting_locks import focus_open_field

if TYPE_CHECKING:
    from tui.screens.missions.panel import MissionPanel
    from tui.widgets.charts.confusion_matrix import ConfusionMatrix
    from tui.widgets.lists.run_list import RunList


class TrainView(View):
    MODE = "train"
    VIEW_HELP = TRAIN_HELP
    CSS_PATH = "train.tcss"
    AUTO_FOCUS = ""  # keys act on the run until an arrow key moves the focus into the form
    BINDINGS = [
        Binding("down,j", "move(1)", "Settings", key_display="↑ ↓"),
        Binding("up,k", "move(-1)", "Settings", show=False),
        Binding("down,j", "move_to_digits(1)", "Row", show=False),
        Binding("up,k", "move_to_digits(-1)", "Row", show=False),
        Binding("enter", "open", "Open", show=False),
        Binding("left", "cursor(-1)", "Cursor", show=False),
        Binding("right", "cursor(1)", "Cursor", show=False),
        Binding("shift+left", "cursor(-10)", "Cursor", show=False),
        Binding("shift+right", "cursor(10)", "Cursor", show=False),
        Binding("escape", "back", "Back", show=False),
        # With priority: in a field, Textual deletes a word with it.
        Binding("ctrl+f", "app.open('find_rate')", "Find rate", show=False, priority=True),
        *MISSION_KEYS,
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
                happening.border_subtitle = next_steps(RunState())
                yield RunProgress().data_bind(View.run_state, View.config)
                yield Commentary().data_bind(View.run_state, View.config)
                yield MachineUsage().data_bind(View.bytes_per_second)
            digits = DigitCards("Test images and their predictions appear here", id="digits")
            digits.can_focus = True
            yield digits.data_bind(View.preferences)

    def show(self) -> None:
        areas = self.query(PanelArea)
        if areas and is_everything(areas.first().size) and not self.query("#matrix"):
            self._add_panels(areas.first())

    def _add_panels(self, area: PanelArea) -> None:
        """Add what only a large window shows; others start sooner without it."""
        from tui.widgets.charts.confusion_matrix import ConfusionMatrix
        from tui.widgets.layer_panel import LayerPanel
        from tui.widgets.lists.run_list import RunList

        matrix = ConfusionMatrix(selectable=False, id="matrix")
        matrix.placeholder = "After the first epoch: which class is predicted as which."
        layer = LayerPanel(keys=f"{list(VIEWS).index('network') + 1} network")
        layer.data_bind(View.run_state, View.app_state, View.preferences, View.config)
        layer.id = "layer"
        runs = RunList(lambda: self.mnist.config.folder, id="runs").data_bind(View.run_state)
        area.mount(matrix, layer, runs)
        self._show_confusion()

    def _show_confusion(self) -> None:
        scores = (score.confusion for score in reversed(self.run_state.scores))
        for matrix in cast("Iterable[ConfusionMatrix]", self.query("#matrix")):
            matrix.names = self.run_state.class_names
            matrix.confusion = next(filter(None, scores), ())

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
        panels = self._mission_panels if self.mission else ()
        rows = max([0, *(each.rows_wanted(size) for each in panels)])
        is_run = state.started is not None
        return Shown(self._shows_form, self.preferences.several == "all", lines, rows, is_run)

    @property
    def _shows_form(self) -> bool:
        """Whether a small window shows the form: before the first run, and while a field is in
        focus."""
        forms = self.query(ConfigForm)
        if self.mission and not (self.mission.is_training or self.mission.is_done):
            return True
        return self.run_state.phase == "idle" or any(form.has_focus_within for form in forms)

    def _rearrange(self) -> None:
        # Of a child: that makes its parent forget where it has placed its children.
        for panel in self.query("#happening"):
            panel.refresh(layout=True)

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _focus_moved(self) -> None:
        cards = self.query_one(DigitCards)
        if cards.has_focus != (cards.selected is not None):
            cards.selected = 0 if cards.has_focus else None
        self._rearrange()

    # What they show

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        for row in self.query(DigitCards):
            row.digits, row.names = after.digits, after.class_names
        if before.scores is not after.scores:
            self._show_confusion()
        if before.phase != after.phase:
            self._show_next_steps()
            self._rearrange()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        # Not on the view: the styles of all its widgets would be computed again.
        self.query_one("#happening").set_class(after.machine, "-machine")
        if before.several != after.several:
            self._rearrange()

    @property
    def _mission_panels(self) -> Iterable[MissionPanel]:
        """The panel of the mission, once there was one."""
        return cast("Iterable[MissionPanel]", self.query("#mission"))

    def _watch_mission(self) -> None:
        """Show the panel of the mission in progress."""
        attempt = self.mission
        if attempt and not self.query("#mission"):
            from tui.screens.missions.panel import MissionPanel

            self.query_one(PanelArea).mount(MissionPanel())
        self.query_one(ChartGroup).set_class(attempt is not None, "-mission")
        self.query_one(RunProgress).in_mission = attempt is not None
        for panel in self._mission_panels:
            panel.show(attempt)
        self._show_next_steps()
        self._rearrange()

    def _show_next_steps(self) -> None:
        """Show what a run that has ended offers; a mission says itself what is next."""
        steps = None if self.mission else next_steps(self.run_state)
        self.query_one("#happening").border_subtitle = steps

    @on(CompactSelect.Changed, "#arch")
    @on(CompactSelect.Changed, "#dataset")
    def _set_up(self, event: CompactSelect.Changed) -> None:
        """Make this network the one that all views show and that space trains."""
        changed: dict[str, Any] = {event.choice.id or "": event.choice.value}
        self.mnist.config = replace(self.mnist.config, **changed)

    @on(NetworkSelect.Edit)
    def _edit_network(self, event: NetworkSelect.Edit) -> None:
        from tui.screens.network_editor.dialog import NetworkDialog

        def take(spec: str | None) -> None:
            event.field.value = spec or event.field.value
            event.field.watch_value()  # it may have got a name
            self.query_one(ViewHeader).draw()

        names = find_classes(self.mnist.config.dataset)
        self.app.push_screen(NetworkDialog(event.spec, names), take)

    # Keys and clicks

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("move", "move_to_digits"):  # during a run, the fields are locked
            return self.run_state.is_active == (action == "move_to_digits")
        return super().check_action(action, parameters)

    def action_move(self, by: int) -> None:
        """Focus the next field, or the digits after the last one."""
        cards = self.query_one(DigitCards)
        cards.can_focus = bool(cards.size)
        if self.focused is None and self.mission:
            focus_open_field(self.query_one(ConfigForm))
        elif by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_move_to_digits(self, by: int) -> None:
        cards = self.query_one(DigitCards)
        self.set_focus(cards if by > 0 and cards.size and cards.digits else None)

    def action_cursor(self, columns: int) -> None:
        """Select another digit while they are in focus, else move the chart's cursor.

        The cursor starts at the newest step.
        """
        cards, chart = self.query_one(DigitCards), self.query_one(ChartGroup).selected
        if cards.selected is not None:
            last = min(cards.capacity, len(cards.digits)) - 1
            cards.selected = max(0, min(last, cards.selected + (1 if columns > 0 else -1)))
            return
        now = self.preferences.cursor
        at = chart.newest if now is None else now + columns / (chart.columns - 1)
        self.mnist.change_preferences(cursor=min(1.0, max(0.0, at)))

    def action_back(self) -> None:
        """Go one step back: leave what is in focus, else hide the cursor."""
        if self.focused is not None:
            self.set_focus(None)
        elif self.mission and self.preferences.cursor is None:
            self.mnist.missions.leave()
        else:
            self.mnist.change_preferences(cursor=None)

    def _action_mission(self, what: str) -> None:
        for panel in self._mission_panels:
            panel.act(what)

    def action_open(self) -> None:
        cards = self.query_one(DigitCards)
        if cards.selected is not None and cards.digits[cards.selected :]:
            self._open_digit(cards.digits[cards.selected].index)
        elif self.mission and self.mission.is_done:
            self.mnist.missions.open_next()

    @on(DigitCards.Selected)
    def _card_clicked(self, message: DigitCards.Selected) -> None:
        self._open_digit(message.digit.index)

    def on_confusion_matrix_opened(self) -> None:
        self.mnist.action_view("mistakes")

    def on_run_list_opened(self, message: RunList.Opened) -> None:
        from tui.screens.checkpoints.browser import CheckpointBrowser

        self.mnist.action_view("checkpoints")
        if isinstance(view := self.app.screen, CheckpointBrowser):
            view.show_run(message.folder)

    def _open_digit(self, index: int) -> None:
        """Show a digit large, in the view of digits."""
        from tui.screens.digits import DigitSelection, DigitsView

        self.mnist.action_view("digits")
        if isinstance(view := self.app.screen, DigitsView):
            view.choose(DigitSelection(), index)

    @on(Chart.Clicked)
    def _move_cursor(self, message: Chart.Clicked) -> None:
        if message.share is None:
            self.mnist.change_preferences(chart=message.kind)
        else:
            self.mnist.change_preferences(cursor=message.share)

    @on(Chart.Zoomed)
    def _zoom(self, message: Chart.Zoomed) -> None:
        self.mnist.change_preferences(zoom=self.preferences.step("zoom", message.by))
