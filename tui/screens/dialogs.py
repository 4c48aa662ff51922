"""What is laid over a view: the help, and the question before leaving a run."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Center, Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Markdown

from core.config import FIELDS, allowed
from tui.widgets.form import LABELS

KEYS = {
    "space": "start; pause and go on",
    "s": "stop, and save what has been learned",
    "1 2 3, tab": "between views (in the form, tab goes to the next field)",
    "↑ ↓": "between the fields of the form, or rows",
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

SEEING = """
The **chart** shows the loss: how wrong the network is. Training loss is the mean since the last
point; ● is the loss on test digits, which it never trains on, once an epoch.

Each **digit** is drawn with the network's guess: ✓ right, or ✗ with what it is. The bars are its
probabilities, one a class. Their softmax *temperature* is raised, so that more than the first guess
shows; at 1 they are what the network really says.

**Checkpoints** are saved after each epoch, when you pause and when you stop: `last` is the newest,
`best` the one with the highest test accuracy.
"""


def help_text() -> str:
    keys = "\n".join(f"| `{key}` | {what} |" for key, what in KEYS.items())
    fields = "\n".join(
        f"| {label} | {FIELDS[name].metadata['help']}. It must be {allowed(name)}. |"
        for name, label in LABELS.items()
    )
    return (
        f"## Keys\n\n| key | what it does |\n|---|---|\n{keys}\n\n"
        f"## What you see\n{SEEING}\n"
        f"## Settings of a run\n\n| setting | what it is |\n|---|---|\n{fields}\n"
    )


class Help(ModalScreen[None]):
    CSS_PATH = "dialogs.tcss"
    BINDINGS = [
        Binding("escape,question_mark,q,f1", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "↑ ↓ scroll · esc closes"
            yield Markdown(help_text())


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
