"""The dialog that changes the learning rate during training."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from core.config import FIELDS, describe_allowed, parse
from core.errors import UsageError
from tui.screens.app_protocol import app_of
from tui.state.run_state import RunState
from tui.widgets.config_form import NumberInput


class LearningRateDialog(ModalScreen[float | None]):
    """Return the new learning rate, or None."""

    CSS_PATH = "learning_rate_dialog.tcss"
    AUTO_FOCUS = "#rate"
    BINDINGS = [
        Binding("up", "scale(2)", "Double", show=False),
        Binding("down", "scale(0.5)", "Halve", show=False),
        Binding("escape", "dismiss(None)", "Cancel", show=False),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Learning rate"
            dialog.border_subtitle = "↑ double · ↓ halve · enter apply · esc cancel"
            yield Static(id="now")
            with Horizontal(id="field"):
                yield Label("New rate")
                yield NumberInput(restrict=r"[0-9.e+-]*", compact=True, id="rate")
            yield Static(id="message")
            with Horizontal(id="buttons"):
                yield Button("×2", id="double", compact=True, action="screen.scale(2)")
                yield Button("÷2", id="halve", compact=True, action="screen.scale(0.5)")
                yield Button(
                    "Apply", id="apply", variant="success", compact=True, action="screen.apply"
                )
                yield Button("Cancel", id="back", compact=True, action="screen.dismiss(None)")

    def on_mount(self) -> None:
        state = app_of(self).run_state
        rate = state.learning_rate if state.chosen_rate is None else state.chosen_rate
        self.query_one(Input).value = "" if rate is None else f"{rate:g}"
        self.watch(self.app, "run_state", self._follow)

    def _follow(self, state: RunState) -> None:
        if state.phase not in ("training", "paused"):
            self.notify("The run has ended: its learning rate was not changed.")
            self.dismiss(None)
            return
        text, now = _rate_now(state), self.query_one("#now", Static)
        if str(now.content) != text:
            now.update(Content(text))

    def action_scale(self, factor: float) -> None:
        field = self.query_one(Input)
        try:
            field.value = f"{parse('learning_rate', field.value) * factor:.6g}"
        except UsageError:
            field.focus()

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        wrong = self._rate() is None
        text = FIELDS["learning_rate"].metadata["help"]
        if wrong:
            text = f"✗ The learning rate must be {describe_allowed('learning_rate')}."
        message = self.query_one("#message", Static)
        message.update(Content(text))
        for each in (message, event.input):
            each.set_class(wrong, "wrong")

    def _rate(self) -> float | None:
        try:
            return float(parse("learning_rate", self.query_one(Input).value))
        except UsageError:
            return None

    @on(Input.Submitted)
    def action_apply(self) -> None:
        rate = self._rate()
        if rate is None:
            self.query_one(Input).focus()
        else:
            self.dismiss(rate)


def _rate_now(state: RunState) -> str:
    now = "–" if state.learning_rate is None else f"{state.learning_rate:.4g}"
    schedule = state.started.config.get("schedule", "constant") if state.started else "constant"
    if schedule == "constant" or state.chosen_rate is None:
        return f"The current learning rate is {now}."
    return (
        f"The current learning rate is {now}. The schedule is {schedule} with a peak of "
        f"{state.chosen_rate:g}; this sets the peak."
    )
