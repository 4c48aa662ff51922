"""The Mistakes view: the confusion matrix, and the digits behind each of its cells."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.events import Scored
from core.responses import Digit
from tui.analysis.confusion import (
    confused_pairs,
    count_errors,
    count_samples,
    describe_cell,
    plural,
)
from tui.analysis.digit_selection import DigitSelection, select_digits, with_predictions
from tui.help import MISTAKES_HELP
from tui.screens.base import View
from tui.screens.captions import key, line, set_text
from tui.screens.digits import DigitsView
from tui.state.run_state import RunState, Score
from tui.state.summaries import NOT_STARTED
from tui.text.formats import format_percent, printable
from tui.widgets.charts.confusion_matrix import CURSOR, ClassScores, ConfusedPairs, ConfusionMatrix
from tui.widgets.digit_cards import DigitCards


class MistakesView(View):
    """The confusion matrix of the latest evaluation, or of an earlier one after stepping back."""

    MODE = "mistakes"
    VIEW_HELP = MISTAKES_HELP
    SEEN = ("scores", "evaluations", "labels", "digits", "phase", "started", "epoch")
    CSS_PATH = ["confusion_tables.tcss", "mistakes.tcss"]
    AUTO_FOCUS = ""
    # One more than other views have: from 80 columns on there is space beside the matrix.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (80, "-medium"), (110, "-wide")]
    BINDINGS = [
        Binding("up", "move(-1, 0)", "Cell", key_display="↑↓←→"),
        Binding("down", "move(1, 0)", "Cell", show=False),
        Binding("left", "move(0, -1)", "Cell", show=False),
        Binding("right", "move(0, 1)", "Cell", show=False),
        Binding("enter", "open", "Digits", key_display="enter"),
        Binding("e", "all_mistakes", "All mistakes"),
        Binding("left_square_bracket", "evaluation(-1)", "Epochs", key_display="[ ]"),
        Binding("right_square_bracket", "evaluation(1)", "Epochs", show=False),
        Binding("pagedown", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._step: int | None = None  # of the earlier evaluation that is shown, if one is
        self._is_cursor_placed = False
        self._ranked: tuple[int, ...] = ()  # the most confident mistakes, by their index
        self._ranked_for: Scored | None = None  # the evaluation that they are of
        self._known: dict[int, Digit] = {}  # by index: many mistakes recur in each evaluation
        self._cards: tuple[Digit, ...] = ()
        self._cards_of: Scored | None = None

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        yield Static(id="hint")
        with VerticalScroll(id="page", can_focus=False):
            yield Static(id="cell")
            with Container(id="tables"):
                yield ConfusionMatrix()
                yield ClassScores()
                yield ConfusedPairs()
            yield Static(id="ranked")
            yield DigitCards("").data_bind(View.preferences)

    # The evaluations

    @property
    def scores(self) -> tuple[Score, ...]:
        """The evaluations with a confusion matrix, oldest first."""
        return tuple(score for score in self.run_state.scores if score.confusion)

    @property
    def score(self) -> Score | None:
        """The evaluation that is shown."""
        latest = self.scores[-1] if self.scores else None
        return next((score for score in self.scores if score.step == self._step), latest)

    def _confident_mistakes(self) -> tuple[int, ...]:
        """Return the latest evaluation's most confident mistakes, as many as fit."""
        capacity = len(super().wanted_digits())
        if not capacity:
            return ()
        state, latest = self.run_state, self.run_state.evaluation
        if self._ranked_for is not latest:
            self._ranked_for, mistakes = latest, DigitSelection("mistakes")
            self._ranked = select_digits(mistakes, state.samples, state.labels, latest)
        return self._ranked[:capacity]

    def wanted_digits(self) -> tuple[int, ...]:
        """Return the most confident mistakes until their images are there.

        They are shown with the predictions of the evaluation, not with those of the present.
        """
        wanted = self._confident_mistakes()
        have = tuple(digit.index for digit in self._cards[: len(wanted)])
        return () if self._cards_of is self.run_state.evaluation and have == wanted else wanted

    # Display

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if before.started is not after.started:
            self._step, self._is_cursor_placed = None, False
            self._known, self._cards, self._cards_of = {}, (), None
        super().watch_run_state(before, after)

    def show(self) -> None:
        score = self.score
        if self.has_class("-known") != (score is not None):
            self.set_class(score is not None, "-known")
            self.refresh_bindings()
        confusion = score.confusion if score else ()
        matrix = self.query_one(ConfusionMatrix)
        for table in (matrix, self.query_one(ClassScores), self.query_one(ConfusedPairs)):
            table.confusion = confusion
        set_text(self, "#caption", self._caption(score))
        if score is None:
            set_text(self, "#hint", self._hint())
            return
        pairs = confused_pairs(confusion)
        if not self._is_cursor_placed and pairs:
            self._is_cursor_placed = True
            matrix.cursor = pairs[0].actual, pairs[0].predicted
        self._show_cell()
        self._show_confident_mistakes()

    def _caption(self, score: Score | None) -> str:
        if score is None:
            return "confusion matrix"
        run, scores, confusion = self.run_state.started, self.scores, score.confusion
        when = f"epoch {score.epoch}"
        if run:
            ended = score.step == score.epoch * run.steps_per_epoch
            when = f"{when} of {run.epochs}" if ended else f"step {score.step:,}"
        errors, samples = count_errors(confusion), count_samples(confusion)
        accuracy = format_percent((samples - errors) / samples) if samples else "–"
        place = scores.index(score) + 1
        which = "latest" if score is scores[-1] else f"evaluation {place} of {len(scores)}"
        counted = f"{errors:,} {'error' if errors == 1 else 'errors'} in {samples:,}"
        return f"{when} · accuracy {accuracy}, {counted} · {which}"

    def _hint(self) -> str:
        state, run = self.run_state, self.run_state.started
        if not state.is_active:
            if state.has_not_started:
                return f"{NOT_STARTED} {printable(state.message)}"
            problem = "The run ended before the first evaluation" if run else "No evaluation yet"
            return f"{problem}. Press space to train: the matrix appears after epoch 1."
        if run is None:
            return "The confusion matrix appears after the first epoch."
        epoch = max(1, state.epoch)
        step = epoch * run.steps_per_epoch
        return f"The confusion matrix appears after epoch {epoch}, at step {step:,}."

    @on(ConfusionMatrix.Moved)
    def _show_cell(self) -> None:
        score = self.score
        if score is None:
            return
        actual, predicted = self.query_one(ConfusionMatrix).cursor
        text = describe_cell(score.confusion, actual, predicted)
        if score.confusion[actual][predicted]:
            which = "them" if score is self.scores[-1] else "the latest ones"
            text += f" · press enter to see {which}"
        set_text(self, "#cell", f"{CURSOR} {text}")

    def _show_confident_mistakes(self) -> None:
        wanted, latest = self._confident_mistakes(), self.run_state.evaluation
        if wanted:
            self._known |= {digit.index: digit for digit in self.run_state.digits}
        if latest and all(index in self._known for index in wanted):
            found = tuple(self._known[index] for index in wanted)
            self._cards, self._cards_of = with_predictions(found, latest), latest
        self.query_one(DigitCards).digits = self._cards
        title = "Most confident mistakes" if wanted else "No mistakes"
        if latest is None:
            title = "Most confident mistakes: shown after the next evaluation"
        elif self._cards_of and self._cards:
            title = f"Most confident mistakes after epoch {self._cards_of.epoch}"
        set_text(self, "#ranked", title)

    # Keys and clicks

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        own = ("move", "open", "all_mistakes", "evaluation", "scroll")
        return self.score is not None if action in own else super().check_action(action, parameters)

    def action_move(self, rows: int, columns: int) -> None:
        self.query_one(ConfusionMatrix).move(rows, columns)

    @on(ConfusionMatrix.Opened)
    def action_open(self) -> None:
        score = self.score
        actual, predicted = self.query_one(ConfusionMatrix).cursor
        if score is None or not score.confusion[actual][predicted]:
            return
        what = "correct" if actual == predicted else f"predicted as {predicted}"
        selection = DigitSelection("mistakes", actual, predicted)
        self.app.push_screen(SelectionView(selection, f"{plural(actual)} {what}"))

    def action_all_mistakes(self) -> None:
        self.app.push_screen(SelectionView(DigitSelection("mistakes"), "all mistakes"))

    def action_evaluation(self, by: int) -> None:
        """Step through the evaluations; at the last one, new evaluations are followed."""
        scores, score = self.scores, self.score
        if score is None:
            return
        place = max(0, min(len(scores) - 1, scores.index(score) + by))
        self._step = None if place == len(scores) - 1 else scores[place].step
        self.show()

    def action_scroll(self, by: int) -> None:
        page = self.query_one("#page", VerticalScroll)
        page.scroll_relative(y=by * max(1, page.size.height - 2), animate=False)


class SelectionView(DigitsView):
    """The digits of one selection, opened over the Mistakes view and closed with esc."""

    MODE = "mistakes"  # which the heading marks
    BINDINGS = [Binding("escape", "app.pop_screen", "Back")]
    CAN_SELECT = False

    def __init__(self, selection: DigitSelection, title: str) -> None:
        super().__init__(selection)
        self._title = title

    def _top_line(self) -> Content:
        return line(key("esc", "back", "app.pop_screen"), Content(self._title))
