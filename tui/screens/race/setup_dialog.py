"""The dialog that starts a race: one setting is changed, all else is the same for all lanes."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static, TextArea

from core.commands import RacePlan, StartRace
from core.config import TrainConfig
from core.errors import UserError
from core.race.difference import describe_difference
from tui.analysis.race_setup import SETTINGS, RaceForm, make_plan, suggest_values
from tui.screens.captions import show_message
from tui.text.settings import count_classes, find_classes, in_form_words
from tui.widgets.line_input import WHOLE, NumberInput
from tui.widgets.network_select import NetworkSelect
from tui.widgets.select import CompactSelect

BY = {
    "samples": "so that all have seen equally many images",
    "time": "so that all have trained equally long",
}
KEYS = "↑↓ fields · ctrl+r start · esc back"


class ValuesInput(TextArea):
    """The values, one a line or separated by commas. The arrows leave it at its ends."""

    def action_cursor_up(self, select: bool = False) -> None:
        if self.cursor_location[0] == 0:
            self.screen.focus_previous()
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        if self.cursor_location[0] == self.document.line_count - 1:
            self.screen.focus_next()
        else:
            super().action_cursor_down(select)


class RaceDialog(ModalScreen[StartRace | None]):
    """Return what starts the race, or None."""

    CSS_PATH = "setup_dialog.tcss"
    AUTO_FOCUS = "#values"
    BINDINGS = [
        # The text of the values takes enter and other keys for itself.
        Binding("ctrl+r", "start", "Race", show=False, priority=True),
        Binding("escape", "dismiss(None)", "Back", show=False, priority=True),
        Binding("up", "app.focus_previous", "Row", show=False),
        Binding("down", "app.focus_next", "Row", show=False),
    ]

    def __init__(self, config: TrainConfig) -> None:
        """`config` has the settings that the lanes share."""
        super().__init__()
        self._config, self._setting = config, "learning_rate"
        self._typed: dict[str, str] = {}  # values of settings that were selected before
        self._plan: RacePlan | None = None

    def compose(self) -> ComposeResult:
        config, name = self._config, self._setting
        describe = lambda value: ", ".join(suggest_values(_name_of(value), config))  # noqa: E731
        settings = list(SETTINGS.values())
        classes = lambda: count_classes(config.dataset)  # noqa: E731
        values = "\n".join(suggest_values(name, config))
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title, dialog.border_subtitle = "Race: change one setting", KEYS
            yield from _row(
                "Setting",
                CompactSelect(
                    settings,
                    SETTINGS[name],
                    title="Setting that differs",
                    describe=describe,
                    id="setting",
                ),
            )
            yield from _row("Values", ValuesInput(values, id="values", compact=True))
            add = NetworkSelect(config.arch, classes, title="Add a network", id="add")
            yield from _row("Add", add)
            by = CompactSelect(
                list(BY), "samples", title="Turns by", describe=BY.__getitem__, id="by"
            )
            yield from _row("Turns by", by, BY["samples"])
            epochs = NumberInput(str(config.epochs), restrict=WHOLE, compact=True, id="epochs")
            yield from _row("Epochs", epochs)
            goal = NumberInput(
                placeholder="none: all epochs; or an accuracy, 0.97", compact=True, id="goal"
            )
            yield from _row("Goal", goal)
            seeds = NumberInput("1", restrict=WHOLE, compact=True, id="seeds")
            yield from _row("Seeds", seeds, "runs of each lane: more than one show what is chance")
            yield Static(id="message")
            with Horizontal(id="buttons"):
                yield Button("Start", id="start", compact=True, action="screen.start")
                yield Button("Cancel", compact=True, action="screen.dismiss(None)")

    def on_mount(self) -> None:
        self.query_one(ValuesInput).select_all()  # as in the form: typing replaces it
        self._show_rows()
        self._check()

    def _show_rows(self) -> None:
        self.query_one("#row-add").display = self._setting == "arch"
        self.query_one("#row-epochs").display = self._setting != "epochs"

    @on(CompactSelect.Changed, "#setting")
    def _choose_setting(self, event: CompactSelect.Changed) -> None:
        """Show the values of another setting; those that were typed come back with theirs."""
        event.stop()
        values = self.query_one(ValuesInput)
        self._typed[self._setting] = values.text
        self._setting = _name_of(event.choice.value)
        suggested = "\n".join(suggest_values(self._setting, self._config))
        values.text = self._typed.get(self._setting, suggested)
        self._show_rows()
        self._check()

    @on(CompactSelect.Changed, "#add")
    def _add_network(self, event: CompactSelect.Changed) -> None:
        event.stop()
        self._add(event.choice.value)

    @on(NetworkSelect.Edit)
    def _edit_network(self, event: NetworkSelect.Edit) -> None:
        from tui.screens.network_editor.dialog import NetworkDialog

        event.stop()
        names = find_classes(self._config.dataset)
        self.app.push_screen(NetworkDialog(event.spec, names), self._add)

    def _add(self, spec: str | None) -> None:
        values = self.query_one(ValuesInput)
        if spec:
            values.text = "\n".join([*filter(None, values.text.splitlines()), spec])
            values.move_cursor(values.document.end)

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(CompactSelect.Changed, "#by")
    def _check(self) -> None:
        """Show what is wrong with the fields, or in what the lanes differ."""
        turns = self.query_one("#by", CompactSelect).value
        self.query_one("#by-note", Static).update(BY[turns])
        form = RaceForm(
            setting=self._setting,
            values=self.query_one(ValuesInput).text,
            by=turns,
            **{name: self.query_one(f"#{name}", Input).value for name in NUMBERS},
        )
        try:
            self._plan = make_plan(form, self._config)
        except UserError as error:
            self._plan = None
            show_message(self, f"✗ {in_form_words(str(error))}", wrong=True)
        else:
            show_message(self, f"{describe_difference(self._plan)} {_size(self._plan)}")
        self.query_one("#start", Button).disabled = self._plan is None

    @on(Input.Submitted)
    def action_start(self) -> None:
        self._check()  # the message of the last edit may not have arrived yet
        if self._plan:
            self.dismiss(StartRace(self._plan))


NUMBERS = ("epochs", "goal", "seeds")


def _row(label: str, field: Widget, note: str = "") -> ComposeResult:
    with Horizontal(classes="field", id=f"row-{field.id}"):
        yield Label(label)
        yield field
        if note:
            yield Static(note, classes="note", id=f"{field.id}-note")


def _name_of(words: str) -> str:
    return next(name for name, each in SETTINGS.items() if each == words)


def _size(plan: RacePlan) -> str:
    runs = len(plan.lanes) * plan.seeds
    return f"{runs} runs, each a run of its own that is saved."
