"""Digits drawn large: those of the run, or what an opened checkpoint makes of them."""

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from core.events import Digit
from tui.drawing import percent
from tui.screens.view import View
from tui.widgets.digits import Digits

PAGING: list[BindingType] = [
    Binding("right,pagedown", "page(1)", "Next", key_display="→"),
    Binding("left,pageup", "page(-1)", "Previous", key_display="←"),
]


class DigitsView(View):
    """What the network that is training makes of test digits."""

    MODE = "digits"
    CSS_PATH = "digits.tcss"
    BINDINGS = PAGING

    def __init__(self) -> None:
        super().__init__()
        self._first = 0

    def wanted_digits(self) -> tuple[int, ...]:
        return tuple(self._first + place for place in super().wanted_digits())

    def samples(self) -> int:
        """How many digits there are to choose from."""
        return self.run_state.samples

    def action_page(self, pages: int) -> None:
        capacity = len(self.wanted_digits())
        if capacity and self.samples():
            last = (self.samples() - 1) // capacity * capacity
            self._first = max(0, min(self._first + pages * capacity, last))
            self.mnist.ask_for_digits()

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Digits("press space to train: digits appear here", large=True).data_bind(
            View.settings
        )

    def watch_run_state(self) -> None:
        self.show()

    def watch_settings(self) -> None:
        self.show()

    def show(self) -> None:
        state = self.run_state
        self.query_one(Digits).digits = state.digits
        if not state.digits:
            return
        score = f", test {percent(state.score.accuracy)}" if state.score else ""
        self.caption(f"step {state.digits_step:,}{score}", state.digits, state.samples)

    def caption(self, said: str, digits: tuple[Digit, ...], samples: int) -> None:
        which = f"{digits[0].index:,}–{digits[-1].index:,} of {samples:,}" if digits else "none"
        self.say(f"{said} · digits {which} · temperature {self.settings.temperature:g}")

    def say(self, text: str) -> None:
        # Content, not markup: names may have brackets in them.
        self.query_one("#caption", Static).update(Content(f" {text}"))


class OpenedView(DigitsView):
    """What the network in a checkpoint makes of test digits."""

    MODE = "checkpoints"
    BINDINGS = [Binding("escape", "app.pop_screen", "Back"), *PAGING]

    def __init__(self, path: str, title: str) -> None:
        super().__init__()
        self.path, self._title = path, title

    @property
    def opened_path(self) -> str | None:
        return self.path

    def samples(self) -> int:
        opened = self.run_state.opened
        return opened.samples if opened else 0

    def show(self) -> None:
        opened = self.run_state.opened
        if opened is None or opened.path != self.path:
            self.say(f"{self._title}: opening …")
        elif opened.error:
            self.say(f"✗ {opened.error}")
        else:
            self.query_one(Digits).digits = opened.digits
            self.caption(self._title, opened.digits, opened.samples)
