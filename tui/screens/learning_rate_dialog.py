"""The dialog that changes the learning rate during training."""

from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input, Static

from core.config import FIELDS, describe_allowed, parse
from core.errors import UsageError
from tui.screens.app_protocol import app_of
from tui.screens.number_dialog import NumberDialog
from tui.state.run_state import RunState


class LearningRateDialog(NumberDialog[float]):
    """Return the new learning rate, or None."""

    HEADING = "Learning rate"
    KEYS = "↑ double · ↓ halve · enter apply · esc cancel"
    LABEL = "New rate"
    BUTTONS = {"×2": "scale(2)", "÷2": "scale(0.5)"}
    BINDINGS = [
        Binding("up", "scale(2)", "Double", show=False),
        Binding("down", "scale(0.5)", "Halve", show=False),
    ]

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

    def parse(self, text: str) -> float | None:
        try:
            return float(parse("learning_rate", text))
        except UsageError:
            return None

    def message(self, *, wrong: bool) -> str:
        if wrong:
            return f"✗ The learning rate must be {describe_allowed('learning_rate')}."
        return str(FIELDS["learning_rate"].metadata["help"])

    def action_scale(self, factor: float) -> None:
        field = self.query_one(Input)
        rate = self.parse(field.value)
        if rate is None:
            field.focus()
        else:
            field.value = f"{rate * factor:.6g}"


def _rate_now(state: RunState) -> str:
    now = "–" if state.learning_rate is None else f"{state.learning_rate:.4g}"
    schedule = state.started.config.get("schedule", "constant") if state.started else "constant"
    if schedule == "constant" or state.chosen_rate is None:
        return f"The current learning rate is {now}."
    return (
        f"The current learning rate is {now}. The schedule is {schedule} with a peak of "
        f"{state.chosen_rate:g}; this sets the peak."
    )
