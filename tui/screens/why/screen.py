"""Why a network predicts what it does for one image: opened with E, closed with esc."""

from __future__ import annotations

from dataclasses import replace
from textwrap import wrap

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.events import Mount, Unmount
from textual.widgets import Static

from core.digit import Digit
from core.responses.explanations import Explanation
from tui.screens.base import View
from tui.screens.captions import between, choices, key, set_text
from tui.screens.why.answers import Asked, status_line
from tui.screens.why.help import WHY_HELP
from tui.screens.why.part import Part
from tui.screens.why.registry import PARTS
from tui.state.app_state import AppState
from tui.state.explanations import FIELDS
from tui.state.run_state import RunState
from tui.text.formats import class_labels, format_percent

LONGEST_NAME = 16  # columns of the name of a class in the heading


class WhyScreen(View):
    """Explains one image at a time, one of `digits` if that is given, for the network of the view
    below: of the checkpoint at `path`, or as ExplanationRequests.ask finds it.

    All answers are about one copy of the weights, until f5 asks for the newest.
    """

    VIEW_HELP = WHY_HELP
    VIEW_TITLE = "Why"
    CSS_PATH = ["screen.tcss", "layers/part.tcss", "map/part.tcss"]
    AUTO_FOCUS = ""
    SEEN = ("step", "phase")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
    BINDINGS = [
        Binding("escape", "back", "Back"),
        Binding("f", "step('part', 1)", "Which"),
        Binding("F", "step('part', -1)", "Which", show=False),
        Binding("f5", "refresh", "Refresh"),
        Binding("enter", "move_to('here')", "Open", show=False),
        Binding("up,k", "move(-1, 0)", "Row", show=False),
        Binding("down,j", "move(1, 0)", "Row", show=False),
        Binding("left", "move(0, -1)", "Page", show=False),
        Binding("right", "move(0, 1)", "Page", show=False),
        Binding("pageup", "step('digit', -1)", "Page", show=False),
        Binding("pagedown", "step('digit', 1)", "Page", show=False),
        Binding("g,home", "move_to('first')", "First", show=False),
        Binding("G,end", "move_to('last')", "Last", show=False),
    ]

    def __init__(
        self,
        digit: Digit,
        digits: tuple[Digit, ...] = (),
        *,
        path: str | None = None,
        mode: str = "digits",
    ) -> None:
        """`mode` is that of the view below, which the heading marks."""
        super().__init__()
        self.MODE = mode
        self.opened_path = path
        self._digits = digits if digit in digits else (digit,)
        self._digit = digit
        self._place = self._digits.index(digit)  # -1: a part has brought another image
        self._parts = tuple(entry.make() for entry in PARTS)
        self._here = 0
        self._asked: dict[int, Asked] = {}  # by the place of the part
        self._keeps = False  # whether the next question is about the weights of the one before

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Static(id="parts")
        yield Static(id="about")
        with Container(id="part"):
            for place, part in enumerate(self._parts):
                part.display = place == self._here
                part.digit = self._digit
                yield part.data_bind(View.preferences)
        yield Static(id="status")

    @on(Mount)
    def _begin(self) -> None:
        self.call_after_refresh(self._enter_part)

    @on(Unmount)
    def _end(self) -> None:
        self.mnist.explanations.cancel()

    def wanted_digits(self) -> tuple[int, ...]:
        return self.part.wanted_digits()

    @property
    def part(self) -> Part:
        """The part in front."""
        return self._parts[self._here]

    # Questions and answers

    def _enter_part(self) -> None:
        """Show the part in front, and ask its question unless it has the answer."""
        for place, part in enumerate(self._parts):
            part.display = place == self._here
        self.set_focus(self.part)
        asked = self._asked.get(self._here)
        if asked is None or (asked.done < 1 and asked.refusal is None):
            self.part.ask()
        else:
            self.mnist.explanations.cancel()  # that of the part before
        self.refresh_bindings()
        self.show()

    @on(Part.Asked)
    def _ask(self, message: Part.Asked) -> None:
        if message.part is not self.part:
            return  # the part has gone to the back meanwhile, and asks again when it returns
        question = replace(message.question, keeps=self._keeps)
        self._keeps = True
        number = self.mnist.explanations.ask(question, self.opened_path)
        self._asked[self._here] = Asked(number)
        self.show()

    @on(Part.Outdated)
    def _ask_newest(self, message: Part.Outdated) -> None:
        if message.part is self.part:
            self.action_refresh()

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        asked = self._asked.get(self._here)
        if before.explanations is after.explanations or asked is None:
            return
        if refusal := after.explanations.refusal(asked.number):
            self._asked[self._here] = replace(asked, refusal=refusal)
            self.part.give_up(refusal)
        for name in FIELDS.values():
            answer = getattr(after.explanations, name)
            is_new = answer is not getattr(before.explanations, name)
            if is_new and isinstance(answer, Explanation) and answer.question == asked.number:
                self._receive(answer)
        self._show_status()

    def _receive(self, answer: Explanation) -> None:
        asked = self._asked[self._here]
        if asked.is_cancelled:
            return  # it was on the way
        self._asked[self._here] = replace(asked, answer=answer)
        predicted = getattr(answer, "digit", None)
        if isinstance(predicted, Digit):
            of = self._digit
            self._set_digit(replace(predicted, index=of.index, label=of.label))
        self.part.receive(answer)

    def _forget_run(self) -> None:
        for part in self._parts:
            part.reset()
        self.action_refresh()

    def _set_digit(self, digit: Digit) -> None:
        """Show the image with this prediction in each part."""
        if digit != self._digit:
            self._digit = digit
            for part in self._parts:
                part.digit = digit
            self._show_caption()

    # Keys and clicks

    def action_back(self) -> None:
        """Cancel the answer in progress, else close the screen."""
        asked = self._asked.get(self._here)
        if asked is None or not asked.is_running:
            self.app.pop_screen()
            return
        self.mnist.explanations.cancel()
        self._asked[self._here] = replace(asked, is_cancelled=True)
        self.part.give_up("")
        self._show_status()

    def action_refresh(self) -> None:
        """Ask again, of the newest weights."""
        self._keeps = False
        self._asked.clear()
        self.part.ask()

    def action_step(self, what: str, by: int) -> None:
        """Show the previous or the next part, or explain the previous or the next image."""
        if what == "part":
            self.action_show_part((self._here + by) % len(self._parts))
        elif 0 <= (place := self._place + by) < len(self._digits):
            self._explain(self._digits[place], place)

    def action_show_part(self, place: int) -> None:
        self._here = place
        self._enter_part()

    @on(Part.Explain)
    def _explain_other(self, message: Part.Explain) -> None:
        self._explain(message.digit, -1)

    def _explain(self, digit: Digit, place: int) -> None:
        self._place = place
        self._asked.clear()
        self._set_digit(digit)
        for part in self._parts:
            part.reset()
        self.part.ask()

    def action_move(self, rows: int, columns: int) -> None:
        if not self.part.move(rows, columns) and columns:
            self.action_step("digit", columns)

    def action_move_to(self, place: str) -> None:
        """Move the part's cursor to its first or last place, or open what it is on."""
        if place == "here":
            self.part.open()
        else:
            self.part.move_to_end(last=place == "last")

    def action_choose(self, number: int) -> None:
        """Choose a class whose name was clicked, in the part in front."""
        self.part.choose(number)

    # Display

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if (before.step, before.phase) != (after.step, after.phase):
            self._show_status()
        asked = self._asked.get(self._here)
        if self.opened_path is not None or asked is None:
            return
        if before.started is not after.started:  # the weights of another run are of no use
            self.call_later(self._forget_run)
        elif asked.is_running and _trains_elsewhere(before) != _trains_elsewhere(after):
            self.part.ask()  # the process that was asked has left the run, and answers no more

    def show(self) -> None:
        names = [(entry.name, f"show_part({place})") for place, entry in enumerate(PARTS)]
        set_text(self, "#parts", key("f", "", "step('part', 1)") + " " + choices(names, self._here))
        self._show_caption()
        self._show_about()
        self._show_status()

    def _show_caption(self) -> None:
        digit, place = self._digit, self._place
        names = [digit.predicted_name]
        sign, style = "predicted ", "bold"
        if digit.label is not None:
            sign, style = ("✓ ", "$right") if digit.right else ("✗ ", "$wrong")
            names += [] if digit.right else [digit.name_of(digit.label)]
        labels = class_labels(names, LONGEST_NAME * len(names))
        text = Content("Why  ") + Content.styled(sign + ", is ".join(labels), style)
        text += Content(f"  {format_percent(max(digit.probabilities()))} sure")
        if len(self._digits) > 1:
            where = Content(
                f"image {place + 1} of {len(self._digits)}" if place >= 0 else "another"
            )
            back, forth = (
                key(sign, "", f"step('digit', {by})") for sign, by in (("←", -1), ("→", 1))
            )
            end = between(back, where, forth)
            text += " " * max(2, self.size.width - 2 - text.cell_length - end.cell_length) + end
        set_text(self, "#caption", text)

    def _show_about(self) -> None:
        entry = PARTS[self._here]
        lines = wrap(entry.seen, max(20, self.size.width - 2))
        lines += wrap(entry.caution, max(20, self.size.width - 2))
        set_text(self, "#about", Content("\n").join(map(Content, lines)))

    def _show_status(self) -> None:
        asked, plain = self._asked.get(self._here), self.preferences.ascii
        is_refused = asked is not None and asked.refusal is not None
        self.query_one("#status").set_class(is_refused, "-refused")
        set_text(self, "#status", status_line(asked, self.run_state, plain=plain))


def _trains_elsewhere(run: RunState) -> bool:
    """Return whether another process trains the run, and answers questions about it."""
    return run.is_attached and run.is_active
