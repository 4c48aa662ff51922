"""A checkpoint that is looked into."""

from textual.binding import Binding
from textual.content import Content

from core.events import Digit
from tui.drawing import printable
from tui.screens.captions import line
from tui.screens.digits import DigitsView


class OpenedView(DigitsView):
    """What the network in a checkpoint makes of test digits."""

    MODE = "checkpoints"
    BINDINGS = [Binding("escape", "app.pop_screen", "Back")]
    STEPS_BACK = False
    SEEN = ("opened",)
    # What the network makes of all digits is known of the run that is going on only.
    OFFERS = ("index", "random")

    def __init__(self, path: str, title: str) -> None:
        super().__init__()
        self.path, self._title = path, printable(title)

    @property
    def opened_path(self) -> str | None:
        return self.path

    def digits(self) -> tuple[Digit, ...]:
        opened = self.run_state.opened
        return opened.digits if opened and opened.path == self.path else ()

    def samples(self) -> int:
        opened = self.run_state.opened
        return opened.samples if opened and opened.path == self.path else 0

    def why_not(self) -> str | None:
        return None

    def show_caption(self) -> None:
        opened = self.run_state.opened
        if opened and opened.path == self.path and opened.error:
            self.say(Content(f" ✗ {opened.error}"))
        else:
            super().show_caption()

    def last_line(self) -> Content:
        opened = self.run_state.opened
        waiting = "" if opened and opened.path == self.path else ": opening …"
        return line(Content(f"{self._title}{waiting}"), self.where())
