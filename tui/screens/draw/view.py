"""The Draw view: a drawing of your own, and what the network makes of it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from tui.help import DRAW_HELP
from tui.screens.base import View
from tui.widgets.drawing.pad import DrawingPad


class DrawView(View):
    """A drawing at the left; beside and below it what others make of it.

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
    ]

    def body(self) -> ComposeResult:
        with Horizontal(id="parts"):
            with Vertical(id="drawing"):
                yield DrawingPad(id="pad").data_bind(View.preferences)
                yield Vertical(id="history")
            yield Vertical(id="answers")
        yield Vertical(id="kept")

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
        self.pad.end_drag()

    def wanted_digits(self) -> tuple[int, ...]:
        """Return none: this view shows no test images."""
        return ()

    def show(self) -> None:
        if self.focused is None:
            self.pad.focus()
