"""The line of the Draw view about the drawings that are kept."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import var
from textual.widgets import Button, Static

from core.class_names import DIGITS
from tui.state.app_state import AppState
from tui.state.kept_drawings import describe_kept
from tui.text.formats import printable


class KeptLine(Horizontal):
    """How many of the drawings the network predicts correctly, and buttons for what K and L do."""

    DEFAULT_CSS = """
    KeptLine {
        height: 1;
        Static {
            width: 1fr; height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
        }
        Button { min-width: 10; }
    }
    """

    app_state: var[AppState] = var(AppState, init=False)

    def compose(self) -> ComposeResult:
        yield Static(id="kept-score")
        for label, action in (("K keep", "keep"), ("L show kept", "look")):
            button = Button(label, compact=True, action=f"screen.kept('{action}')")
            button.can_focus = False  # the pen keeps the keys
            yield button

    def on_mount(self) -> None:
        self.show()

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.kept is not after.kept or before.drawing.network != after.drawing.network:
            self.show()

    def show(self) -> None:
        network = self.app_state.drawing.network
        names = network.class_names if network else DIGITS
        kept = self.app_state.kept
        text = printable(" · ".join(filter(None, (describe_kept(kept, names), kept.report))))
        for part in self.query("#kept-score").results(Static):
            part.update(Content(text), layout=False)
