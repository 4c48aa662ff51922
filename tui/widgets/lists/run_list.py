"""The list of the newest runs: one row a run, with the curve of its loss."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.segment import Segment
from textual import on
from textual.events import Click
from textual.message import Message
from textual.reactive import var

from core.errors import CheckpointError
from core.runs.catalog import RunInfo
from core.runs.watch import Watch
from tui.actions import VIEWS
from tui.charts.sparkline import draw_sparkline
from tui.state.history import arch_of, folder_of
from tui.state.loss_samples import LossSamples
from tui.state.run_state import RunState
from tui.text.formats import format_age, format_percent, printable
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.table import GAP, TableColumn, fit_columns, fit_text

READ_SECONDS = 3.0
COLUMNS = (
    TableColumn("Run", 24),
    TableColumn("Network", 8, rank=3),
    TableColumn("Loss", 12, rank=1),
    TableColumn("Accuracy", 8, right=True),
    TableColumn("Saved", 8, right=True, rank=2),
)
LOSS = 2  # the column of the curve
SIGNS = {"running": "●", "paused": "‖", "failed": "✗"}


class RunList(Canvas):
    """Shows the runs of a folder that were saved to most recently, as many as there is room for.

    Reads the folder while it is on the screen, in a thread, and of each run only what has changed.
    """

    DEFAULT_CSS = """
    RunList {
        & > .runs--text { color: $foreground; }
        & > .runs--quiet { color: $quiet; }
        & > .runs--curve { color: $series-train; }
        & > .runs--live { color: $right; text-style: bold; }
        & > .runs--wrong { color: $wrong; }
        & > .runs--selected {
            color: $selection-text; background: $selection; text-style: bold;
        }
    }
    """
    COMPONENT_CLASSES = {
        f"runs--{name}" for name in ("text", "quiet", "curve", "live", "wrong", "selected")
    }

    @dataclass
    class Opened(Message):
        """A run has been clicked."""

        folder: Path

    run_state: var[RunState] = var(RunState, init=False)  # the run that is selected

    def __init__(self, folder: Callable[[], Path], *, id: str | None = None) -> None:
        """`folder` returns the folder with the runs."""
        super().__init__(id=id, classes="panel")
        self.border_title = "Runs"
        self.border_subtitle = f"{list(VIEWS).index('checkpoints') + 1} all runs"
        self._folder = folder
        self._watch = Watch(Path())
        self._samples = LossSamples()
        self._is_reading = False
        self._runs: list[RunInfo] = []
        self._message = "Reading runs…"

    def on_mount(self) -> None:
        self.set_interval(READ_SECONDS, self.read)
        self.call_after_refresh(self.read)

    def on_resize(self) -> None:
        self.draw()
        self.read()

    def watch_run_state(self, before: RunState, after: RunState) -> None:
        if before.phase != after.phase or folder_of(before) != folder_of(after):
            self.draw()
            self.read()

    # The folder

    def read(self) -> None:
        """Read what has changed in the folder, unless the list cannot be seen."""
        if self._is_reading or not (self.screen.is_current and self.is_on_screen):
            return
        if self._watch.folder != (folder := self._folder()):
            self._watch = Watch(folder)
        self._is_reading = True
        act = partial(self._read, self._watch, max(1, self.size.height - 1))
        self.run_worker(act, thread=True, exit_on_error=False, group="runs")

    def _read(self, watch: Watch, count: int) -> None:
        runs, message = list[RunInfo](), "No runs yet. Press space to train."
        try:
            runs = watch.newest(count)
            for run in self._samples.unread(runs):
                self._samples.read(run)
        except Exception as error:  # whatever is in the folder, the rest of the view works
            message = str(error) if isinstance(error, CheckpointError) else type(error).__name__
        self.call_later(self._show, runs, message)

    def _show(self, runs: list[RunInfo], message: str) -> None:
        self._is_reading = False
        self._runs, self._message = runs, message
        self.draw()

    # Drawing

    def draw(self) -> None:
        fitting = fit_columns(COLUMNS, self.size.width - 2)
        heads = [
            fit_text(COLUMNS[at].title, width, right=COLUMNS[at].right) for at, width in fitting
        ]
        lines: list[StyledLine] = [[Segment("  " + (" " * GAP).join(heads), self.parts["quiet"])]]
        if not self._runs:
            lines.append([Segment(f"  {printable(self._message)}", self.parts["quiet"])])
        current = folder_of(self.run_state)
        for run in self._runs[: max(1, self.size.height - 1)]:
            is_current = os.path.abspath(run.folder) == current
            lines.append(self._line(run, fitting, is_current=is_current))
        self.paint(lines)

    def _line(
        self, run: RunInfo, fitting: list[tuple[int, int]], *, is_current: bool
    ) -> StyledLine:
        losses = self._samples.losses(run) or ()
        cells = (
            printable(run.name),
            printable(arch_of(run)),
            draw_sparkline(losses, COLUMNS[LOSS].width) or "–",
            format_percent(_accuracy(run)),
            run.status if run.is_live else format_age(time.time() - run.modified),
        )
        kind = "live" if run.is_live else "wrong" if run.status == "failed" else "text"
        line: StyledLine = [Segment(f"{SIGNS.get(run.status, ' ')} ", self.parts[kind])]
        for at, width in fitting:
            text = fit_text(cells[at], width, right=COLUMNS[at].right)
            style = "curve" if at == LOSS else "live" if run.is_live else "text"
            line.append(Segment(text + " " * GAP, self.parts[style]))
        if not is_current:
            return line
        whole = fit_text("".join(segment.text for segment in line), self.size.width)
        return [Segment(whole, self.parts["selected"])]

    @on(Click)
    def _open(self, event: Click) -> None:
        place = event.get_content_offset(self)
        if place and 0 < place.y <= len(self._runs):
            self.post_message(self.Opened(self._runs[place.y - 1].folder))


def _accuracy(run: RunInfo) -> float | None:
    """Return the best test accuracy that is known of a run, 0 to 1."""
    found = [each.test_accuracy for each in (run.best,) if each]
    found += [run.latest.accuracy] if run.latest else []
    return max((each for each in found if each is not None), default=None)
