"""The help, and the question before quitting while a run is in progress."""

from collections.abc import Sequence

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

from tui.help import Section
from tui.text.formats import printable


class HelpDialog(ModalScreen[None]):
    CSS_PATH = "dialogs.tcss"
    BINDINGS = [Binding("escape,question_mark,q,f1", "dismiss", "Back")]

    def __init__(self, sections: dict[str, Section]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog panel") as scroll:
            scroll.border_title, scroll.border_subtitle = "Help", "↑↓ scroll · esc back"
            for title, section in self._sections.items():
                yield Label(Content(title), classes="title")
                # One table for a section: a widget for each entry would take a second to open.
                table = Table.grid(padding=(0, 1, 0, 0))
                table.add_column(width=18, style=Style(bold=True))
                table.add_column(ratio=1)
                for name, text in section.items():
                    table.add_row(Text(name), Text(text))
                yield Static(table, classes="entries")


class MessagesDialog(ModalScreen[None]):
    """Shows messages that have no room in a view."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS = [Binding("escape,exclamation_mark,enter,q", "dismiss", "Back")]

    def __init__(self, title: str, messages: Sequence[str]) -> None:
        super().__init__()
        self._title, self._messages = title, messages

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog panel") as scroll:
            scroll.border_title, scroll.border_subtitle = self._title, "↑↓ scroll · esc back"
            yield Static(Content("\n".join(self._messages)), classes="entries")


class ConfirmDrop(ModalScreen[bool]):
    """Return whether to end a lane of the race before the others."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#stay"
    BINDINGS = [
        Binding("y", "dismiss(True)", "Drop", show=False),
        Binding("n,escape,q", "dismiss(False)", "Back", show=False),
        Binding("up,left,k", "app.focus_previous", "Row", show=False),
        Binding("down,right,j", "app.focus_next", "Row", show=False),
    ]

    def __init__(self, lane: str) -> None:
        super().__init__()
        self._lane = lane

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title, dialog.border_subtitle = "Drop", "↑↓ enter select · esc back"
            yield Label(Content(f"End {printable(self._lane)}? The other lanes continue."))
            yield Button("y  Stop its run and save it", id="drop", compact=True)
            yield Button("n  Let it train on", id="stay", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "drop")


class ConfirmQuit(ModalScreen[str | None]):
    """Return "stop" to stop, save and quit, "detach" to train on in the background; or None."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#stay"
    BINDINGS = [
        Binding("y", "dismiss('stop')", "Stop", show=False),
        Binding("d", "detach", "Detach", show=False),
        Binding("n,escape,q", "dismiss(None)", "Back", show=False),
        Binding("up,left,k", "app.focus_previous", "Row", show=False),
        Binding("down,right,j", "app.focus_next", "Row", show=False),
    ]

    def __init__(self, what: str = "Training", *, can_detach: bool) -> None:
        super().__init__()
        self._what, self._can_detach = what, can_detach

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title, dialog.border_subtitle = "Quit", "↑↓ enter select · esc back"
            yield Label(f"{self._what} is in progress.")
            yield Button("y  Stop training, save and quit", id="stop", compact=True)
            if self._can_detach:
                yield Button("d  Quit, keep training in the background", id="detach", compact=True)
            yield Button("n  Stay here", id="stay", compact=True)

    def action_detach(self) -> None:
        if self._can_detach:
            self.dismiss("detach")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(None if event.button.id == "stay" else event.button.id)
