"""The evaluation of a checkpoint on its whole test set."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.commands import ScoreCheckpoint
from core.responses import CheckpointScored
from tui.analysis.confusion import confused_pairs, count_samples, describe_cell
from tui.help import MISTAKES_HELP
from tui.screens.base import View
from tui.state.app_state import AppState, CheckpointRequest
from tui.text.formats import format_loss, format_percent, printable
from tui.widgets.charts.confusion_matrix import CURSOR, ClassScores, ConfusedPairs, ConfusionMatrix

HELP = ("confusion matrix", "precision", "recall")


class EvaluationView(View):
    """Shows accuracy, loss and confusion matrix when the engine has evaluated the checkpoint."""

    MODE = "checkpoints"
    VIEW_HELP = {name: MISTAKES_HELP[name] for name in HELP}
    CSS_PATH = ["../confusion_tables.tcss", "evaluation.tcss"]
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (80, "-medium"), (110, "-wide")]
    BINDINGS = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("up", "move(-1, 0)", "Cell", key_display="↑↓←→"),
        Binding("down", "move(1, 0)", "Cell", show=False),
        Binding("left", "move(0, -1)", "Cell", show=False),
        Binding("right", "move(0, 1)", "Cell", show=False),
        Binding("pagedown", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, path: str, title: str) -> None:
        super().__init__()
        self._path, self._title = path, title
        self._shown: CheckpointScored | None = None

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        with VerticalScroll(id="page", can_focus=False):
            yield Static(id="cell")
            with Container(id="tables"):
                yield ConfusionMatrix()
                yield ClassScores()
                yield ConfusedPairs()

    def on_mount(self) -> None:
        self._request = CheckpointRequest(self._path, self.mnist.app_state)
        self.mnist.send(ScoreCheckpoint(self._path, self.mnist.config.data))

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.evaluated is not after.evaluated or before.opened is not after.opened:
            self.show()

    def show(self) -> None:
        evaluation = self._request.evaluation(self.app_state)
        if evaluation and evaluation is not self._shown:
            self._shown = evaluation
            self._fill(evaluation)
        elif not self._shown:
            error = self._request.error(self.app_state)
            self._update_caption(f"✗ {error}" if error else f"{self._title}: evaluating…")

    def _update_caption(self, text: str) -> None:
        self.query_one("#caption", Static).update(Content(printable(text)))

    def _fill(self, evaluation: CheckpointScored) -> None:
        accuracy = format_percent(evaluation.test_accuracy)
        loss = format_loss(evaluation.test_loss)
        digits = f"{count_samples(evaluation.confusion):,} test digits of {evaluation.dataset}"
        self._update_caption(f"{self._title} · {digits}: accuracy {accuracy}, loss {loss}")
        self.add_class("-known")
        matrix = self.query_one(ConfusionMatrix)
        for table in (matrix, self.query_one(ClassScores), self.query_one(ConfusedPairs)):
            table.confusion = evaluation.confusion
        pairs = confused_pairs(evaluation.confusion)
        if pairs:
            matrix.cursor = pairs[0].actual, pairs[0].predicted
        self.on_confusion_matrix_moved()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("move", "scroll"):
            return self._shown is not None
        return super().check_action(action, parameters)

    def action_move(self, rows: int, columns: int) -> None:
        self.query_one(ConfusionMatrix).move(rows, columns)

    def on_confusion_matrix_moved(self) -> None:
        if self._shown:
            text = describe_cell(self._shown.confusion, *self.query_one(ConfusionMatrix).cursor)
            self.query_one("#cell", Static).update(Content(f"{CURSOR} {text}"))

    def action_scroll(self, by: int) -> None:
        page = self.query_one("#page", VerticalScroll)
        page.scroll_relative(y=by * max(1, page.size.height - 2), animate=False)
