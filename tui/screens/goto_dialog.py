"""The dialog that asks for a test digit's number."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from tui.widgets.config_form import NumberInput


class GotoDialog(ModalScreen[int | None]):
    """Gives the number of one of so many digits, or None."""

    CSS_PATH = "goto_dialog.tcss"
    AUTO_FOCUS = "#number"
    BINDINGS = [Binding("escape", "dismiss(None)", "Back", show=False)]

    def __init__(self, samples: int) -> None:
        super().__init__()
        self._samples = samples

    @property
    def _allowed(self) -> str:
        return f"a whole number from 0 to {self._samples - 1:,}"

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Go to a digit"
            dialog.border_subtitle = "enter goes · esc back"
            with Horizontal(id="field"):
                yield Label("Number")
                yield NumberInput(restrict=r"[0-9]*", max_length=9, compact=True, id="number")
            yield Static(Content(f"Its place in the test set: {self._allowed}."), id="said")
            with Horizontal(id="buttons"):
                yield Button("Go", id="go", variant="success", compact=True, action="screen.go")
                yield Button("Back", id="back", compact=True, action="screen.dismiss(None)")

    def _number(self) -> int | None:
        text = self.query_one(Input).value
        return int(text) if text.isdecimal() and int(text) < self._samples else None

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        # Nothing typed yet is not a mistake.
        wrong = bool(event.value) and self._number() is None
        line = self.query_one("#said", Static)
        said = "✗ It must be" if wrong else "Its place in the test set:"
        line.update(Content(f"{said} {self._allowed}."))
        for each in (line, event.input):
            each.set_class(wrong, "wrong")

    @on(Input.Submitted)
    def action_go(self) -> None:
        number = self._number()
        if number is None:
            self.query_one(Input).focus()
        else:
            self.dismiss(number)
