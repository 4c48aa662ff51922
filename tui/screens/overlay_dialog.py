"""The dialog that selects earlier runs to overlay on the charts."""

from __future__ import annotations

import os
import time
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, DataTable, Static

from core.errors import CheckpointError, explain
from core.runs.catalog import RunInfo
from tui.screens.base import app_of
from tui.screens.captions import show_message
from tui.state.history import (
    MAX_OVERLAID,
    arch_of,
    folder_of,
    list_recorded_runs,
    read_run,
    without_digits,
)
from tui.state.run_state import RunState
from tui.text.formats import format_age, format_percent, truncate
from tui.widgets.table import RowTable, fill_table

COLUMNS = ("", "Run", "Network", "Best", "Age")
WIDTH = 72  # of the dialog, as in its stylesheet
ARCH_WIDTH = 14
OTHERS = 31  # that the other columns need but for the network, with gaps and the dialog's border
MARKS = {True: "[x]", False: "[ ]"}


def as_listed(state: RunState) -> RunInfo:
    """Return the listing's row of a run of this session that is not in the folder any more."""
    run = state.started
    assert run is not None
    described = {"arch": run.arch}
    return RunInfo(Path(run.folder), state.phase, described, (), 0, state.last_event_time)


class OverlayDialog(ModalScreen[tuple[RunState, ...] | None]):
    """Return the selected runs, the newest last; None if there are no runs to select."""

    CSS_PATH = "overlay_dialog.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS = [
        Binding("x", "toggle_run", "Mark", show=False),
        Binding("escape", "apply", "Back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[RunInfo] = []
        self._known: dict[str, RunState] = {}  # overlaid now, by folder
        self._selected: set[Path] = set()
        self._is_loading = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = f"Overlay up to {MAX_OVERLAID} earlier runs"
            dialog.border_subtitle = "↑↓ move · x mark · esc done"
            yield RowTable(cursor_type="row")
            yield Static("Reading runs…", id="message")
            with Horizontal(id="buttons"):
                yield Button("Done", id="done", compact=True)

    def on_mount(self) -> None:
        self._known = {folder_of(each) or "": each for each in app_of(self).overlaid_runs}
        self._list(app_of(self).config.folder)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _list(self, folder: Path) -> None:
        try:
            self.call_later(self._show_runs, list_recorded_runs(folder), "")
        except CheckpointError as error:
            self.call_later(self._show_runs, [], str(error))

    def _show_runs(self, runs: list[RunInfo], problem: str) -> None:
        by_folder = {os.path.abspath(each.folder): each for each in runs}
        for folder, state in self._known.items():
            by_folder.setdefault(folder, as_listed(state))
        by_folder.pop(folder_of(app_of(self).run_state) or "", None)
        self._runs = sorted(by_folder.values(), key=lambda run: run.modified, reverse=True)
        self._selected = {run.folder for at, run in by_folder.items() if at in self._known}
        fill_table(self.query_one(DataTable), COLUMNS, [self._row(run) for run in self._runs])
        if problem:
            show_message(self, problem)
        else:
            self._show_count()

    def _row(self, run: RunInfo) -> tuple[str, ...]:
        known = self._known.get(os.path.abspath(run.folder))
        accuracies = [score.accuracy for score in known.scores] if known else []
        # Of its checkpoints, or else of its evaluations.
        best = run.best.test_accuracy if run.best else max(accuracies, default=None)
        longest = max(len("Network"), *(len(arch_of(each)) for each in self._runs))
        room = min(WIDTH, self.app.size.width) - OTHERS - min(longest, ARCH_WIDTH)
        name, arch = truncate(run.name, room), truncate(arch_of(run), ARCH_WIDTH)
        mark, age = MARKS[run.folder in self._selected], format_age(time.time() - run.modified)
        return mark, name, arch, format_percent(best), age

    def _show_count(self) -> None:
        selected = f"{len(self._selected)}/{MAX_OVERLAID} marked"
        none = f"No other runs in {app_of(self).config.folder}."
        show_message(self, selected if self._runs else none)

    @on(DataTable.RowSelected)
    def action_toggle_run(self) -> None:
        table = self.query_one(DataTable)
        if self._is_loading or not 0 <= table.cursor_row < len(self._runs):
            return
        folder = self._runs[table.cursor_row].folder
        if folder not in self._selected and len(self._selected) == MAX_OVERLAID:
            full = f"✗ {MAX_OVERLAID} runs are marked. Unmark one first."
            show_message(self, full, wrong=True)
            return
        self._selected ^= {folder}
        table.update_cell_at((table.cursor_row, 0), Text(MARKS[folder in self._selected]))  # type: ignore[arg-type]
        self._show_count()

    @on(Button.Pressed)
    def action_apply(self) -> None:
        if self._is_loading:
            return
        if not self._runs:
            self.dismiss(None)
            return
        self._is_loading = True
        show_message(self, "Reading runs…")
        # Oldest first.
        self._load([run for run in reversed(self._runs) if run.folder in self._selected])

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _load(self, runs: list[RunInfo]) -> None:
        states, errors = [], []
        for run in runs:
            try:
                state = self._known.get(os.path.abspath(run.folder)) or read_run(run.folder)
            except Exception as error:  # a broken file must not keep the dialog open
                why = explain(error)
                errors.append(f"Cannot read {run.name} ({why}).")
                continue
            if state.started is None:
                errors.append(f"{run.name} has no metrics yet.")
            else:
                states.append(without_digits(state))
        self.call_later(self._finish, tuple(states), errors)

    def _finish(self, states: tuple[RunState, ...], errors: list[str]) -> None:
        for error in errors:
            self.notify(error, severity="warning", markup=False)
        self.dismiss(states)
