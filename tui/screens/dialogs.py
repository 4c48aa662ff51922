"""What is laid over a view: the help, and the question before leaving a run."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Center, Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

from core.config import FIELDS, allowed
from tui.widgets.form import LABELS

KEYS = {
    "space": "start; pause and go on",
    "s": "stop, and save what has been learned",
    "1 2 3, tab": "between views (in the form, tab goes to the next field)",
    "↑ ↓": "into the form and between its fields; between rows",
    "← →": "other digits",
    "l": "loss on a log or a linear scale",
    "m": "smoothing of the training loss: 0.6, 0.9, none",
    "t T": "softmax temperature of the bars, up and down",
    "enter": "choose; look inside a checkpoint",
    "/": "filter the checkpoints",
    "esc": "back",
    "ctrl+p": "all commands, by name",
    "q": "quit (asks while a run goes on)",
}

SEEING = {
    "loss": "how wrong the network is: the lower, the better. The training loss is the mean since "
    "the last point; ● is the loss on test digits, which it never trains on, once an epoch",
    "✓ ✗": "the network's guess is right, or wrong and what the digit is",
    "bars": "the network's probabilities, one a class. Their softmax temperature is raised so that "
    "more than the first guess shows; at 1 they are what the network really says",
    "last": "the checkpoint that is saved after each epoch, on a pause and on a stop",
    "best": "the checkpoint with the highest test accuracy of its run",
}


def help_sections() -> dict[str, dict[str, str]]:
    """Titles, and under each what it explains: name and words."""
    settings = {
        label: f"{FIELDS[name].metadata['help']}. It must be {allowed(name)}"
        for name, label in LABELS.items()
    }
    return {"Keys": KEYS, "What you see": SEEING, "Settings of a run": settings}


class Help(ModalScreen[None]):
    CSS_PATH = "dialogs.tcss"
    BINDINGS = [Binding("escape,question_mark,q,f1", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "↑ ↓ scroll · esc closes"
            for title, words in help_sections().items():
                yield Label(Content(title), classes="title")
                for name, said in words.items():
                    with Horizontal(classes="entry"):
                        yield Label(Content(name), classes="name")
                        yield Static(Content(said), classes="said")


class ConfirmQuit(ModalScreen[bool]):
    """True: stop, save and quit."""

    CSS_PATH = "dialogs.tcss"
    AUTO_FOCUS = "#stay"
    BINDINGS = [
        Binding("y", "answer(True)", "Stop, save and quit"),
        Binding("n,escape,q", "answer(False)", "Stay"),
        Binding("left,right,up,down", "app.focus_next", show=False),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="question"):
            yield Label("A run is going on.")
            with Center(), Horizontal(classes="answers"):
                yield Button("Stop, save and quit (y)", id="quit", variant="error", compact=True)
                yield Button("Stay (n)", id="stay", variant="primary", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "quit")

    def action_answer(self, quit: bool) -> None:
        self.dismiss(quit)
