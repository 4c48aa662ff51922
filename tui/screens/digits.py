"""The Digits view: test digits with the predictions of a run, selected by the user."""

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from core.digit import Digit
from core.events import Scored
from tui.analysis.digit_selection import (
    BY_PREDICTION,
    KINDS,
    DigitSelection,
    SelectionKind,
    predictions_before,
    select_digits,
    with_predictions,
)
from tui.help import DIGITS_HELP
from tui.preferences import Preferences
from tui.screens.base import View
from tui.screens.captions import set_text
from tui.screens.digits_caption import (
    about_line,
    describe_empty,
    display_parts,
    epoch_line,
    kinds_line,
    page_part,
    temperature_part,
    with_right,
)
from tui.screens.why.frame import EXPLAIN_HELP, step_frame
from tui.state.app_state import AppState
from tui.state.run_state import RunState
from tui.widgets.cards.card import shown_style
from tui.widgets.digit_cards import DigitCards

SELECTING = ("select", "only_class", "go_to", "kind", "class", "sample")  # actions and steps
SIZED = ("digit_style", "all_classes", "ascii", "slow")  # preferences that change cards' sizes


class DigitsView(View):
    """Selected test digits with the predictions of the network that is training.

    The selection does not change by itself, so that changing predictions can be watched.
    """

    MODE = "digits"
    VIEW_HELP = DIGITS_HELP | EXPLAIN_HELP
    OFFERED: tuple[SelectionKind, ...] = KINDS
    CSS_PATH = "digits.tcss"
    BINDINGS = [
        Binding("f", "step('kind', 1)", "Which"),
        Binding("F", "step('kind', -1)", "Which", show=False),
        Binding("down,j", "step('row', 1)", "Row", show=False),
        Binding("up,k", "step('row', -1)", "Row", show=False),
        Binding("enter", "step('frame', 1)", "Open", show=False),
        Binding("escape", "step('frame', -1)", "Back", show=False),
        Binding("f5", "step('sample', 1)", "Refresh", show=False),
        Binding("number_sign", "go_to", "Go to", show=False),
        Binding("left_square_bracket", "step('epoch', -1)", "Epochs", key_display="[ ]"),
        Binding("right_square_bracket", "step('epoch', 1)", "Epochs", show=False),
        Binding("right", "step('card', 1)", "Page", key_display="← →"),
        Binding("left", "step('card', -1)", "Page", show=False),
        Binding("pagedown", "step('page', 1)", "Page", show=False),
        Binding("pageup", "step('page', -1)", "Page", show=False),
        Binding("g,home", "step('page_end', -1)", "First", show=False),
        Binding("G,end", "step('page_end', 1)", "Last", show=False),
    ]

    CAN_SELECT = True
    HAS_EPOCHS = True  # whether the predictions of earlier evaluations can be shown
    SEEN: ClassVar[tuple[str, ...]] = (
        *("digits", "evaluations", "labels"),
        *("scores", "phase", "started"),
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
        if any(getattr(before, name) != getattr(after, name) for name in SIZED):
            self.mnist.request_digits(at_once=True)  # another number of digits may fit

    # The run

    def _digits(self) -> tuple[Digit, ...]:
        """Return the digits of the newest reply."""
        return self.run_state.digits

    def _samples(self) -> int:
        """Return the number of digits that can be selected."""
        return self.run_state.samples or len(self.run_state.labels)

    def _class_names(self) -> tuple[str, ...]:
        digits = self._digits() or self._found
        return digits[0].class_names if digits else self.run_state.class_names

    def _evaluations(self) -> tuple[Scored, ...]:
        """Return the evaluations before the present predictions."""
        state = self.run_state
        return tuple(each for each in state.evaluations if each.step < state.digits_step)

    def _why_empty(self) -> str | None:
        """Return why the selected digits cannot be shown; None where they can."""
        dataset = self.mnist.config.dataset
        return describe_empty(self.run_state, self.app_state.opened, self.selection, dataset)

    # The selection

    def choose(self, selection: DigitSelection, first: int = 0) -> None:
        """Select digits by the present predictions, and show them from the position `first` on."""
        self.selection, self._selected, self._first = selection, None, first
        if self.is_mounted:  # else once the view is in front
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
        count = len(self._class_names()) if self._samples() else 0
        if self.selection.kind in BY_PREDICTION:
            return (None, *range(count))
        return tuple(range(count)) if self.selection.kind == "class" else ()

    def action_select(self, kind: SelectionKind) -> None:
        if kind == self.selection.kind:
            self._step_sample(1)
        else:
            actual = 0 if kind == "class" else None
            self.choose(DigitSelection(kind, actual, seed=self.selection.seed))

    def action_only_class(self, actual: int | None) -> None:
        self.choose(replace(self.selection, actual=actual))

    def action_step(self, what: str, by: int) -> None:
        """Step to another kind, class, sample, epoch, card or page, or the first or last page, or
        frame a card; `by` is 1 or -1."""
        getattr(self, f"_step_{what}")(by)

    def _step_kind(self, by: int) -> None:
        place = self.OFFERED.index(self.selection.kind) + by
        self.action_select(self.OFFERED[place % len(self.OFFERED)])

    def _step_class(self, by: int) -> None:
        if classes := self._selectable_classes():
            place = classes.index(self.selection.actual) + by
            self.action_only_class(classes[place % len(classes)])

    def _step_sample(self, by: int) -> None:
        self.choose(replace(self.selection, seed=self.selection.seed + by))

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
        capacity = len(super().wanted_digits())
        self._show_page(max(0, self._first + by * capacity))

    def _step_frame(self, by: int) -> None:
        step_frame(self, by)

    def _step_row(self, by: int) -> None:
        cards = self.query_one(DigitCards)
        if cards.selected is None:
            self._step_class(by)
        else:
            cards.move_selection(by * cards.columns)

    def _step_card(self, by: int) -> None:
        """Move the frame, past the page's edge to the next page; without a frame, turn the page."""
        cards, first = self.query_one(DigitCards), self._first
        if cards.selected is None or not cards.move_selection(by):
            self._step_page(by)
            if cards.selected is not None and self._first != first:
                cards.selected = 0 if by > 0 else cards.capacity - 1

    @on(DigitCards.Selected)
    def _explain_card(self, message: DigitCards.Selected) -> None:
        self.query_one(DigitCards).selected = message.position
        step_frame(self, 1)

    def _step_page_end(self, by: int) -> None:
        """Show the first or the last page."""
        capacity, count = len(super().wanted_digits()), len(self._selected or ())
        pages = -(-count // capacity) if capacity else 0
        self._show_page(max(0, pages - 1) * capacity if by > 0 else 0)

    def _show_page(self, first: int) -> None:
        if first < len(self._selected or ()):
            self._first = first
            self.show()
            self.mnist.request_digits(at_once=True)

    def action_go_to(self) -> None:
        from tui.screens.number_dialogs import ask_index

        ask_index(self, self._samples(), lambda index: self.choose(DigitSelection(), index))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        what = parameters[0] if action == "step" else action
        return self.HAS_EPOCHS if what == "epoch" else self.CAN_SELECT or what not in SELECTING

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
        cards.placeholder, cards.names = self._empty_text(), self._class_names()
        past = self._evaluations() if self.HAS_EPOCHS else ()
        cards.previous = predictions_before(shown, past, self._earlier)
        cards.digits = shown
        self._show_caption()

    def _empty_text(self) -> str:
        if why := self._why_empty():
            return why
        if self._selected == ():
            return "No such images" + (": select others" if self.CAN_SELECT else " any more")
        return "Predicting…"

    def _show_caption(self) -> None:
        preferences, cards = self.preferences, self.query_one(DigitCards)
        display = display_parts(preferences, shown_style(cards, preferences), cards.card_layout)
        width = self.size.width - 2
        lines = (
            with_right(self._top_line(), [temperature_part(preferences)], width),
            with_right(self._middle_line(), display, width),
            with_right(self._last_line(), [self._page_part()], width),
        )
        set_text(self, "#caption", Content("\n").join(lines))

    def _top_line(self) -> Content:
        return kinds_line(self.OFFERED, self.selection.kind)

    def _middle_line(self) -> Content:
        classes = self._selectable_classes() if self.CAN_SELECT else ()
        return about_line(self.selection, classes, self._class_names(), self.size.width - 2)

    def _last_line(self) -> Content:
        can_step = self.HAS_EPOCHS and bool(self._evaluations())
        return epoch_line(self.run_state, self._earlier, can_step=can_step)

    def _page_part(self) -> Content:
        start = 0 if self.selection.kind == "index" else 1
        capacity, count = len(super().wanted_digits()), len(self._selected or ())
        return page_part(self._first, capacity, count, start=start)
