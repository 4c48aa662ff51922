"""What the network takes for what: the confusion matrix, and the digits behind it."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.events import Digit, Scored
from tui.analysis.confusion import cell_in_words, mistakes, most_confused, total
from tui.analysis.digit_selection import DigitSelection, select_digits, with_predictions
from tui.screens.base import View
from tui.state.run_state import RunState, Score
from tui.text.formats import format_percent
from tui.widgets.charts.confusion_matrix import CURSOR, ClassScores, ConfusedPairs, ConfusionMatrix
from tui.widgets.digit_cards import DigitCards

MISTAKES_HELP = {
    "confusion matrix": "how often the test digits of each class (rows) were taken for each class "
    "(columns). What is on the diagonal is right; everything beside it is a mistake, and the "
    "brighter a cell, the more of its row's mistakes are in it.",
    "opening a cell": "the arrows move the cursor, and the line under the matrix says what the "
    "cell counts. enter, or a second click, shows the digits themselves.",
    "earlier evaluations": "[ and ] step back and forth through them. From the last one on, the "
    "newest is followed as it comes.",
    "precision": "of the digits that were taken for a class, the share that are of it. It is low "
    "where the network says that class too easily.",
    "recall": "of the digits that are of a class, the share that were found. It is low where the "
    "network misses that class.",
    "most confident mistakes": "the wrong guesses that the network gave the highest probability. "
    "They come first: often they are digits that people misread too, or that are mislabelled.",
}

SEEN = ("scores", "evaluations", "labels", "digits", "phase", "started", "epoch")


class MistakesView(View):
    """Of the newest evaluation, as each one comes, unless one has stepped back to an earlier."""

    MODE = "mistakes"
    VIEW_HELP = MISTAKES_HELP
    CSS_PATH = "mistakes.tcss"
    AUTO_FOCUS = ""
    # Two more than other views have: from 80 columns on there is room beside the matrix.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (80, "-medium"), (110, "-wide")]
    BINDINGS = [
        Binding("up", "move(-1, 0)", "Cell", key_display="↑↓←→"),
        Binding("down", "move(1, 0)", "Cell", show=False),
        Binding("left", "move(0, -1)", "Cell", show=False),
        Binding("right", "move(0, 1)", "Cell", show=False),
        Binding("enter", "open", "Digits", key_display="enter"),
        Binding("e", "every", "All mistakes"),
        Binding("left_square_bracket", "evaluation(-1)", "Epochs", key_display="[ ]"),
        Binding("right_square_bracket", "evaluation(1)", "Epochs", show=False),
        Binding("pagedown", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._step: int | None = None  # of the evaluation that one has stepped back to
        self._placed = False  # whether the cursor is where it begins
        self._sorted: Scored | None = None  # the evaluation that _surest is of
        self._surest: tuple[int, ...] = ()
        self._seen: dict[int, Digit] = {}  # by its index: many mistakes are made again and again
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
            yield Static(id="surest")
            yield DigitCards("").data_bind(View.preferences)

    # What is known

    @property
    def known(self) -> tuple[Score, ...]:
        """The evaluations that tell what was taken for what, oldest first."""
        return tuple(score for score in self.run_state.scores if score.confusion)

    @property
    def score(self) -> Score | None:
        """The one that is shown."""
        known = self.known
        back = [score for score in known if score.step == self._step]
        return back[0] if back else known[-1] if known else None

    @property
    def newest(self) -> Scored | None:
        """What the newest evaluation made of each test digit."""
        evaluations = self.run_state.evaluations
        return evaluations[-1] if evaluations else None

    def surest(self) -> tuple[int, ...]:
        """The newest evaluation's most confident mistakes, as many as there is room for."""
        room = len(super().wanted_digits())
        if not room:
            return ()
        if self._sorted is not self.newest:
            self._sorted = self.newest
            state = self.run_state
            self._surest = select_digits(
                DigitSelection("mistakes"), state.samples, state.labels, self.newest
            )
        return self._surest[:room]

    def wanted_digits(self) -> tuple[int, ...]:
        """The surest mistakes, until they are there: they are shown as the evaluation saw them,
        whatever the network makes of them since."""
        wanted = self.surest()
        have = tuple(digit.index for digit in self._cards[: len(wanted)])
        return () if self._cards_of is self.newest and have == wanted else wanted

    # What is shown

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if before.started is not after.started:
            self._step, self._placed = None, False
            self._seen, self._cards, self._cards_of = {}, (), None
        if any(getattr(before, name) is not getattr(after, name) for name in SEEN):
            self.show()

    def resume_view(self) -> None:
        super().resume_view()
        self.attempt("show", self.show)

    def on_resize(self) -> None:
        self.call_after_refresh(self.attempt, "show", self.show)

    def show(self) -> None:
        score = self.score
        if self.has_class("-known") != (score is not None):
            self.set_class(score is not None, "-known")
            self.refresh_bindings()
        confusion = score.confusion if score else ()
        self.query_one(ConfusionMatrix).confusion = confusion
        self.query_one(ClassScores).confusion = confusion
        self.query_one(ConfusedPairs).confusion = confusion
        self.say("#caption", self._caption(score))
        if score is None:
            self.say("#hint", self._hint())
            return
        pairs = most_confused(confusion)
        if not self._placed and pairs:
            self._placed = True
            self.query_one(ConfusionMatrix).cursor = pairs[0].actual, pairs[0].predicted
        self.show_cell()
        self.show_surest()

    def say(self, where: str, text: str) -> None:
        part = self.query_one(where, Static)
        if str(part.content) != text:
            part.update(Content(text))

    def _caption(self, score: Score | None) -> str:
        if score is None:
            return "what the network takes for what"
        run, known, confusion = self.run_state.started, self.known, score.confusion
        when = f"epoch {score.epoch}"
        if run:
            ended = score.step == score.epoch * run.steps_per_epoch
            when = f"{when} of {run.epochs}" if ended else f"step {score.step:,}"
        wrong, all_of_them = mistakes(confusion), total(confusion)
        right = format_percent((all_of_them - wrong) / all_of_them) if all_of_them else "–"
        place = known.index(score) + 1
        which = "the newest" if score is known[-1] else f"evaluation {place} of {len(known)}"
        return (
            f"{when} · {right} right, "
            f"{wrong:,} {'mistake' if wrong == 1 else 'mistakes'} in {all_of_them:,} · {which}"
        )

    def _hint(self) -> str:
        state = self.run_state
        run = state.started
        if not state.active:
            ended = "that run ended before an evaluation: " if run else ""
            return f"{ended}press space to train, and after an epoch its mistakes stand here"
        if run is None:
            return "the mistakes stand here after the first evaluation, at the end of an epoch"
        epoch = max(1, state.epoch)
        return (
            f"the mistakes stand here after the first evaluation, at the end of epoch {epoch} "
            f"(step {epoch * run.steps_per_epoch:,})"
        )

    def show_cell(self) -> None:
        score = self.score
        if score is None:
            return
        actual, predicted = self.query_one(ConfusionMatrix).cursor
        said = cell_in_words(score.confusion, actual, predicted)
        if score.confusion[actual][predicted]:
            newest = score is self.known[-1]
            said += " · enter shows " + ("them" if newest else "the newest ones")
        self.say("#cell", f"{CURSOR} {said}")

    def show_surest(self) -> None:
        wanted, newest, state = self.surest(), self.newest, self.run_state
        digits = self.query_one(DigitCards)
        if wanted:
            self._seen |= {digit.index: digit for digit in state.digits}
        if newest and all(index in self._seen for index in wanted):
            found = tuple(self._seen[index] for index in wanted)
            self._cards, self._cards_of = with_predictions(found, newest), newest
        if digits.digits != self._cards:
            digits.digits = self._cards
        if newest is None:
            said = "the most confident mistakes stand here after the next evaluation"
        elif self._cards_of and self._cards:
            said = f"the most confident mistakes after epoch {self._cards_of.epoch}"
        else:
            said = "the most confident mistakes" if wanted else "no mistakes"
        self.say("#surest", said)

    # What keys and clicks do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        own = ("move", "open", "every", "evaluation", "scroll")
        return self.score is not None if action in own else super().check_action(action, parameters)

    def action_move(self, rows: int, columns: int) -> None:
        self.query_one(ConfusionMatrix).move(rows, columns)

    def on_confusion_matrix_moved(self) -> None:
        self.show_cell()

    def on_confusion_matrix_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        score = self.score
        actual, predicted = self.query_one(ConfusionMatrix).cursor
        if score is None or not score.confusion[actual][predicted]:
            return
        right = actual == predicted
        title = f"{actual}, and taken for it" if right else f"{actual} taken for {predicted}"
        self.open(DigitSelection("mistakes", actual, predicted), title)

    def action_every(self) -> None:
        self.open(DigitSelection("mistakes"), "all mistakes")

    def open(self, pick: DigitSelection, title: str) -> None:
        from tui.screens.digits import SelectionView

        self.app.push_screen(SelectionView(pick, title, self.MODE))

    def action_evaluation(self, by: int) -> None:
        """To an evaluation before, or after; from the last one on the newest is followed."""
        known, score = self.known, self.score
        if score is None:
            return
        place = max(0, min(len(known) - 1, known.index(score) + by))
        self._step = None if place == len(known) - 1 else known[place].step
        self.show()

    def action_scroll(self, by: int) -> None:
        page = self.query_one("#page", VerticalScroll)
        page.scroll_relative(y=by * max(1, page.size.height - 2), animate=False)
