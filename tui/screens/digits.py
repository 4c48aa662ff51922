"""The Digits view: test digits with the predictions of a run, selected by the user."""

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from core.events import Scored
from core.responses import Digit
from tui.analysis.digit_selection import (
    BY_PREDICTION,
    KINDS,
    DigitSelection,
    SelectionKind,
    select_digits,
    why_unavailable,
    with_predictions,
)
from tui.help import DIGITS_HELP
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import between, choices, key, line, set_text
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.state.summaries import NOT_STARTED, describe_untrained
from tui.text.formats import format_percent, printable
from tui.widgets.digit_cards import DigitCards

ORDERS = {"index": "in the order of the test set", "random": "random sample"}
SELECTING = ("select", "only_class", "go_to", "kind", "class", "sample")  # actions and steps


class DigitsView(View):
    """Selected test digits with the predictions of the network that is training.

    The selection does not change by itself, so that changing predictions can be watched.
    """

    MODE = "digits"
    VIEW_HELP = DIGITS_HELP
    OFFERED: tuple[SelectionKind, ...] = KINDS
    CSS_PATH = "digits.tcss"
    BINDINGS = [
        Binding("d", "step('kind', 1)", "Select"),
        Binding("D", "step('kind', -1)", "Select", show=False),
        Binding("plus,up", "step('class', 1)", "Class", show=False),
        Binding("minus,down", "step('class', -1)", "Class", show=False),
        Binding("n", "step('sample', 1)", "New sample", show=False),
        Binding("g", "go_to", "Go to an index", show=False),
        Binding("left_square_bracket", "step('epoch', -1)", "Epochs", key_display="[]"),
        Binding("right_square_bracket", "step('epoch', 1)", "Epochs", show=False),
        Binding("right,pagedown", "step('page', 1)", "Page", key_display="← →"),
        Binding("left,pageup", "step('page', -1)", "Page", show=False),
    ]

    CAN_SELECT = True
    HAS_EPOCHS = True  # whether the predictions of earlier evaluations can be shown
    SEEN: ClassVar[tuple[str, ...]] = (
        "digits",
        "evaluations",
        "labels",
        "scores",
        "phase",
        "started",
    )

    def __init__(self, selection: DigitSelection | None = None) -> None:
        super().__init__()
        self.selection = selection or DigitSelection()
        self._selected: tuple[int, ...] | None = None  # indices; None while they are unknown
        self._first = 0
        self._earlier: Scored | None = None  # the earlier evaluation that is shown, if one is
        self._found: tuple[Digit, ...] = ()

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield DigitCards("", large=True).data_bind(View.preferences)

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if "started" in self.SEEN and before.started is not after.started:
            # Another run: the evaluations of the one before do not apply to it.
            self._earlier, self._selected, self._found = None, None, ()
        super().watch_run_state(before, after)

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.opened is not after.opened:
            self.show()

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        self._show_caption()
        if before.digit_style != after.digit_style or before.ascii != after.ascii:
            self.mnist.request_digits(at_once=True)  # in another style more digits may fit

    # The run

    def _digits(self) -> tuple[Digit, ...]:
        """Return the digits of the newest reply."""
        return self.run_state.digits

    def _samples(self) -> int:
        """Return the number of digits that can be selected."""
        return self.run_state.samples or len(self.run_state.labels)

    def _evaluations(self) -> tuple[Scored, ...]:
        """Return the evaluations before the present predictions."""
        state = self.run_state
        return tuple(each for each in state.evaluations if each.step < state.digits_step)

    def _why_empty(self) -> str | None:
        """Return why the selected digits cannot be shown; None where they can."""
        state = self.run_state
        if state.has_not_started:
            return f"{NOT_STARTED} {printable(state.message)}"
        if state.started is None and not state.digits:
            if missing := describe_untrained(state, self.mnist.config.dataset):
                return missing
            when = "Training is starting" if state.is_active else "Press space to train"
            return f"{when}: digits appear here"
        if state.phase == "failed" and not state.checkpoint:
            return "The run failed before its first checkpoint: there are no predictions"
        opened = self.app_state.opened
        if opened and opened.error and opened.path == state.checkpoint and not state.is_active:
            return f"✗ {printable(opened.error)}"
        why = why_unavailable(self.selection, state.labels, state.evaluation)
        return f"{self.selection.kind}: {why}" if why else None

    # The selection

    def _choose(self, selection: DigitSelection, first: int = 0) -> None:
        """Select digits by the present predictions, and show them from the position `first` on."""
        self.selection, self._selected, self._first = selection, None, first
        self.show()
        self.mnist.request_digits(at_once=True)

    def _select_indices(self) -> tuple[int, ...] | None:
        if not self._samples() or self._why_empty():
            return None
        evaluation = self._earlier or self.run_state.evaluation
        return select_digits(self.selection, self._samples(), self.run_state.labels, evaluation)

    def wanted_digits(self) -> tuple[int, ...]:
        capacity = len(super().wanted_digits())
        if self._selected is None:
            # The first reply gives the number of digits.
            is_first = self.selection.kind in ("index", "random") and not self._samples()
            return tuple(range(capacity)) if is_first else ()
        return self._selected[self._first : self._first + capacity]

    def _selectable_classes(self) -> tuple[int | None, ...]:
        """Return the classes that the selection can be narrowed to; None stands for all."""
        if self.selection.kind in BY_PREDICTION:
            return (None, *range(10))
        return tuple(range(10)) if self.selection.kind == "class" else ()

    def action_select(self, kind: SelectionKind) -> None:
        if kind == self.selection.kind:
            self._step_sample(1)
        else:
            actual = 0 if kind == "class" else None
            self._choose(DigitSelection(kind, actual, seed=self.selection.seed))

    def action_only_class(self, actual: int | None) -> None:
        self._choose(replace(self.selection, actual=actual))

    def action_step(self, what: str, by: int) -> None:
        """Step to another kind, class, sample, epoch or page; `by` is 1 or -1."""
        getattr(self, f"_step_{what}")(by)

    def _step_kind(self, by: int) -> None:
        place = self.OFFERED.index(self.selection.kind) + by
        self.action_select(self.OFFERED[place % len(self.OFFERED)])

    def _step_class(self, by: int) -> None:
        if classes := self._selectable_classes():
            place = classes.index(self.selection.actual) + by
            self.action_only_class(classes[place % len(classes)])

    def _step_sample(self, by: int) -> None:
        self._choose(replace(self.selection, seed=self.selection.seed + by))

    def _step_epoch(self, by: int) -> None:
        """Show the predictions of the previous or the next evaluation; after the last, of now."""
        if not (past := self._evaluations()):
            self.notify("There is no earlier epoch yet.")
            return
        shown = self._earlier
        place = len(past) if shown is None else sum(each.step < shown.step for each in past)
        self._earlier = (*past, None)[min(max(place + by, 0), len(past))]
        self.show()

    def _step_page(self, by: int) -> None:
        capacity, count = len(super().wanted_digits()), len(self._selected or ())
        first = max(0, self._first + by * capacity)
        if first < count:
            self._first = first
            self.show()
            self.mnist.request_digits(at_once=True)

    def action_go_to(self) -> None:
        from tui.screens.number_dialogs import GotoDialog

        def go(index: int | None) -> None:
            if index is not None:
                self._choose(DigitSelection(), index)

        if samples := self._samples():
            self.app.push_screen(GotoDialog(samples), go)
        else:
            self.notify("Start training first: the test set is not loaded yet.")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        what = parameters[0] if action == "step" else action
        if what == "epoch":
            return self.HAS_EPOCHS
        return self.CAN_SELECT or what not in SELECTING

    # Display

    def show(self) -> None:
        if self._selected is None:
            self._selected = self._select_indices()
        known = {digit.index: digit for digit in self._digits()}
        wanted = self.wanted_digits()
        found = tuple(known[index] for index in wanted if index in known)
        # The digits before stay until predictions for all digits that are wanted now are there.
        if len(found) == len(wanted) or not known or not self._found:
            self._found = found
        shown = with_predictions(self._found, self._earlier) if self._earlier else self._found
        cards = self.query_one(DigitCards)
        cards.placeholder = self._empty_text()
        cards.previous = self._predictions_before(shown)
        cards.digits = shown
        self._show_caption()

    def _predictions_before(self, shown: tuple[Digit, ...]) -> dict[int, int]:
        """Return each digit's prediction at the evaluation before the one that is shown."""
        at = self._earlier
        past = [each for each in self._evaluations() if not at or each.step < at.step]
        if not past or not self.HAS_EPOCHS:
            return {}
        return {digit.index: digit.predicted for digit in with_predictions(shown, past[-1])}

    def _empty_text(self) -> str:
        if why := self._why_empty():
            return why
        if self._selected == ():
            return "No such digits" + (": select others" if self.CAN_SELECT else " any more")
        return "Predicting…"

    def _show_caption(self) -> None:
        lines = (self._top_line(), self._middle_line(), self._last_line())
        set_text(self, "#caption", Content("\n").join(Content(" ") + each for each in lines))

    def _top_line(self) -> Content:
        kinds = choices([(kind, f"select('{kind}')") for kind in self.OFFERED], self.selection.kind)
        sample, index = key("n", "new sample", "step('sample', 1)"), key("g", "go to", "go_to")
        return line(key("d", "", "step('kind', 1)") + " " + kinds, sample, index)

    def _middle_line(self) -> Content:
        """Return the line of the class, the temperature and the style."""
        which = Content(ORDERS.get(self.selection.kind, ""))
        if self.CAN_SELECT and (classes := self._selectable_classes()):
            names = {each: "all" if each is None else str(each) for each in classes}
            named = [(name, f"only_class({each})") for each, name in names.items()]
            less, more = key("−", "", "step('class', -1)"), key("+", "", "step('class', 1)")
            which = between(less, choices(named, names[self.selection.actual]), more)
        lower = key("T", "", "app.set('temperature', -1)")
        higher = key("t", "", "app.set('temperature')")
        text = Content(f"temperature {self.preferences.temperature:g}")
        style = key("y", self.preferences.digit_style, "app.set('digit_style')")
        return line(which, between(lower, text, higher), style)

    def _last_line(self) -> Content:
        """Return the line of the epoch whose predictions are shown, and of the page."""
        state, earlier = self.run_state, self._earlier
        step = earlier.step if earlier else state.digits_step
        now = f"now, step {step:,}" if step >= 0 else "now"
        epoch = Content(f"after epoch {earlier.epoch}" if earlier else now)
        if scores := [score for score in state.scores if score.step <= step]:
            epoch += f", test accuracy {format_percent(scores[-1].accuracy)}"
        if self.HAS_EPOCHS:
            back, forth = key("[", "", "step('epoch', -1)"), key("]", "", "step('epoch', 1)")
            epoch = between(back, epoch, forth)
        return line(epoch, self._page_part())

    def _page_part(self) -> Content:
        count, first = len(self._selected or ()), self._first
        last = min(first + len(super().wanted_digits()), count)
        if last <= first:
            return Content("")
        start = 0 if self.selection.kind == "index" else 1
        text = Content(f"{first + start:,}–{last - 1 + start:,} of {count:,}")
        return between(key("←", "", "step('page', -1)"), text, key("→", "", "step('page', 1)"))
