"""How the network in a checkpoint does on all its test digits."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.commands import ScoreCheckpoint
from core.events import CheckpointScored
from tui.analysis.confusion import confused_pairs, count_samples, describe_cell
from tui.screens.base import View
from tui.screens.mistakes import MISTAKES_HELP
from tui.state.app_state import AppState, OpenedCheckpoint
from tui.text.formats import format_loss, format_percent, printable
from tui.widgets.charts.confusion_matrix import CURSOR, ClassScores, ConfusedPairs, ConfusionMatrix

HELP = ("confusion matrix", "precision", "recall")


class EvaluationView(View):
    """Its accuracy, its loss and its confusion matrix, once the engine has worked them out."""

    MODE = "checkpoints"
    VIEW_HELP = {name: MISTAKES_HELP[name] for name in HELP}
    CSS_PATH = "evaluation.tcss"
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
        # What was known of the file when it was asked about anew.
        self._before: tuple[CheckpointScored | None, OpenedCheckpoint | None] = (None, None)
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
        # The file may be another by now than when it was last scored.
        state = self.mnist.app_state
        self._before = (state.score_of(self._path), state.opened)
        super().on_mount()
        self.mnist.send(ScoreCheckpoint(self._path, self.mnist.config.data))
        self.attempt("show", self.show)

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.scored is not after.scored or before.opened is not after.opened:
            self.show()

    def show(self) -> None:
        state = self.app_state
        scored, (score_before, opened_before) = state.score_of(self._path), self._before
        opened = state.opened
        if scored is not score_before and scored is not self._shown and scored:
            self._shown = scored
            self._fill(scored)
        elif not self._shown:
            refused = opened if opened is not opened_before and opened else None
            said = f"{self._title}: being evaluated on all its test digits …"
            if refused and refused.path == self._path and refused.error:
                said = f"✗ {refused.error}"
            self.query_one("#caption", Static).update(Content(printable(said)))

    def _fill(self, scored: CheckpointScored) -> None:
        accuracy, loss = format_percent(scored.test_accuracy), format_loss(scored.test_loss)
        digits = f"{count_samples(scored.confusion):,} test digits of {scored.dataset}"
        said = f"{self._title} · {digits}: accuracy {accuracy}, loss {loss}"
        self.query_one("#caption", Static).update(Content(printable(said)))
        self.add_class("-known")
        matrix = self.query_one(ConfusionMatrix)
        for table in (matrix, self.query_one(ClassScores), self.query_one(ConfusedPairs)):
            table.confusion = scored.confusion
        pairs = confused_pairs(scored.confusion)
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
            said = describe_cell(self._shown.confusion, *self.query_one(ConfusionMatrix).cursor)
            self.query_one("#cell", Static).update(Content(f"{CURSOR} {said}"))

    def action_scroll(self, by: int) -> None:
        page = self.query_one("#page", VerticalScroll)
        page.scroll_relative(y=by * max(1, page.size.height - 2), animate=False)
