"""Dialogs that ask for one number: the learning rate, or the index of a test digit."""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, Input, Label, Static

from core.config import FIELDS, describe_allowed, parse
from core.errors import UsageError
from tui.screens.base import app_of
from tui.screens.captions import set_text, show_message
from tui.state.run_state import RunState
from tui.text.formats import format_rate
from tui.widgets.line_input import NumberInput

Number = TypeVar("Number", int, float)


class NumberDialog(ModalScreen[Number | None], Generic[Number]):
    """Return a number, or None if the dialog is cancelled."""

    CSS_PATH = "number_dialogs.tcss"
    AUTO_FOCUS = "NumberInput"
    BINDINGS = [Binding("escape", "dismiss(None)", "Back", show=False)]

    HEADING: ClassVar[str]
    KEYS: ClassVar[str] = "enter apply · esc back"
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
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title, dialog.border_subtitle = self.HEADING, self.KEYS
            yield Static(id="now")
            with Horizontal(classes="field"):
                yield Label(self.LABEL, id="label")
                yield NumberInput(restrict=self.CHARACTERS, max_length=24, compact=True)
            yield Static(Content(self.message(wrong=False)), id="message")
            with Horizontal(id="buttons"):
                for label, action in self.BUTTONS.items():
                    yield Button(label, compact=True, action=f"screen.{action}")
                yield Button("Apply", compact=True, action="screen.apply")
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
        if (number := self.parse(field.value)) is None:
            field.focus()
        else:
            self.dismiss(number)


class GotoDialog(NumberDialog[int]):
    """Return the index of one of `samples` test digits, or what else is counted from 0."""

    HEADING = "Go to an image"
    LABEL = "Index"
    WHERE: ClassVar[str] = "Index in the test set"
    CHARACTERS = "[0-9]*"

    def __init__(self, samples: int) -> None:
        super().__init__()
        self._samples = samples

    def parse(self, text: str) -> int | None:
        return int(text) if text.isdecimal() and int(text) < self._samples else None

    def message(self, *, wrong: bool) -> str:
        allowed = f"a whole number from 0 to {self._samples - 1:,}."
        return (
            f"✗ The {self.LABEL.lower()} must be {allowed}" if wrong else f"{self.WHERE}: {allowed}"
        )


class GotoUnitDialog(GotoDialog):
    """Return the number of one of so many units of a layer."""

    HEADING = "Go to a unit"
    LABEL = "Number"
    WHERE = "Number in the layer"


def ask_index(view: Screen[Any], samples: int, go: Callable[[int], object]) -> None:
    """Ask for the index of one of `samples` test digits, and call `go` with it."""

    def take(index: int | None) -> None:
        if index is not None:
            go(index)

    if samples:
        view.app.push_screen(GotoDialog(samples), take)
    else:
        view.notify("Start training first: the test set is not loaded yet.")


class LearningRateDialog(NumberDialog[float]):
    """Return the new learning rate, or None."""

    HEADING = "Learning rate"
    KEYS = "↑ double · ↓ halve · enter apply · esc back"
    LABEL = "New rate"
    BUTTONS = {"×2": "scale(2)", "÷2": "scale(0.5)"}
    BINDINGS = [
        Binding("up", "scale(2)", "Double", show=False),
        Binding("down", "scale(0.5)", "Halve", show=False),
    ]

    def on_mount(self) -> None:
        state = app_of(self).run_state
        rate = state.learning_rate if state.chosen_rate is None else state.chosen_rate
        self.query_one(Input).value = "" if rate is None else f"{rate:g}"
        self.watch(self.app, "run_state", self._follow)

    def _follow(self, state: RunState) -> None:
        if state.phase not in ("training", "paused"):
            self.notify("The run has ended: its learning rate was not changed.")
            self.dismiss(None)
            return
        set_text(self, "#label", "New rate" if _schedule(state) == "constant" else "New peak")
        set_text(self, "#now", _rate_now(state))

    def parse(self, text: str) -> float | None:
        try:
            return float(parse("learning_rate", text))
        except UsageError:
            return None

    def message(self, *, wrong: bool) -> str:
        if wrong:
            return f"✗ The learning rate must be {describe_allowed('learning_rate')}."
        text = str(FIELDS["learning_rate"].metadata["help"])
        return f"{text[0].upper()}{text[1:]}."

    def action_scale(self, factor: float) -> None:
        field = self.query_one(Input)
        if (rate := self.parse(field.value)) is None:
            field.focus()
        else:
            field.value = f"{rate * factor:.6g}"


def _schedule(state: RunState) -> str:
    config = state.started.config if state.started else {}
    return str(config.get("schedule", "constant"))


def _rate_now(state: RunState) -> str:
    schedule, rate, peak = _schedule(state), state.learning_rate, state.chosen_rate
    if schedule == "constant" or peak is None:
        # Before the first step only the chosen rate is known.
        return f"The current learning rate is {format_rate(peak if rate is None else rate)}."
    return (
        f"The current learning rate is {format_rate(rate)}. "
        f"The schedule is {schedule} with a peak of {format_rate(peak)}; this sets the peak."
    )
