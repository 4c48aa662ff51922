"""The questions which class a drawing is of: one key for a digit, a name for any other class."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, OptionList, Static

from core.class_names import DIGITS
from tui.screens.captions import show_message
from tui.text.formats import class_label, class_labels
from tui.widgets.line_input import LineInput

NAMED = 5  # classes in an error


def label_dialog(names: Sequence[str]) -> ModalScreen[str | None]:
    """Return the question for the class among these names; it returns None where cancelled."""
    return DigitLabelDialog() if tuple(names) == DIGITS else NameLabelDialog(tuple(names))


class DigitLabelDialog(ModalScreen[str | None]):
    """Return the digit that a drawing shows, or None."""

    CSS_PATH = "label_dialog.tcss"
    AUTO_FOCUS = ""
    BINDINGS = [
        Binding("escape", "dismiss(None)", "Back", show=False),
        *(Binding(digit, f"dismiss('{digit}')", "Label", show=False) for digit in DIGITS),
        Binding("left", "app.focus_previous", "Page", show=False),
        Binding("right", "app.focus_next", "Page", show=False),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title, dialog.border_subtitle = "Keep the drawing", "0 to 9 · esc back"
            yield Label("Which digit is it? Press its key.")
            with Horizontal(id="digits"):
                for digit in DIGITS:
                    yield Button(digit, compact=True, action=f"screen.dismiss('{digit}')")


class NameLabelDialog(ModalScreen[str | None]):
    """Return the name of the class that a drawing shows, or None; what is typed filters them."""

    CSS_PATH = "label_dialog.tcss"
    AUTO_FOCUS = "#name"
    BINDINGS = [
        Binding("escape", "dismiss(None)", "Back", show=False),
        Binding("up", "move(-1)", "Row", show=False),
        Binding("down", "move(1)", "Row", show=False),
    ]

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._names = names
        self._found = list(names)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Keep the drawing"
            dialog.border_subtitle = "↑↓ enter keep · esc back"
            with Horizontal(classes="field"):
                yield Label("Class")
                yield LineInput(compact=True, id="name")
            yield OptionList(compact=True, markup=False)
            yield Static(id="message")

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False  # the field keeps the keys
        self._filter("")

    @on(Input.Changed)
    def _typing(self, event: Input.Changed) -> None:
        self._filter(event.value)

    def _filter(self, text: str) -> None:
        self._found = find_names(self._names, text)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Content(class_label(each)) for each in self._found])
        options.highlighted = 0 if self._found else None
        show_message(self, "" if self._found else self._problem(text), wrong=not self._found)

    def _problem(self, text: str) -> str:
        known = ", ".join(class_labels(self._names[:NAMED])) + ", …" * (len(self._names) > NAMED)
        return f"✗ The network has no class {class_label(text)!r}: its classes are {known}."

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if by > 0 else options.action_cursor_up()

    @on(Input.Submitted)
    def _submit(self) -> None:
        place = self.query_one(OptionList).highlighted
        if place is not None and place < len(self._found):
            self.dismiss(self._found[place])

    @on(OptionList.OptionSelected)
    def _select(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index])


def find_names(names: Sequence[str], text: str) -> list[str]:
    """Return the names that a typed text may mean, the best first: the same, the same but for
    capitals, those that begin with it, and those that contain it."""
    folded = text.strip().casefold()

    def rank(name: str) -> int:
        if name == text.strip():
            return 0
        if name.casefold() == folded:
            return 1
        return 2 if name.casefold().startswith(folded) else 3

    return sorted((each for each in names if folded in each.casefold()), key=rank)
