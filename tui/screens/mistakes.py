"""The Mistakes view: the confusion matrix of the run, and the digits behind each of its cells."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from textual.binding import Binding
from textual.content import Content
from textual.timer import Timer

from core.commands import ScoreCheckpoint
from core.digit import Digit
from core.events import MOST_CONFUSED, Scored
from core.responses.scores import CheckpointScored
from tui.analysis.confusion import ShownEvaluation, count_errors, count_samples
from tui.analysis.digit_selection import DigitSelection
from tui.analysis.prediction_comparison import predictions_of
from tui.screens.captions import key, line
from tui.screens.checkpoints.evaluation import EvaluatedDigitsView
from tui.screens.confusion_view import ConfusionView
from tui.screens.digits import DigitsView
from tui.screens.why.frame import EXPLAIN_IN_FOCUS_HELP
from tui.state.app_state import AppState, CheckpointRequest
from tui.state.history import find_checkpoint_at
from tui.state.run_state import RunState, Score
from tui.state.summaries import NOT_STARTED
from tui.text.formats import format_percent, printable
from tui.widgets.digit_cards import DigitCards

# Cells of the digits' images that are sent in a second of training, some 10 bytes each.
CELLS_PER_SECOND = 800


class MistakesView(ConfusionView):
    """The latest evaluation of the run, or an earlier one after stepping back.

    The predictions of an evaluation before a branch or a resume are not at hand: enter evaluates
    the checkpoint of that step.
    """

    MODE = "mistakes"
    VIEW_HELP = ConfusionView.VIEW_HELP | EXPLAIN_IN_FOCUS_HELP
    SEEN = ("scores", "evaluations", "labels", "digits", "phase", "started", "epoch")
    BINDINGS = [
        Binding("left_square_bracket", "evaluation(-1)", "Epochs", key_display="[ ]"),
        Binding("right_square_bracket", "evaluation(1)", "Epochs", show=False),
        Binding("C", "open('corruptions')", "Corrupt"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._step: int | None = None  # of the earlier evaluation that is shown, if one is
        self._latest: Score | None = None  # the evaluation that is followed
        self._latest_at = 0.0  # since when, by the clock `monotonic`
        self._timer: Timer | None = None  # follows the newest evaluation later
        self._known: dict[int, Digit] = {}  # test images by their index
        # Requests to evaluate the checkpoint of a step, and why there is none.
        self._requests: dict[int, CheckpointRequest] = {}
        self._problems: dict[int, str] = {}
        self._opening: int | None = None  # the step whose digits are opened once they are known

    # The evaluations

    @property
    def _scores(self) -> tuple[Score, ...]:
        """The evaluations with a confusion matrix, oldest first."""
        return tuple(score for score in self.run_state.scores if score.confusion)

    @property
    def _score(self) -> Score | None:
        """The evaluation that is shown."""
        return next((each for each in self._scores if each.step == self._step), self._latest)

    def _follow_latest(self) -> None:
        """Follow the newest evaluation; during training each stays until its digits are paid for.

        A small network is evaluated twice a second, and has other mistakes each time.
        """
        newest, now = self._scores[-1] if self._scores else None, monotonic()
        if newest is self._latest:
            return
        cells = sum(cards.size.area for cards in self.query(DigitCards))
        wait = self._latest_at + cells / CELLS_PER_SECOND - now
        if self._latest in self._scores and wait > 0 and self.run_state.phase == "training":
            if self._timer is None:
                self._timer = self.set_timer(wait, self._follow_later)
            return
        self._latest, self._latest_at = newest, now

    def _follow_later(self) -> None:
        self._timer = None
        self.attempt("show", self.show)

    def show(self) -> None:
        self._follow_latest()
        self.opened_path = None
        predictions = self._predictions_of(self._score) if self._score else None
        if isinstance(predictions, CheckpointScored):
            self.opened_path = predictions.path
        super().show()

    def _evaluation(self) -> ShownEvaluation | None:
        score = self._score
        if score is None:
            return None
        predictions, state = self._predictions_of(score), self.run_state
        labels = state.labels
        if isinstance(predictions, CheckpointScored):
            labels = predictions.classes
        return ShownEvaluation(score.confusion, predictions, labels, state.class_names)

    def _predictions_of(self, score: Score) -> Scored | CheckpointScored | None:
        for each in self.run_state.evaluations:
            if each.step == score.step:
                return each
        request = self._requests.get(score.step)
        return request.evaluation(self.app_state) if request else None

    def _why_no_predictions(self) -> str:
        score = self._score
        if score is None:
            return ""
        if problem := self._problems.get(score.step):
            return problem
        if request := self._requests.get(score.step):
            error = request.error(self.app_state)
            return f"✗ {printable(error)}" if error else "Evaluating the checkpoint…"
        return f"Press enter to evaluate the checkpoint of step {score.step:,} and see the images."

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if before.started is not after.started:
            self._step, self._is_cursor_placed = None, False
            self._known, self._requests, self._problems = {}, {}, {}
        super().watch_run_state(before, after)

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if self._requests and (before.evaluated, before.opened) != (after.evaluated, after.opened):
            self.show()
            score = self._score
            if score and score.step == self._opening and self._predictions_of(score):
                self._opening = None
                if self.is_current:
                    self.action_open()

    # Digits

    def wanted_digits(self) -> tuple[int, ...]:
        """Return the digits on the page until their images are there.

        They are shown with the predictions of the evaluation, not with those of the present.
        """
        shown = self._evaluation()
        if shown is None or isinstance(shown.predictions, CheckpointScored):
            return ()
        page = self._page_indices()
        return () if all(index in self._known for index in page) else page

    def _find_digits(self, indices: tuple[int, ...]) -> tuple[Digit, ...]:
        shown = self._evaluation()
        if shown and isinstance(shown.predictions, CheckpointScored):
            return predictions_of(shown.predictions, indices)
        if not all(index in self._known for index in indices):
            self._known |= {digit.index: digit for digit in self.run_state.digits}
        return tuple(self._known[index] for index in indices if index in self._known)

    def _open_selection(self, selection: DigitSelection, title: str, first: int) -> None:
        score = self._score
        predictions = self._predictions_of(score) if score else None
        if isinstance(predictions, CheckpointScored):
            self.app.push_screen(EvaluatedDigitsView(predictions, selection, title, first))
        elif predictions:
            self.app.push_screen(SelectionView(selection, title, predictions, first))
        elif score and score.step not in self._requests:
            self.run_worker(lambda: self._find_checkpoint(score), thread=True, exit_on_error=False)

    def _find_checkpoint(self, score: Score) -> None:
        """Request the evaluation of the checkpoint of that step, of this run or of the one that it
        branched from. In a thread: it reads the headers of all checkpoints."""
        path = find_checkpoint_at(self.run_state, score.step)
        self.app.call_from_thread(self._evaluate, score, str(path) if path else None)

    def _evaluate(self, score: Score, path: str | None) -> None:
        if path is None:
            self._problems[score.step] = (
                f"No checkpoint of step {score.step:,} was kept: images are shown after the next "
                "evaluation."
            )
        else:
            self._opening = score.step
            self._requests[score.step] = CheckpointRequest(path, self.mnist.app_state)
            self.mnist.send(ScoreCheckpoint(path, self.mnist.config.data))
        self.attempt("show", self.show)

    # Texts

    def _caption(self) -> str:
        score = self._score
        if score is None:
            return ""
        run, scores, confusion = self.run_state.started, self._scores, score.confusion
        when = f"epoch {score.epoch}"
        if run:
            ended = score.step == score.epoch * run.steps_per_epoch
            when = f"{when} of {run.epochs}" if ended else f"step {score.step:,}"
        errors, samples = count_errors(confusion), count_samples(confusion)
        accuracy = format_percent((samples - errors) / samples) if samples else "–"
        place = scores.index(score) + 1
        which = "latest" if score is scores[-1] else f"evaluation {place} of {len(scores)}"
        if run and run.branched_from and score.step <= run.branched_at:
            which += f", before the branch from {printable(run.branched_from)}"
        counted = f"{errors:,} {'error' if errors == 1 else 'errors'} in {samples:,}"
        return f"{when} · accuracy {accuracy}, {counted} · {which}"

    def _hint(self) -> str:
        state, run = self.run_state, self.run_state.started
        if run and state.scores and run.classes > MOST_CONFUSED:
            return (
                f"{run.classes:,} classes: matrices are kept for {MOST_CONFUSED} at most. "
                "The Digits view (2) shows mistakes."
            )
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

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "evaluation":
            return self._score is not None
        if (action, parameters) == ("open", ("corruptions",)):
            return self.run_state.started is not None
        return super().check_action(action, parameters)

    def action_evaluation(self, by: int) -> None:
        """Step through the evaluations; at the last one, new evaluations are followed."""
        scores, score = self._scores, self._score
        if score is None:
            return
        place = max(0, min(len(scores) - 1, scores.index(score) + by))
        self._step = None if place == len(scores) - 1 else scores[place].step
        self.show()
        self.mnist.request_digits(at_once=True)

    def _open_corruptions(self) -> None:
        """Show the accuracy on corrupted images of the checkpoint of the evaluation that is shown,
        or of the newest checkpoint."""
        score, state = self._score, self.run_state

        def find() -> None:  # in a thread: it reads the headers of all checkpoints
            path = find_checkpoint_at(state, score.step) if score else None
            self.app.call_from_thread(self._show_corruptions, path or state.checkpoint)

        self.run_worker(find, thread=True, exit_on_error=False)

    def _show_corruptions(self, path: Path | str | None) -> None:
        from tui.screens.corruptions.view import CorruptionsView

        if path is None:
            self.notify("There is no checkpoint yet: w saves one.")
        elif self.is_current:
            self.app.push_screen(CorruptionsView(str(path)))


class SelectionView(DigitsView):
    """The digits of one selection with the predictions of an evaluation, opened over the Mistakes
    view and closed with esc. `first` is the place of the first one that is shown."""

    MODE = "mistakes"  # which the heading marks
    BINDINGS = [Binding("escape", "step('frame', -1)", "Back")]
    CAN_SELECT = False

    def __init__(
        self, selection: DigitSelection, title: str, at: Scored | None = None, first: int = 0
    ) -> None:
        super().__init__(selection)
        self._title, self._at, self._first = title, at, first

    def show(self) -> None:
        latest = self.run_state.evaluation
        if self._at and self._selected is None and self._at is not latest:
            self._earlier = self._at
        super().show()

    def _top_line(self) -> Content:
        return line(key("esc", "back", "step('frame', -1)"), Content(self._title))
