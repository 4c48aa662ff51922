"""The evaluation of a checkpoint on its whole test set."""

from __future__ import annotations

from textual.binding import Binding
from textual.content import Content

from core.commands import ScoreCheckpoint
from core.digit import Digit
from core.responses.scores import CheckpointScored, Corruption
from tui.analysis.confusion import ShownEvaluation, count_samples
from tui.analysis.digit_selection import DigitSelection, select_digits
from tui.analysis.prediction_comparison import predictions_of
from tui.screens.captions import key, line
from tui.screens.checkpoints.checkpoint_view import CheckpointView
from tui.screens.confusion_view import ConfusionView
from tui.state.app_state import AppState, CheckpointRequest
from tui.text.formats import format_loss, format_percent, printable, shorten_folder


class EvaluationView(ConfusionView):
    """Accuracy, loss and confusion matrix of a checkpoint, once the engine has evaluated it: on the
    test images as they are, or with a corruption."""

    MODE = "checkpoints"
    CSS_PATH = "../confusion_view.tcss"
    BINDINGS = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("C", "open('corruptions')", "Corrupt"),
    ]

    def __init__(self, path: str, title: str, corruption: Corruption | None = None) -> None:
        super().__init__()
        self._path, self._title, self._corruption = path, title, corruption
        self.opened_path = path
        self._scored: CheckpointScored | None = None

    def on_mount(self) -> None:
        before, data = self.mnist.app_state, self.mnist.config.data
        self._request = CheckpointRequest(self._path, before, self._corruption)
        self.mnist.send(ScoreCheckpoint(self._path, data, self._corruption))

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        names = ("evaluated", "corrupted", "opened")
        if any(getattr(before, name) is not getattr(after, name) for name in names):
            self.show()

    def wanted_digits(self) -> tuple[int, ...]:
        """Return none: the evaluation has the images."""
        return ()

    def _evaluation(self) -> ShownEvaluation | None:
        self._scored = self._request.evaluation(self.app_state) or self._scored
        scored = self._scored
        if scored is None:
            return None
        return ShownEvaluation(scored.confusion, scored, scored.classes, scored.class_names)

    def _find_digits(self, indices: tuple[int, ...]) -> tuple[Digit, ...]:
        return predictions_of(self._scored, indices) if self._scored else ()

    def _open_selection(self, selection: DigitSelection, title: str, first: int) -> None:
        if self._scored:
            self.app.push_screen(EvaluatedDigitsView(self._scored, selection, title, first))

    def _caption(self) -> str:
        scored, title = self._scored, printable(self._title)
        if scored is None:
            return title
        accuracy, loss = format_percent(scored.test_accuracy), format_loss(scored.test_loss)
        known = f"{title.partition(',')[0]} · accuracy {accuracy}, loss {loss}"
        # Of how many images, where there is space for it.
        dataset = shorten_folder(scored.dataset)
        images = f"{count_samples(scored.confusion):,} images of {dataset}"
        found = f"{known} · {images}", f"{known} · {dataset}", known
        return next((each for each in found if len(each) <= self.size.width - 2), known)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if (action, parameters) == ("open", ("corruptions",)):
            return self._corruption is None
        return super().check_action(action, parameters)

    def _open_corruptions(self) -> None:
        """Show the accuracy on corrupted images."""
        from tui.screens.corruptions.view import CorruptionsView

        view = CorruptionsView(self._path)
        view.MODE = self.MODE
        self.app.push_screen(view)

    def _hint(self) -> str:
        error = self._request.error(self.app_state)
        return f"✗ {printable(error)}" if error else "Evaluating the checkpoint…"


class EvaluatedDigitsView(CheckpointView):
    """Digits selected by a checkpoint's evaluation, with the predictions of that checkpoint; opened
    over a view of its confusion matrix and closed with esc."""

    CAN_SELECT = False

    def __init__(
        self, evaluation: CheckpointScored, selection: DigitSelection, title: str, first: int = 0
    ) -> None:
        super().__init__(evaluation.path, title)
        self.selection, self._first, self._evaluation = selection, first, evaluation
        # The engine predicts images as they are.
        self.has_predictions = evaluation.corruption is not None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open":
            return False
        return super().check_action(action, parameters)

    def _digits(self) -> tuple[Digit, ...]:
        if self.has_predictions:
            return predictions_of(self._evaluation, self.wanted_digits())
        return super()._digits()

    def _samples(self) -> int:
        return len(self._evaluation.classes)

    def _select_indices(self) -> tuple[int, ...] | None:
        labels = self._evaluation.classes
        return select_digits(self.selection, len(labels), labels, self._evaluation)

    def _top_line(self) -> Content:
        return line(key("esc", "back", "step('frame', -1)"), Content(self._title))

    def _last_line(self) -> Content:
        return Content("")  # the kinds of selection and the keys of an opened checkpoint
