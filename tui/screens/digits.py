"""Digits drawn large, chosen as a person likes: those of the run, or of an opened checkpoint."""

from dataclasses import replace

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from core.events import Digit, Scored
from tui.analysis.digit_selection import (
    BY_PREDICTION,
    KINDS,
    DigitSelection,
    SelectionKind,
    select_digits,
    why_unavailable,
    with_predictions,
)
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import between, choices, key, line
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.text.formats import format_percent, printable
from tui.widgets.digit_cards import DigitCards

DIGITS_HELP = {
    "✓ ✗": "the network's guess is right, or wrong and what the digit is.",
    "bars": "the network's probabilities, a bar for each of the ten classes. The longest is its "
    "guess; that of what the digit really is has a colour of its own.",
    "temperature": "what the network's outputs are divided by before they become probabilities. At "
    "1 they are what it really says; above, the bars are more alike, so that one sees its second "
    "thoughts. The guess stays the same.",
    "choosing": "d and D go through the ways to choose digits, n chooses anew, and g goes to a "
    "number. They then stay where they are while the network learns.",
    "index": "the test digits in their order. The network never trains on any of them.",
    "class": "only the digits that are one number: + and − go through 0 to 9.",
    "random": "any of the test digits; n draws others.",
    "uncertain": "the digits whose first guess is least above the second: those that may yet "
    "change.",
    "mistakes": "the digits that the network takes for something else. Those that it is surest of "
    "come first.",
    "stepping back": "[ shows what the network made of the same digits after an earlier epoch, and "
    "] goes forth again, to now. “was 4” means that it said 4 an epoch before. What you choose "
    "meanwhile goes by the epoch that is shown.",
    "styles": "a ramp of characters from light to dark; half blocks, which are crisp; or braille "
    "dots, which are the finest. All draw the same pixels.",
}

ORDERS = {"index": "in the order of the test set", "random": "drawn at random"}

CHOOSING: list[BindingType] = [
    Binding("d", "kind(1)", "Pick"),
    Binding("D", "kind(-1)", "Pick", show=False),
    Binding("plus,up", "actual(1)", "Class", show=False),
    Binding("minus,down", "actual(-1)", "Class", show=False),
    Binding("n", "anew", "Others", show=False),
    Binding("g", "go_to", "Go to a number", show=False),
]
STEPPING: list[BindingType] = [
    Binding("left_square_bracket", "epoch(-1)", "Past", key_display="[]"),
    Binding("right_square_bracket", "epoch(1)", "Past", show=False),
]
PAGING: list[BindingType] = [
    Binding("right,pagedown", "page(1)", "Page", key_display="← →"),
    Binding("left,pageup", "page(-1)", "Page", show=False),
]


class DigitsView(View):
    """What the network that is training makes of test digits. They are chosen once and then stay,
    so that one can watch a guess change."""

    MODE = "digits"
    VIEW_HELP = DIGITS_HELP
    OFFERS: tuple[SelectionKind, ...] = KINDS
    CSS_PATH = "digits.tcss"
    BINDINGS = [*CHOOSING, *STEPPING, *PAGING]

    # Whether a person chooses the digits here, and can step back through the run's evaluations.
    CHOOSES = True
    STEPS_BACK = True
    # What of the run's state is shown.
    SEEN: tuple[str, ...] = ("digits", "evaluations", "labels", "scores", "phase", "started")

    def __init__(self, pick: DigitSelection | None = None) -> None:
        super().__init__()
        self.pick = pick or DigitSelection()
        self._chosen: tuple[int, ...] | None = None  # None while that cannot be said
        self._first = 0
        self._then: Scored | None = None  # the evaluation that is looked back to
        self._found: tuple[Digit, ...] = ()
        self._said = Content("")

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield DigitCards("", large=True).data_bind(View.preferences)

    def resume_view(self) -> None:
        super().resume_view()
        self.attempt("show", self.show)

    def on_resize(self) -> None:
        # By then it is known how many fit.
        self.call_after_refresh(self.attempt, "show", self.show)

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        changed = {each for each in self.SEEN if getattr(before, each) is not getattr(after, each)}
        if "started" in changed:
            # Another run: what was chosen by its guesses, and its past, are no more.
            self._then, self._chosen, self._found = None, None, ()
        if changed:
            self.show()

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.opened is not after.opened:
            self.show()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        self.show_caption()
        if before.digit_style != after.digit_style or before.ascii != after.ascii:
            self.mnist.ask_for_digits(at_once=True)  # another style may have room for more

    # Of the run

    def digits(self) -> tuple[Digit, ...]:
        """The newest answer."""
        return self.run_state.digits

    def samples(self) -> int:
        """How many digits there are to choose from."""
        return self.run_state.samples or len(self.run_state.labels)

    def past(self) -> tuple[Scored, ...]:
        """The evaluations before what is known now."""
        state = self.run_state
        return tuple(each for each in state.evaluations if each.step < state.digits_step)

    def why_not(self) -> str | None:
        """Why the digits of this pick cannot be shown."""
        state = self.run_state
        newest = state.evaluations[-1] if state.evaluations else None
        if state.started is None:
            when = "when training begins" if state.active else "press space to train:"
            return f"{when} digits appear here"
        if state.phase == "failed" and not state.checkpoint:
            return "the run has left no checkpoint that could be asked"
        opened = self.app_state.opened
        if opened and opened.error and opened.path == state.checkpoint and not state.active:
            return f"✗ {printable(opened.error)}"
        why = why_unavailable(self.pick, state.labels, newest)
        return f"{self.pick.kind}: {why}" if why else None

    # Which digits

    def choose(self, pick: DigitSelection, first: int = 0) -> None:
        """Its digits as they are by now, and shows them from that place on."""
        self.pick, self._chosen, self._first = pick, None, first
        self.show()
        self.mnist.ask_for_digits(at_once=True)

    def _choice(self) -> tuple[int, ...] | None:
        if not self.samples() or self.why_not():
            return None
        state = self.run_state
        newest = state.evaluations[-1] if state.evaluations else None
        return select_digits(self.pick, self.samples(), state.labels, self._then or newest)

    def wanted_digits(self) -> tuple[int, ...]:
        capacity = len(super().wanted_digits())
        if self._chosen is None:
            # How many there are is known with the first answer.
            asks = self.pick.kind in ("index", "random") and not self.samples()
            return tuple(range(capacity)) if asks else ()
        return self._chosen[self._first : self._first + capacity]

    def action_choose(self, kind: SelectionKind) -> None:
        if kind == self.pick.kind:
            self.action_anew()
        else:
            actual = 0 if kind == "class" else None
            self.choose(DigitSelection(kind, actual, seed=self.pick.seed))

    def action_kind(self, by: int) -> None:
        place = self.OFFERS.index(self.pick.kind) + by
        self.action_choose(self.OFFERS[place % len(self.OFFERS)])

    def action_anew(self) -> None:
        self.choose(replace(self.pick, seed=self.pick.seed + 1))

    def narrower(self) -> tuple[int | None, ...]:
        """To which the digits can be narrowed down; None is all."""
        if self.pick.kind in BY_PREDICTION:
            return (None, *range(10))
        return tuple(range(10)) if self.pick.kind == "class" else ()

    def action_actual(self, by: int) -> None:
        if classes := self.narrower():
            place = classes.index(self.pick.actual) + by
            self.action_only(classes[place % len(classes)])

    def action_only(self, actual: int | None) -> None:
        self.choose(replace(self.pick, actual=actual))

    def action_go_to(self) -> None:
        from tui.screens.goto_dialog import GotoDialog

        def go(index: int | None) -> None:
            if index is not None:
                self.choose(DigitSelection(), index)

        if samples := self.samples():
            self.app.push_screen(GotoDialog(samples), go)
        else:
            self.notify("how many digits there are is known when a run has begun")

    def action_page(self, pages: int) -> None:
        capacity, count = len(super().wanted_digits()), len(self._chosen or ())
        first = max(0, self._first + pages * capacity)
        if first < count:
            self._first = first
            self.show()
            self.mnist.ask_for_digits(at_once=True)

    def action_epoch(self, by: int) -> None:
        """To the evaluation before or after the one that is shown; after the last one is now."""
        past = self.past()
        if not past:
            self.notify("there is no earlier epoch to look back to yet")
            return
        place = len(past) if self._then is None else sum(e.step < self._then.step for e in past)
        self._then = (*past, None)[min(max(place + by, 0), len(past))]
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("choose", "kind", "anew", "actual", "only", "go_to"):
            return self.CHOOSES
        return self.STEPS_BACK if action == "epoch" else True

    # What is shown

    def show(self) -> None:
        if self._chosen is None:
            self._chosen = self._choice()
        known = {digit.index: digit for digit in self.digits()}
        wanted = self.wanted_digits()
        found = tuple(known[index] for index in wanted if index in known)
        # Those before stay until the network has been asked about all that are wanted now.
        if len(found) == len(wanted) or not known or not self._found:
            self._found = found
        shown = with_predictions(self._found, self._then) if self._then else self._found
        field = self.query_one(DigitCards)
        field.waiting = self._waiting()
        field.earlier = self._guesses_before(shown)
        field.digits = shown
        self.show_caption()

    def _guesses_before(self, shown: tuple[Digit, ...]) -> dict[int, int]:
        """Of each digit, at the evaluation before what is shown."""
        past = [each for each in self.past() if not self._then or each.step < self._then.step]
        if not past or not self.STEPS_BACK:
            return {}
        return {digit.index: digit.predicted for digit in with_predictions(shown, past[-1])}

    def _waiting(self) -> str:
        if why := self.why_not():
            return why
        if self._chosen == ():
            return "there is no such digit" + (": choose others" if self.CHOOSES else " any more")
        return "the network is being asked"

    def show_caption(self) -> None:
        lines = (self.top_line(), self.middle_line(), self.last_line())
        self.say(Content("\n").join(Content(" ") + each for each in lines))

    def say(self, said: Content) -> None:
        if not said.is_same(self._said):
            self._said = said
            self.query_one("#caption", Static).update(said)

    def top_line(self) -> Content:
        kinds = choices([(kind, f"choose('{kind}')") for kind in self.OFFERS], self.pick.kind)
        others, number = key("n", "others", "anew"), key("g", "go to", "go_to")
        return line(key("d", "", "kind(1)") + " " + kinds, others, number)

    def middle_line(self) -> Content:
        which = Content(ORDERS.get(self.pick.kind, ""))
        if (narrower := self.narrower()) and self.CHOOSES:
            named = [(_class(each), f"only({each})") for each in narrower]
            less, more = key("−", "", "actual(-1)"), key("+", "", "actual(1)")
            which = between(less, choices(named, _class(self.pick.actual)), more)
        colder, hotter = (key("T", "", "app.temperature(-1)"), key("t", "", "app.temperature(1)"))
        heat = between(colder, Content(f"temperature {self.preferences.temperature:g}"), hotter)
        return line(which, heat, key("y", self.preferences.digit_style, "app.digit_style"))

    def last_line(self) -> Content:
        when = Content(self._when())
        if self.STEPS_BACK:
            when = between(key("[", "", "epoch(-1)"), when, key("]", "", "epoch(1)"))
        return line(when, self.where())

    def _when(self) -> str:
        state, then = self.run_state, self._then
        step = then.step if then else state.digits_step
        scores = [score for score in state.scores if score.step <= step]
        test = f", test {format_percent(scores[-1].accuracy)}" if scores else ""
        if then:
            return f"after epoch {then.epoch}{test}"
        return f"now, step {step:,}{test}" if step >= 0 else "now"

    def where(self) -> Content:
        count, first = len(self._chosen or ()), self._first
        last = min(first + len(super().wanted_digits()), count)
        if last <= first:
            return Content("")
        start = 0 if self.pick.kind == "index" else 1
        text = f"{first + start:,}–{last - 1 + start:,} of {count:,}"
        return between(key("←", "", "page(-1)"), Content(text), key("→", "", "page(1)"))


def _class(number: int | None) -> str:
    return "all" if number is None else str(number)


class SelectionView(DigitsView):
    """The digits of one pick, over the view that it was made in."""

    BINDINGS = [Binding("escape", "app.pop_screen", "Back")]
    CHOOSES = False

    def __init__(self, pick: DigitSelection, title: str, mode: str) -> None:
        super().__init__(pick)
        self._title = title
        self.MODE = mode  # the heading shows where one came from

    def top_line(self) -> Content:
        return line(key("esc", "back", "app.pop_screen"), Content(self._title))
