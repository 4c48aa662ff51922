"""The help, and the question before quitting while a run is in progress."""

from collections.abc import Sequence

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.color import Color
from textual.containers import Center, Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

from tui.help import Section


class HelpDialog(ModalScreen[None]):
    CSS_PATH = "dialogs.tcss"
    BINDINGS = [Binding("escape,question_mark,q,f1", "dismiss", "Close")]

    def __init__(self, sections: dict[str, Section]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        accent = Style(color=Color.parse(self.app.theme_variables["text-accent"]).rich_color)
        with VerticalScroll(classes="dialog") as scroll:
            scroll.border_title, scroll.border_subtitle = "Help", "↑ ↓ scroll · esc close"
            for title, section in self._sections.items():
                yield Label(Content(title), classes="title")
                # One table for a section: a widget for each entry would take a second to open.
                table = Table.grid(padding=(0, 1, 0, 0))
                table.add_column(width=18, style=accent)
                table.add_column(ratio=1)
                for name, text in section.items():
                    table.add_row(Text(name), Text(text))
                yield Static(table, classes="entries")


class MessagesDialog(ModalScreen[None]):
    """Shows messages that have no room in a view."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS = [Binding("escape,exclamation_mark,enter,q", "dismiss", "Close")]

    def __init__(self, title: str, messages: Sequence[str]) -> None:
        super().__init__()
        self._title, self._messages = title, messages

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as scroll:
            scroll.border_title, scroll.border_subtitle = self._title, "↑ ↓ scroll · esc close"
            yield Static(Content("\n".join(self._messages)), classes="entries")


class ConfirmQuit(ModalScreen[bool]):
    """Return True to stop, save and quit."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#stay"
    BINDINGS = [
        Binding("y", "dismiss(True)", "Stop, save and quit"),
        Binding("n,escape,q", "dismiss(False)", "Cancel"),
        Binding("left,right,up,down", "app.focus_next", show=False),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="question"):
            yield Label("Training is in progress.")
            with Center(), Horizontal(classes="answers"):
                yield Button("Stop, save and quit (y)", id="quit", variant="error", compact=True)
                yield Button("Cancel (n)", id="stay", variant="primary", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "quit")
