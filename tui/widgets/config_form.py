"""The form of the next run's settings, checked as they are typed."""

from dataclasses import replace
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantBlur, DescendantFocus, Key
from textual.reactive import var
from textual.widgets import Button, Input, Label

from core.config import FIELDS, TrainConfig, flag, parse
from core.errors import UsageError
from core.models.architectures import ARCHITECTURES
from core.training.setup import check_batch_size, most_samples
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.widgets.select import CompactSelect

LABELS = {
    "arch": "Network",
    "dataset": "Dataset",
    "device": "Device",
    "epochs": "Epochs",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "seed": "Seed",
}

# The label and the action of the first button by phase, and in other phases.
START = "Start", "app.run('start')"
BUTTON = {
    "preparing": ("Starting", "app.run('start')"),
    "training": ("Pause", "app.run('pause')"),
    "paused": ("Resume", "app.run('resume')"),
}


class NumberInput(Input):
    """An Input for numbers.

    Space, ? and q are keys of the app. All other characters stay here, where `restrict` ignores
    them: a letter typed by mistake must not act on the app.
    """

    LEAVES = " ?q"

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable() and character not in self.LEAVES

    def on_key(self, event: Key) -> None:
        if event.is_printable and not self.check_consume_key(event.key, event.character):
            event.prevent_default()  # of Input, whose handler comes next


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


class ConfigForm(Vertical):
    """The most used settings; a run has the others from the command line."""

    BINDINGS = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    run_state: var[RunState] = var(RunState, init=False)
    app_state: var[AppState] = var(AppState, init=False)

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self._config = config

    def compose(self) -> ComposeResult:
        for name, label in LABELS.items():
            value = getattr(self._config, name)
            with Horizontal(classes="field"):
                yield Label(label)
                if name in ("arch", "dataset", "device"):
                    yield CompactSelect(self._choices(name), value, id=name)
                else:
                    restrict = r"[0-9.e+-]*" if name == "learning_rate" else r"[0-9]*"
                    yield NumberInput(_text(value), restrict=restrict, compact=True, id=name)
        yield Label("", id="problem")
        with Horizontal(id="buttons"):
            label, action = START
            yield Button(label, id="start", variant="success", compact=True, action=action)
            yield Button("Stop", id="stop", variant="error", compact=True, action="app.run('stop')")

    def fill(self, config: TrainConfig) -> None:
        """Show a config in the fields, and take the settings without a field from it."""
        self._config = config
        self.query_one("#device", CompactSelect).options = self._choices("device")
        for name in LABELS:
            self._widget(name).value = _text(getattr(config, name))

    def _choices(self, name: str) -> list[str]:
        if name != "device":
            return list(FIELDS[name].metadata["choices"])
        # Other devices are known once torch is loaded.
        found = [each.name for each in self.app_state.devices if each.available]
        return list(dict.fromkeys(["auto", *found, "cpu", self._config.device]))

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if after.devices != before.devices:
            self.query_one("#device", CompactSelect).options = self._choices("device")

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if after.phase != before.phase:
            start, stop = self.query_one("#start", Button), self.query_one("#stop", Button)
            start.label, start.action = BUTTON.get(after.phase, START)
            start.disabled = after.phase == "preparing"
            stop.disabled = not after.is_active
            for field in self.query(".field"):
                field.disabled = after.is_active

    def on_mount(self) -> None:
        self.query_one("#stop", Button).disabled = True
        self._describe_network()

    def _widget(self, name: str) -> Any:
        return self.query_one(f"#{name}")

    def config(self) -> TrainConfig | None:
        """Return the config of the next run; None if a field is invalid, which is focused then."""
        values = {name: getattr(self._config, name) for name in FIELDS}
        for name in LABELS:
            if self._problem(name):
                self._widget(name).focus()
                self._explain(name)
                return None
            values[name] = parse(name, str(self._widget(name).value))
        return TrainConfig(**values)

    def draft(self) -> TrainConfig:
        """Return the config as far as the fields are valid, with the values before of others."""
        valid = {
            name: parse(name, str(self._widget(name).value))
            for name in LABELS
            if not self._problem(name)
        }
        return replace(self._config, **valid)

    @on(Input.Changed)
    def check(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.has_focus:  # not while the fields are filled
            self._explain(event.input.id or "")

    @on(CompactSelect.Changed)
    @on(DescendantFocus)
    @on(DescendantBlur)  # another field may be focused now
    def _describe(self) -> None:
        focused = self.screen.focused
        if focused is not None and focused.id in LABELS:
            self._explain(focused.id)
        else:
            self._describe_network()

    def _describe_network(self) -> None:
        """Describe the selected network, while no field is focused."""
        network = ARCHITECTURES[str(self._widget("arch").value)]
        line = self.query_one("#problem", Label)
        line.update(Content(f"{network.description}\n{network.parameters:,} parameters"))
        line.remove_class("wrong")

    def _problem(self, name: str) -> str | None:
        """Return what is wrong with a field, as far as that is known without torch."""
        try:
            value = parse(name, str(self._widget(name).value))
            if name == "batch_size":
                check_batch_size(value, most_samples(str(self._widget("dataset").value)))
        except UsageError as error:
            return str(error).replace(flag(name), LABELS[name], 1)
        return None

    def _explain(self, name: str) -> None:
        """Show what is wrong with a field, or what it is for."""
        widget, problem = self._widget(name), self._problem(name)
        line = self.query_one("#problem", Label)
        line.update(Content(problem or FIELDS[name].metadata["help"]))
        line.set_class(problem is not None, "wrong")
        widget.set_class(problem is not None, "wrong")
