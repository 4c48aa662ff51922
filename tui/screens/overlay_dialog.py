"""The dialog that chooses which earlier runs are laid under the live one."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, DataTable, Static

from core.errors import CheckpointError, explain, first_line
from core.runs.catalog import RunInfo
from tui.screens.app_protocol import AppProtocol, app_of
from tui.state.history import (
    MAX_OVERLAID,
    arch_of,
    folder_of,
    list_recorded_runs,
    read_run,
    without_digits,
)
from tui.state.run_state import RunState
from tui.text.formats import format_age, format_percent
from tui.widgets.table import fill_table

COLUMNS = ("", "Run", "Network", "Best", "Age")
MARKS = {True: "[x]", False: "[ ]"}


def as_listed(state: RunState) -> RunInfo:
    """Return the listing's row of a run of this session that is not in the folder any more."""
    run = state.started
    assert run is not None
    described = {"config": {"arch": run.arch}}
    return RunInfo(Path(run.folder), state.phase, described, (), 0, state.told_at)


def best_accuracy(run: RunInfo, known: RunState | None) -> float | None:
    """Return the best test accuracy of its checkpoints, or else of its evaluations."""
    if run.best:
        return run.best.test_accuracy
    return max((score.accuracy for score in known.scores), default=None) if known else None


class OverlayDialog(ModalScreen[tuple[RunState, ...] | None]):
    """Gives the runs that are chosen, the newest last; None where none could be listed."""

    CSS_PATH = "overlay_dialog.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS = [
        Binding("space", "choose", "Choose", show=False),
        Binding("escape", "apply", "Done", show=False),
    ]

    @dataclass
    class Found(Message):
        """The folder of runs has been read."""

        runs: list[RunInfo]
        error: str | None

    @dataclass
    class Read(Message):
        """The runs that were chosen have been read."""

        states: tuple[RunState, ...]
        errors: list[str]

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[RunInfo] = []
        self._known: dict[str, RunState] = {}  # those that need no reading, by their place
        self._chosen: set[Path] = set()
        self._reading = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Other runs to lay under this one"
            dialog.border_subtitle = "↑ ↓ · space or enter chooses · esc done"
            yield DataTable(cursor_type="row")
            yield Static("reading the folder …", id="said")
            with Horizontal(id="buttons"):
                yield Button("Done", id="done", variant="success", compact=True)

    @property
    def mnist(self) -> AppProtocol:
        return app_of(self)

    def on_mount(self) -> None:
        self._known = {folder_of(each) or "": each for each in self.mnist.overlaid_runs}
        self._list(self.mnist.config.folder)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _list(self, folder: Path) -> None:
        try:
            self.post_message(self.Found(list_recorded_runs(folder), None))
        except CheckpointError as error:
            self.post_message(self.Found([], str(error)))

    def on_overlay_dialog_found(self, message: Found) -> None:
        by_place = {os.path.abspath(each.folder): each for each in message.runs}
        for place, state in self._known.items():
            by_place.setdefault(place, as_listed(state))
        by_place.pop(folder_of(self.mnist.run_state) or "", None)
        self._runs = sorted(by_place.values(), key=lambda run: run.modified, reverse=True)
        self._chosen = {run.folder for place, run in by_place.items() if place in self._known}
        table: DataTable[Text] = self.query_one(DataTable)
        now = time.time()
        rows = [
            (
                MARKS[run.folder in self._chosen],
                run.name,
                arch_of(run),
                format_percent(best_accuracy(run, self._known.get(os.path.abspath(run.folder)))),
                format_age(now - run.modified),
            )
            for run in self._runs
        ]
        fill_table(table, COLUMNS, rows)
        self._say(message.error or "")

    def _say(self, text: str, *, wrong: bool = False) -> None:
        if not text:
            count = f"{len(self._chosen)} of at most {MAX_OVERLAID} chosen"
            text = count if self._runs else f"there is no other run in {self.mnist.config.folder}"
        line = self.query_one("#said", Static)
        line.update(Content(text))
        line.set_class(wrong, "wrong")

    @on(DataTable.RowSelected)
    def action_choose(self) -> None:
        table = self.query_one(DataTable)
        row = table.cursor_row
        if self._reading or not 0 <= row < len(self._runs):
            return
        folder = self._runs[row].folder
        if folder not in self._chosen and len(self._chosen) == MAX_OVERLAID:
            self._say(f"✗ {MAX_OVERLAID} runs are chosen: take one away first", wrong=True)
            return
        self._chosen ^= {folder}
        table.update_cell_at((row, 0), Text(MARKS[folder in self._chosen]))  # type: ignore[arg-type]
        self._say("")

    @on(Button.Pressed)
    def action_apply(self) -> None:
        if self._reading:
            return
        if not self._runs:
            self.dismiss(None)
            return
        self._reading = True
        self._say("reading the runs …")
        oldest_first = [run for run in reversed(self._runs) if run.folder in self._chosen]
        self._read(oldest_first, self._known)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self, runs: list[RunInfo], known: dict[str, RunState]) -> None:
        states, errors = [], []
        for run in runs:
            try:
                state = known.get(os.path.abspath(run.folder)) or read_run(run.folder)
            except Exception as error:  # whatever is in a file, the dialog can be closed
                why = explain(error) if isinstance(error, OSError) else first_line(error)
                errors.append(f"{run.name} cannot be read ({why})")
                continue
            if state.started is None:
                errors.append(f"{run.name} has told nothing that could be shown")
            else:
                states.append(without_digits(state))
        self.post_message(self.Read(tuple(states), errors))

    def on_overlay_dialog_read(self, message: Read) -> None:
        for error in message.errors:
            self.notify(error, severity="warning", markup=False)
        self.dismiss(message.states)
