"""The Draw view: a drawing of your own, and what the network predicts for it."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.events import ScreenResume

from tui.help import DRAW_HELP
from tui.screens.base import View
from tui.screens.draw import keeping
from tui.screens.draw.answer_panel import AnswerPanel
from tui.state.app_state import AppState
from tui.widgets.drawing.history_strip import HistoryStrip
from tui.widgets.drawing.kept_line import KeptLine
from tui.widgets.drawing.pad import DrawingChanged, DrawingPad


class DrawView(View):
    """A drawing at the left, and the network's answers beside and below it.

    `DrawingChanged` comes here when its pixels have changed.
    """

    MODE = "draw"
    VIEW_HELP = DRAW_HELP
    CSS_PATH = "view.tcss"
    # The large drawing needs 30 lines, and some for the chart below it.
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-short"), (24, "-low"), (37, "-tall")]

    BINDINGS = [
        Binding("X", "change('eraser')", "Eraser"),
        Binding("B", "change('next_width')", "Width"),
        Binding("u", "change('undo')", "Undo"),
        Binding("U", "change('redo')", "Redo", show=False),
        Binding("backspace", "change('clear')", "Clear", key_display="backspace"),
        Binding("K", "kept('keep')", "Keep"),
        Binding("L", "kept('look')", "Kept drawings"),
        Binding("I", "answer('switch_input')", "Input"),
        Binding("Q", "answer('train_quick')", "Train quick"),
        Binding("left_square_bracket", "answer('step_epoch', -1)", "Epochs", key_display="[ ]"),
        Binding("right_square_bracket", "answer('step_epoch', 1)", "Epochs", show=False),
    ]

    def body(self) -> ComposeResult:
        with Horizontal(id="parts"):
            with Vertical(id="drawing"):
                yield DrawingPad(id="pad").data_bind(View.preferences)
                with Vertical(id="history"):
                    yield HistoryStrip().data_bind(View.preferences)
            with Vertical(id="answers"):
                yield AnswerPanel().data_bind(View.preferences)
        yield KeptLine(id="kept").data_bind(View.app_state)

    @property
    def pad(self) -> DrawingPad:
        return self.query_one(DrawingPad)

    @property
    def pixels(self) -> bytes:
        """The drawing's 28×28 pixels row by row, 0 paper and 255 ink."""
        return self.pad.pixels

    def load(self, pixels: bytes) -> None:
        """Show another image of 784 bytes as the drawing; undo takes it back."""
        self.pad.load(pixels)

    def action_change(self, what: str) -> None:
        self.pad.change(what)

    def on_screen_suspend(self) -> None:
        for pad in self.query(DrawingPad):  # none where the body failed
            pad.end_drag()

    # The answers

    @on(DrawingChanged)
    def _drawing_changed(self, message: DrawingChanged) -> None:
        self.query_one(AnswerPanel).is_empty = self.pad.is_empty
        self.mnist.drawing.change(message.pixels)

    def watch_app_state(self, before: AppState, after: AppState) -> None:
        if not before.drawing.looks_like(after.drawing):
            self.query_one(AnswerPanel).drawing = after.drawing
            self.query_one(HistoryStrip).drawing = after.drawing
        if before.drawing.can_train != after.drawing.can_train:
            self.refresh_bindings()

    def action_answer(self, what: str, by: int = 0) -> None:
        """Show the other input or the epoch before or after, or train a network on the spot."""
        if what == "switch_input":
            panel = self.query_one(AnswerPanel)
            panel.is_drawn = not panel.is_drawn
        elif what == "train_quick":
            self.mnist.drawing.train_quick()
        else:
            self.mnist.drawing.step_epoch(by)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return parameters != ("train_quick",) or self.app_state.drawing.can_train

    # Kept drawings

    @work(exclusive=True, group="kept", exit_on_error=False)
    async def action_kept(self, what: str) -> None:
        """Keep the drawing, or look through those that are kept."""
        await (keeping.keep(self) if what == "keep" else keeping.look(self))

    def wanted_digits(self) -> tuple[int, ...]:
        """Return none: this view shows no test images."""
        return ()

    def on_screen_resume(self, event: ScreenResume) -> None:
        self.mnist.kept.refresh()  # another program may have kept some

    def show(self) -> None:
        if self.focused is None:
            self.pad.focus()
