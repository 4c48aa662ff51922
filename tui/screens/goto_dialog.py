"""The dialog that asks for the index of a test digit."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from tui.widgets.config_form import NumberInput

HINT = "Index in the test set:"


class GotoDialog(ModalScreen[int | None]):
    """Return the index of a test digit, below `samples`; None if the dialog is cancelled."""

    CSS_PATH = "goto_dialog.tcss"
    AUTO_FOCUS = "#number"
    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def __init__(self, samples: int) -> None:
        super().__init__()
        self._samples = samples

    @property
    def _allowed(self) -> str:
        return f"a whole number from 0 to {self._samples - 1:,}"

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Go to a digit"
            dialog.border_subtitle = "enter go · esc cancel"
            with Horizontal(id="field"):
                yield Label("Index")
                yield NumberInput(restrict=r"[0-9]*", max_length=9, compact=True, id="number")
            yield Static(Content(f"{HINT} {self._allowed}."), id="message")
            with Horizontal(id="buttons"):
                yield Button("Go", id="go", variant="success", compact=True, action="screen.go")
                yield Button("Cancel", id="back", compact=True, action="screen.dismiss(None)")

    def _number(self) -> int | None:
        text = self.query_one(Input).value
        return int(text) if text.isdecimal() and int(text) < self._samples else None

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        # An empty field is not an error.
        wrong = bool(event.value) and self._number() is None
        message = self.query_one("#message", Static)
        message.update(Content(f"{'✗ The index must be' if wrong else HINT} {self._allowed}."))
        for each in (message, event.input):
            each.set_class(wrong, "wrong")

    @on(Input.Submitted)
    def action_go(self) -> None:
        number = self._number()
        if number is None:
            self.query_one(Input).focus()
        else:
            self.dismiss(number)
