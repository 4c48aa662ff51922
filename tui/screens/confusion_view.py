"""The view of a confusion matrix, and of the digits in its cells; of a run or of a checkpoint."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from core.digit import Digit
from tui.analysis.confusion import (
    Confusion,
    ShownEvaluation,
    class_errors,
    confused_pairs,
    count_selected,
)
from tui.analysis.digit_selection import (
    DigitSelection,
    select_digits,
    with_predictions,
)
from tui.help import MISTAKES_HELP
from tui.screens.base import View
from tui.screens.captions import key, line, set_text
from tui.widgets.charts.confusion_lists import ClassErrors, ConfusedPairs, ConfusionList
from tui.widgets.charts.confusion_matrix import ConfusionMatrix
from tui.widgets.digit_cards import DigitCards
from tui.widgets.neighbours import next_to

MANY = 10  # classes; the matrix of more is larger where there is space
ALL_MISTAKES = DigitSelection("mistakes")
# The keys that move the cursor over a matrix or a table of cells.
CELL_BINDINGS = [
    Binding("up,k", "move(-1, 0)", "Row", show=False),
    Binding("down,j", "move(1, 0)", "Row", show=False),
    Binding("left", "move(0, -1)", "Page", show=False),
    Binding("right", "move(0, 1)", "Page", show=False),
    Binding("g", "move_to_end(False)", "First", show=False),
    Binding("G", "move_to_end(True)", "Last", show=False),
]


class ConfusionView(View):
    """The confusion matrix, the errors by class, the most confused pairs, and digits.

    All of them follow one selection: a cell, or a class. A subclass says which evaluation it is,
    and where the images of the digits come from.
    """

    VIEW_HELP = MISTAKES_HELP
    CSS_PATH = "confusion_view.tcss"
    AUTO_FOCUS = ""
    # One more than other views have: from 80 columns on there is space beside the matrix.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (80, "-medium"), (110, "-wide")]
    BINDINGS = [
        Binding("enter", "open", "Open", key_display="enter"),
        Binding("f,F", "toggle_all", "All mistakes"),
        *CELL_BINDINGS,
        Binding("pagedown", "page(1)", "Page", show=False),
        Binding("pageup", "page(-1)", "Page", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._selection = ALL_MISTAKES  # of the list that was last used
        self._shows_all = False  # all mistakes in place of the selection
        self._is_cursor_placed = False
        self._first = 0  # of the digits on the page
        self._ranked: tuple[int, ...] = ()  # the indices of all selected digits
        self._ranked_for: tuple[DigitSelection, object] | None = None

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Static(id="hint")
        with Container(id="page"):
            with Container(id="tables"):
                yield ConfusionMatrix()
                yield ClassErrors()
            yield ConfusedPairs()
            with Container(id="digits"):
                yield Static(id="cell")
                cards = DigitCards("")
                cards.can_focus = True
                yield cards.data_bind(View.preferences)

    # What a subclass says

    def _evaluation(self) -> ShownEvaluation | None:
        """Return what is shown; None while there is no evaluation."""
        return None

    def _caption(self) -> str:
        return ""

    def _hint(self) -> str:
        """Return why there is no evaluation."""
        return ""

    def _find_digits(self, indices: tuple[int, ...]) -> tuple[Digit, ...]:
        """Return those of the test images that are there."""
        return ()

    def _open_selection(self, selection: DigitSelection, title: str, first: int) -> None:
        """Show the selected digits in a view of their own, from a place on."""

    def _why_no_predictions(self) -> str:
        """Return why there are no digits for counts that are shown."""
        return ""

    @property
    def _tables(self) -> list[ConfusionMatrix | ConfusionList]:
        return [self.query_one(ConfusionMatrix), *self.query(ConfusionList)]

    # Display

    def show(self) -> None:
        shown = self._evaluation()
        if self.has_class("-known") != (shown is not None):
            self.set_class(shown is not None, "-known")
            self.refresh_bindings()
            self.call_after_refresh(self._focus_first)
        for table in self._tables:
            if shown:
                table.names = shown.class_names
            table.confusion = shown.confusion if shown else ()
        if shown is None:
            set_text(self, "#caption", self._caption())
            set_text(self, "#hint", self._hint())
            return
        self.set_class(len(shown.confusion) > MANY, "-many")
        if not self._is_cursor_placed:
            self._place_cursor(shown.confusion)
        self._show_digits(shown)

    def _focus_first(self) -> None:
        matrix = self.query_one(ConfusionMatrix)
        if self.focused is None and matrix.focusable:
            self.set_focus(matrix)

    def _place_cursor(self, confusion: Confusion) -> None:
        """Select the cell with the most errors."""
        self._is_cursor_placed = True
        pairs = confused_pairs(confusion)
        cell = (pairs[0].actual, pairs[0].predicted) if pairs else (0, 0)
        self.query_one(ConfusionMatrix).cursor = cell
        self._selection = DigitSelection("mistakes", *cell)

    def _shown_selection(self) -> DigitSelection:
        return ALL_MISTAKES if self._shows_all else self._selection

    def _selected_indices(self, shown: ShownEvaluation) -> tuple[int, ...]:
        selection, predictions = self._shown_selection(), shown.predictions
        if predictions is None or not shown.labels:
            return ()
        if self._ranked_for is None or self._ranked_for != (selection, predictions):
            self._ranked_for = selection, predictions
            self._ranked = select_digits(selection, len(shown.labels), shown.labels, predictions)
            self._first = 0
        return self._ranked

    @on(DigitCards.Resized)
    def _fit_digits(self) -> None:
        """Show as many digits as fit now, none of which may have been requested before."""
        self.show()
        self.mnist.request_digits(at_once=True)

    def _page_indices(self) -> tuple[int, ...]:
        """Return the indices of the digits that there is space for."""
        shown = self._evaluation()
        if shown is None:
            return ()
        capacity = self.query_one(DigitCards).capacity
        return self._selected_indices(shown)[self._first : self._first + capacity]

    def _show_digits(self, shown: ShownEvaluation) -> None:
        cards, page = self.query_one(DigitCards), self._page_indices()
        if shown.predictions is None:
            cards.placeholder, cards.digits = self._why_no_predictions(), ()
        else:
            cards.placeholder = "Reading…" if self._ranked else shown.describe_empty_cell()
            cards.digits = with_predictions(self._find_digits(page), shown.predictions)
        title = shown.describe(self._shown_selection())
        total = len(self._ranked) if shown.predictions else 0
        if page and len(page) < total:
            title = f"{title} · {self._first + 1}–{self._first + len(page)} of {total:,}"
        elif total > 1:
            title = f"{title}, most confident first"
        why = key("E", "why", "app.open('why')") if cards.digits else Content("")
        set_text(self, "#cell", line(Content(title), why))
        caption = self._caption()
        if not self.query_one("#digits").display:
            caption = f"{caption.partition(' · ')[0]} · {title}"
        set_text(self, "#caption", caption)

    # Selection

    def _select(self, selection: DigitSelection) -> None:
        self._selection, self._shows_all, self._first = selection, False, 0
        if self._evaluation():
            self.attempt("show", self.show)
            self.mnist.request_digits(at_once=True)

    @on(ConfusionMatrix.Moved)
    def _select_cell(self, message: ConfusionMatrix.Moved) -> None:
        for table in self.query(ConfusionList):
            table.follow(message.actual, message.predicted)
        if self.query_one(ConfusionMatrix).has_focus:
            self._select(DigitSelection("mistakes", message.actual, message.predicted))

    @on(ConfusionList.Moved)
    def _select_row(self, message: ConfusionList.Moved) -> None:
        shown = self._evaluation()
        if shown and message.list.has_focus and (target := message.list.target):
            self._select(DigitSelection("mistakes", *target))
            actual, predicted = target
            if predicted is None:
                most_as = class_errors(shown.confusion)[actual].most_as
                predicted = actual if most_as is None else most_as
            self.query_one(ConfusionMatrix).cursor = actual, predicted

    # Keys and clicks

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("move", "move_to_end", "open", "toggle_all", "page"):
            return self.has_class("-known")
        return super().check_action(action, parameters)

    def action_move(self, rows: int, columns: int) -> None:
        """Move inside what has the focus; past its edge, focus what is there."""
        here = self.focused
        if here is None:
            self._focus_first()
            return
        if isinstance(here, DigitCards):
            has_moved = self._move_card(here, rows, columns)
        else:
            has_moved = here in self._tables and here.move(rows, columns)
        if not has_moved:
            panels = [*self._tables, self.query_one(DigitCards)]
            others = [each for each in panels if each.focusable and each is not here]
            if found := next_to(here.region, others, rows, columns):
                self.set_focus(found)
            elif here is panels[-1]:
                self.action_page(rows + columns)

    def _move_card(self, cards: DigitCards, rows: int, columns: int) -> bool:
        """Select another card; return False at the edge."""
        place = cards.selected or 0
        column = place % cards.columns
        moved = place + rows * cards.columns + columns
        if not (0 <= column + columns < cards.columns and 0 <= moved < len(cards.digits)):
            return False
        cards.selected = moved
        return True

    def on_descendant_focus(self) -> None:
        cards = self.query_one(DigitCards)
        cards.selected = 0 if cards.has_focus else None

    def action_move_to_end(self, last: bool) -> None:
        if isinstance(self.focused, ConfusionMatrix | ConfusionList):
            self.focused.move_to_end(last=last)

    def action_toggle_all(self) -> None:
        """Show all mistakes, or those of the selection again."""
        self._shows_all, self._first = not self._shows_all, 0
        self.show()
        self.mnist.request_digits(at_once=True)

    def action_page(self, by: int) -> None:
        """Page through the selected digits."""
        capacity = self.query_one(DigitCards).capacity
        first = max(0, self._first + by * capacity)
        if first < len(self._ranked):
            self._first = first
            self.show()
            self.mnist.request_digits(at_once=True)

    @on(DigitCards.Selected)
    def _open_card(self, message: DigitCards.Selected) -> None:
        self.query_one(DigitCards).selected = message.position
        self.action_open()

    @on(ConfusionMatrix.Opened)
    @on(ConfusionList.Opened)
    def _open_digits(self) -> None:
        """Open the digits that are selected: from the card in focus on, else from the first on."""
        shown, selection = self._evaluation(), self._shown_selection()
        if shown and count_selected(selection, shown.confusion):
            title = shown.describe(selection)
            cards = self.query_one(DigitCards)
            first = self._first + (cards.selected or 0) if cards.has_focus else 0
            self._open_selection(selection, title, first)

    def action_open(self, what: str = "digits") -> None:
        """Open the selected digits, or the accuracy on corrupted images."""
        getattr(self, f"_open_{what}")()
