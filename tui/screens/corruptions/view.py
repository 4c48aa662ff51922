"""How fast a network breaks on corrupted images, and on what: opened with C, closed with esc."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Static

from core.commands import CancelCorruptions, ScoreCorruptions
from core.data.corruptions import describe_corruption
from core.responses.scores import CorruptionsScored
from tui.help import CORRUPTIONS_HELP
from tui.screens.base import View
from tui.screens.captions import set_text
from tui.screens.confusion_view import CELL_BINDINGS
from tui.state.app_state import AppState, CheckpointRequest
from tui.state.run_state import RunState
from tui.text.formats import format_percent, printable, shorten_folder
from tui.widgets.charts.corruption_table import ClassLosses, CorruptionTable, ShownClasses
from tui.widgets.digit_cards import DigitCards


class CorruptionsView(View):
    """The accuracy of a checkpoint by kind and strength of corruption, and its mistakes.

    The engine sends what it has so far; closing the view ends its work.
    """

    MODE = "mistakes"
    VIEW_HELP = CORRUPTIONS_HELP
    CSS_PATH = "view.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]
    SEEN = ("phase",)
    BINDINGS = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("enter", "open", "Open", key_display="enter"),
        Binding("f5", "refresh", "Refresh"),
        *CELL_BINDINGS,
    ]

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = self.opened_path = path
        self._scored: CorruptionsScored | None = None

    def body(self) -> ComposeResult:
        yield Static(id="caption")
        with Horizontal(id="tables"):
            yield CorruptionTable()
            yield ClassLosses()
        yield Static(id="cell")
        yield DigitCards("").data_bind(View.preferences)

    @property
    def _table(self) -> CorruptionTable:
        return self.query_one(CorruptionTable)

    # The request

    def on_mount(self) -> None:
        self._request = CheckpointRequest(self._path, self.mnist.app_state)
        self._send()

    def on_unmount(self) -> None:
        self.mnist.send(CancelCorruptions())

    @property
    def _gives_way(self) -> bool:
        """Whether a run in another process trains: the engine knows about its own."""
        state = self.mnist.run_state
        return state.is_attached and state.phase == "training"

    def _send(self) -> None:
        command = ScoreCorruptions(self._path, self.mnist.config.data, self._gives_way)
        self.mnist.send(command)

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        super().watch_run_state(before, after)
        is_running = self._scored is None or self._scored.done < 1
        if before.phase != after.phase and after.is_attached and is_running:
            self._send()  # so that it gives way from now on, or no longer does

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if before.corruptions is not after.corruptions or before.opened is not after.opened:
            self.show()

    def wanted_digits(self) -> tuple[int, ...]:
        """Return none: the scores have the images."""
        return ()

    # Display

    def show(self) -> None:
        self._scored = self._request.corruptions(self.app_state) or self._scored
        scored, table, cards = self._scored, self._table, self.query_one(DigitCards)
        if scored is None:
            error = self._request.error(self.app_state)
            waiting = "Evaluating the checkpoint on corrupted images…"
            table.placeholder = f"✗ {printable(error)}" if error else waiting
            set_text(self, "#caption", printable(self._path))
            return
        table.class_names, table.scores = scored.class_names, scored.scores
        table.border_subtitle = self._progress(scored)
        set_text(self, "#caption", self._caption(scored))
        score = table.selected
        if score is None or score.corruption is None:
            return
        self.query_one(ClassLosses).shown = ShownClasses(
            scored.scores[0], score, scored.class_names
        )
        wrong = score.samples - sum(score.correct)
        named, counted = describe_corruption(score.corruption), format_percent(score.accuracy)
        text = f"{named}: {counted} correct, {wrong:,} mistakes"
        more = ", most confident first" if wrong > 1 else ""
        is_short = len(text + more) <= self.size.width - 2
        set_text(self, "#cell", text + more if is_short else text)
        cards.placeholder = "No mistakes" if score.samples else "Evaluating…"
        cards.digits = score.mistakes

    def _progress(self, scored: CorruptionsScored) -> str:
        if scored.done == 1:
            return f"{scored.samples:,} images each · seed 0"
        slowly = " · slow while training" if self.run_state.phase == "training" else ""
        return f"{scored.scores[0].samples:,} of {scored.samples:,} images{slowly}"

    def _caption(self, scored: CorruptionsScored) -> str:
        clean = format_percent(scored.scores[0].accuracy)
        network = printable(f"{scored.arch} on {shorten_folder(scored.dataset)}")
        return f"{network} · step {scored.step:,} · {clean} correct without corruption"

    # Keys and clicks

    @on(CorruptionTable.Moved)
    def _show_cell(self) -> None:
        self.attempt("show", self.show)

    @on(DigitCards.Selected)
    @on(CorruptionTable.Opened)
    def action_open(self) -> None:
        """Open the evaluation on the images with the selected corruption."""
        from tui.screens.checkpoints.evaluation import EvaluationView

        score = self._table.selected
        if score and score.corruption and self._scored:
            title = describe_corruption(score.corruption)
            view = EvaluationView(self._path, title, score.corruption)
            view.MODE = self.MODE
            self.app.push_screen(view)

    def action_refresh(self) -> None:
        """Evaluate the checkpoint again: its file may have changed."""
        self._scored = None
        self._table.scores = ()
        self._request = CheckpointRequest(self._path, self.mnist.app_state)
        self.mnist.send(CancelCorruptions())
        self._send()
        self.attempt("show", self.show)

    def action_move(self, rows: int, columns: int) -> None:
        self._table.move(rows, columns)

    def action_move_to_end(self, last: bool) -> None:
        self._table.move_to_end(last=last)
