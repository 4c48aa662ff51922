"""One or two sentences about what the training does now."""

import textwrap

from rich.segment import Segment
from textual.reactive import var

from tui.state.run_state import RunState
from tui.widgets.canvas import Canvas


class Commentary(Canvas):
    COMPONENT_CLASSES = {"commentary--text"}

    run_state: var[RunState] = var(RunState, init=False)

    def watch_run_state(self) -> None:
        if self.display:
            self.draw()

    def draw(self) -> None:
        width, height = self.size
        if self.run_state.phase == "idle":
            self.paint([])
            return
        from tui.analysis.commentary import sentences

        # Where two sentences do not fit, show all of the first.
        found = sentences(self.run_state)
        lines = textwrap.wrap(" ".join(found), max(10, width - 2))
        if len(lines) > height:
            lines = textwrap.wrap(found[0], max(10, width - 2))[:height]
        self.paint([[Segment(f" {line}", self.parts["text"])] for line in lines])
