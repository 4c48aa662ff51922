"""A dialog that asks for one number."""

from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from tui.screens.captions import show_message
from tui.widgets.config_form import NumberInput

Number = TypeVar("Number", int, float)


class NumberDialog(ModalScreen[Number | None], Generic[Number]):
    """Return a number, or None if the dialog is cancelled."""

    CSS_PATH = "number_dialog.tcss"
    AUTO_FOCUS = "NumberInput"
    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    HEADING: ClassVar[str]
    KEYS: ClassVar[str] = "enter apply · esc cancel"
    LABEL: ClassVar[str]
    CHARACTERS: ClassVar[str] = r"[0-9.e+-]*"  # that can be typed, as a regular expression
    BUTTONS: ClassVar[dict[str, str]] = {}  # more buttons: labels and actions

    def parse(self, text: str) -> Number | None:
        """Return the number, or None if it is not allowed."""
        raise NotImplementedError

    def message(self, *, wrong: bool) -> str:
        """Return the hint below the field, or what is wrong with its number."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title, dialog.border_subtitle = self.HEADING, self.KEYS
            yield Static(id="now")
            with Horizontal(id="field"):
                yield Label(self.LABEL)
                yield NumberInput(restrict=self.CHARACTERS, max_length=24, compact=True)
            yield Static(Content(self.message(wrong=False)), id="message")
            with Horizontal(id="buttons"):
                for label, action in self.BUTTONS.items():
                    yield Button(label, compact=True, action=f"screen.{action}")
                yield Button("Apply", variant="success", compact=True, action="screen.apply")
                yield Button("Cancel", compact=True, action="screen.dismiss(None)")

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        # An empty field is not an error.
        wrong = bool(event.value) and self.parse(event.value) is None
        show_message(self, self.message(wrong=wrong), wrong=wrong)
        event.input.set_class(wrong, "wrong")

    @on(Input.Submitted)
    def action_apply(self) -> None:
        field = self.query_one(Input)
        number = self.parse(field.value)
        if number is None:
            field.focus()
        else:
            self.dismiss(number)
