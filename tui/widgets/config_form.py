"""The form of a run's settings, checked as they are typed."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantBlur, DescendantFocus
from textual.reactive import var
from textual.widgets import Input, Label, Static

from core.config import TrainConfig, parse
from core.errors import UserError
from core.training.setup import check_batch_size, most_samples
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.text.formats import LONGEST_FOLDER
from tui.text.settings import (
    LABELS,
    MORE_LABELS,
    NAMES,
    choices,
    count_classes,
    describe_choice,
    format_value,
    in_form_words,
    network_size,
    notes,
)
from tui.widgets.line_input import NumberInput
from tui.widgets.select import CompactSelect, More
from tui.widgets.setting_fields import FIND_WIDTH, explain_field, field_row, keys_of, make_field
from tui.widgets.setting_locks import MARK, lock_fields, show_open_field

LABEL_WIDTH = 8


class ConfigForm(Vertical):
    """The settings of the next run, and of the run in progress, which locks them.

    Settings without a field are those of the last config that filled the form.
    """

    DEFAULT_CSS = """
    ConfigForm {
        padding: 0 0 0 1;
        overflow-y: auto;
        scrollbar-size-vertical: 1;

        .field { height: 1; }
        .field Label { width: 8; color: $quiet; }
        .field.more Label { width: 17; }
        .field:focus-within Label { color: $focus; text-style: bold; }
        NumberInput { width: 1fr; text-style: bold; background: transparent; }
        .note, More, #size { color: $quiet; }
        .note { width: 1fr; height: 1; }
        .field:focus-within .note { display: none; }
        #find-rate { width: 5; padding-left: 1; color: $quiet; }
        .field:disabled #find-rate { display: none; }
        #size { width: 100%; height: 1; }
        .wrong { color: $wrong; }
        #problem { dock: bottom; width: 100%; height: auto; max-height: 6; padding-right: 1; }
        #problem.wrong { color: $wrong; }
        *:disabled { opacity: 100%; text-opacity: 100%; }
    }
    """
    BINDINGS = [
        Binding("up", "app.focus_previous", "Row", show=False),
        Binding("down", "app.focus_next", "Row", show=False),
        Binding("escape", "leave", "Back", show=False),
    ]

    run_state: var[RunState] = var(RunState, init=False)
    app_state: var[AppState] = var(AppState, init=False)
    # The settings that a mission leaves open; None: nothing is locked.
    opened: var[frozenset[str] | None] = var(None, init=False)

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(classes="panel")
        self._config = config
        # Those behind "more" are made when it is first opened.
        self._fields: dict[str, CompactSelect | NumberInput] = {}
        self.border_title = "Setup"

    def compose(self) -> ComposeResult:
        for name in LABELS:
            yield self._make_field(name)
            if name == "arch":
                yield Static(id="size")
        yield More(id="more")
        yield Label("", id="problem")

    def _make_field(self, name: str) -> Horizontal:
        classes = lambda: count_classes(self._fields["dataset"].value)  # noqa: E731
        describe = partial(self._describe_choice, name)
        value = getattr(self._config, name)
        widget = self._fields[name] = make_field(name, value, self._choices, describe, classes)
        return field_row(name, widget)

    def fill(self, config: TrainConfig) -> None:
        """Show a config in the fields, and take the settings without a field from it."""
        self._config = config
        for name in ("dataset", "device"):
            self.query_one(f"#{name}", CompactSelect).options = self._choices(name)
        for name, field in self._fields.items():
            field.value = format_value(getattr(config, name))
            field.remove_class("wrong")
        self._describe()

    def config(self, *, ignored: str = "") -> TrainConfig | None:
        """Return the config of the next run; None if a field is invalid, which is focused then.
        Where the one `ignored` is invalid, its value before is taken."""
        for name in self._fields:
            if name != ignored and self._problem(name):
                self._fields[name].focus()
                self._explain(name)
                return None
        return replace(self._config, **self._valid())

    def take_rate(self, rate: float) -> None:
        """Put a learning rate into its field."""
        field = self._fields["learning_rate"]
        if not field.is_locked:
            field.value = format_value(rate)
            field.remove_class("wrong")
        self._describe()

    def draft(self) -> TrainConfig:
        """Return the config as far as the fields are valid, with the values before of others."""
        valid = self._valid()
        if self._conflict(valid):
            valid.pop("optimizer")
        return replace(self._config, **valid)

    def _read(self, name: str) -> Any:
        """Return the value of a field. Raises UserError, as far as that is known without torch."""
        before, text = getattr(self._config, name), str(self._fields[name].value)
        # A value that was not edited may have more digits than are shown.
        value = before if text == format_value(before) else parse(name, text)
        if name in ("dataset", "batch_size"):
            most = most_samples(str(self._fields["dataset"].value))
            check_batch_size(value if name == "batch_size" else 1, most)
        return value

    def _valid(self) -> dict[str, Any]:
        values = {}
        for name in self._fields:
            with suppress(UserError):
                values[name] = self._read(name)
        return values

    def _conflict(self, valid: dict[str, Any]) -> str | None:
        """Return which settings exclude each other, or None."""
        try:
            replace(self._config, **valid)
        except UserError as error:
            return in_form_words(str(error))
        return None

    def _problem(self, name: str) -> str | None:
        """Return what is wrong with a field."""
        try:
            self._read(name)
        except UserError as error:
            return in_form_words(str(error))
        return self._conflict(self._valid()) if name == "optimizer" else None

    def _choices(self, name: str) -> list[str]:
        return choices(name, self.app_state.devices, getattr(self._config, name))

    def _describe_choice(self, name: str, value: str) -> str:
        return describe_choice(name, value, self.app_state.devices, self._config.data)

    def on_mount(self) -> None:
        self._describe()

    def on_resize(self) -> None:
        show_open_field(self)
        self._show_keys()
        self._show_notes()

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if after.devices != before.devices:
            self.query_one("#device", CompactSelect).options = self._choices("device")
            self._show_notes()

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if after.is_active != before.is_active:
            for field in self.query(".field"):
                field.disabled = after.is_active
            self._show_keys()
        shown = ("phase", "started", "learning_rate")
        if any(getattr(after, name) != getattr(before, name) for name in shown):
            self._show_notes()

    @on(More.Toggled)
    def _show_more(self, event: More.Toggled) -> None:
        event.stop()
        is_open = self.query_one(More).is_open
        self.set_class(is_open, "-more")
        if is_open and not self.query(".more"):
            added = [self._make_field(name) for name in MORE_LABELS]
            for field in added:
                field.disabled = self.run_state.is_active
            self.mount(*added, before="#problem")
            self.call_after_refresh(lock_fields, self, self.opened)
        for shown in self.query(".more"):
            shown.display = is_open
        self._describe()

    def watch_opened(self) -> None:
        lock_fields(self, self.opened)
        self._describe()

    def choose_network(self) -> None:
        """Open the list of networks, unless a run locks the settings."""
        network = self.query_one("#arch", CompactSelect)
        if not self.run_state.is_active:
            network.focus()
            self.call_after_refresh(network.action_choose)  # a small window shows the form then

    def action_leave(self) -> None:
        self.screen.set_focus(None)

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
        if focused is not None and focused.id in NAMES:
            self._explain(focused.id)
        else:
            self._show_problem("")
        self._show_keys()
        self._show_notes()

    def _explain(self, name: str) -> None:
        """Show what is wrong with a field, or what it is for."""
        widget, problem = self._fields[name], self._problem(name)
        text = explain_field(widget, self.opened)
        self._show_problem(problem or text, wrong=problem is not None)
        widget.set_class(problem is not None, "wrong")

    def _show_problem(self, text: str, *, wrong: bool = False) -> None:
        line = self.query_one("#problem", Label)
        line.update(Content(text[:1].upper() + text[1:]))
        line.set_class(wrong, "wrong")
        line.display = bool(text)

    def _show_keys(self) -> None:
        does, focused = "fields" if self.opened == set() else "change", self.screen.focused
        keys = f"↑↓ {does}"
        if sum(each.display and each.id != "problem" for each in self.children) > self.size.height:
            keys += " · ↓ more settings"
        if self.run_state.is_active:
            keys = "locked while training"
        elif focused is not None and focused in self.query("*"):
            keys = f"{keys_of(focused)}esc leave"
        self.border_subtitle = keys

    def _show_notes(self) -> None:
        """Show what the values come to, in a column of their own beside them."""
        values = {name: format_value(getattr(self._config, name)) for name in NAMES}
        values |= {name: field.value for name, field in self._fields.items()}
        chosen = [self._fields[name] for name in ("arch", "dataset", "device")]
        widest = max(len(each.name_shown) for each in chosen if isinstance(each, CompactSelect))
        column = 3 + min(widest, LONGEST_FOLDER)
        rate = self._fields["learning_rate"]
        column_of_rate = max(column, len(values["learning_rate"]) + 2)
        label = LABEL_WIDTH + (0 if self.opened is None else len(MARK))
        room = self.content_size.width - label
        for field in chosen:
            field.styles.width = column
        rate.styles.width = "1fr" if rate.has_focus else column_of_rate
        state, devices = self.run_state, self.app_state.devices
        run = state.started if state.is_active else None
        found = notes(values, self._config.data, devices, run, state.learning_rate)
        for name, note in found.items():
            taken = column_of_rate + FIND_WIDTH if name == "learning_rate" else column
            fitting = next((text for text in note if len(text) <= room - taken), "")
            self._set_text(f"#{name}-note", fitting)
        size = network_size(values)
        indent = min(label, max(0, room + label - len(size)))
        self._set_text("#size", " " * indent + size)

    def _set_text(self, where: str, text: str) -> None:
        part = self.query_one(where, Static)
        if str(part.content) != text:
            part.update(Content(text), layout=False)
