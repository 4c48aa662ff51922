"""The list of runs and checkpoints on the screen: which runs are opened, the order, filter and
marks, and the texts in the panel's border."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input

from core.runs.catalog import CheckpointFile
from tui.screens.base import View
from tui.screens.checkpoints.listing.columns import COLUMNS, TITLES, Order, columns_for, row_of
from tui.screens.checkpoints.listing.curves import CurveReader
from tui.screens.checkpoints.listing.rows import Entry
from tui.screens.checkpoints.listing.watch import FolderWatcher
from tui.state.app_state import MAX_COMPARED
from tui.text.formats import format_size, plural, printable, truncate
from tui.widgets.lists.virtual_table import TableRow, VirtualTable
from tui.widgets.table import TableColumn


class Filter(Input):
    """The arrows move the cursor of the list while a person types."""

    BINDINGS = [Binding("up", "move(-1)", show=False), Binding("down", "move(1)", show=False)]

    def action_move(self, by: int) -> None:
        self.screen.query_one(VirtualTable).action_move(by)


class RowList:
    """Shows the runs of a folder in the VirtualTable of a view, as a tree.

    `moved` is called when the cursor may be on another row, or its row has changed.
    """

    def __init__(self, view: View, folder: FolderWatcher, moved: Callable[[], None]) -> None:
        self._view, self._folder, self._moved = view, folder, moved
        self._curves = CurveReader(view, self._draw)
        self._order = Order()
        self._sorted: list[Entry] = []  # all runs
        self._columns: list[TableColumn] = []
        self._total = ""
        self._opened: set[str] = set()  # the keys of runs whose checkpoints a person has opened
        self._unfolded: set[str] = set()  # of those whose checkpoints are shown
        self._wanted: Path | None = None  # the run that the cursor goes to when it is listed
        self.marked_keys: list[str] = []  # of checkpoints, in the order of marking

    @property
    def _listing(self) -> VirtualTable[Entry]:
        return self._view.query_one(VirtualTable)

    def _draw(self) -> None:
        self._view.attempt("list", self._listing.draw)

    def entry(self) -> Entry | None:
        """Return the row under the cursor."""
        return self._listing.selected

    def present(self, entry: Entry) -> TableRow:
        """Return how a row is shown; this has the losses of its run read."""
        return row_of(
            entry,
            None if entry.file else self._curves.losses(entry.run),
            shown=[place for place, _ in self._listing.fitting],
            marked=self.marked_keys,
            is_opened=entry.key in self._unfolded,
        )

    def show(self) -> None:
        """Show the runs of the folder as they are now."""
        runs = list(self._folder.runs.values())
        self._sorted = self._order.sorted(runs)
        self._columns = columns_for(self._sorted)
        size = format_size(sum(each.run.bytes for each in runs))
        files = sum(len(each.run.checkpoints) for each in runs)
        self._total = f"{plural(len(runs), 'run')}, {plural(files, 'checkpoint')}, {size}"
        self.arrange()

    def arrange(self) -> None:
        """Filter and unfold the sorted runs, which costs less than sorting them again."""
        order, rows = self._order, self._order.shown(self._sorted, self._opened)
        self._unfolded = {str(each.run.folder) for each in rows if each.file}
        self._listing.show(
            self._columns,
            rows,
            sorted_by=order.by,
            descending=order.falling,
            placeholder=self._placeholder(),
        )
        if self._wanted and str(self._wanted) in self._folder_keys():
            self._go(str(self._wanted))
            self._wanted = None
        shown = sum(each.file is None for each in rows)
        self._show_border(shown)
        # For another row under the cursor, the table reports it itself.
        self._moved()

    def _folder_keys(self) -> set[str]:
        return {each.key for each in self._listing.rows}

    def _show_border(self, shown: int) -> None:
        order, listing = self._order, self._listing
        folder = printable(str(self._view.mnist.config.folder))
        total = self._total if self._sorted else "Runs"
        if shown != len(self._sorted):
            total = f"{shown:,} of {plural(len(self._sorted), 'run')}"
        reading = "" if self._folder.is_complete else ", reading…"
        title = f"{total} in {folder}{reading}"
        keys = f"→ checkpoints · < > sort: {TITLES[order.by]} {'▼' if order.falling else '▲'}"
        marked = self.marked_keys and len(self.marked())
        if marked:
            keys = f"{marked} marked · o compare"
        room = max(10, listing.region.width - 6)
        # As content: a folder's name may contain brackets.
        listing.border_title = Content(truncate(title, room))
        listing.border_subtitle = Content(truncate(keys, room))

    def _placeholder(self) -> str:
        folder = printable(str(self._view.mnist.config.folder))
        if self._folder.error:
            return printable(self._folder.error)
        if self._sorted:
            return "No rows match the filter. Press esc to show all."
        if self._folder.is_complete:
            return f"No checkpoints in {folder} yet. Train a network to save some."
        return f"Reading {folder}…"

    # What a person changes

    def unfold(self) -> None:
        """Show the checkpoints of the run under the cursor, or go to the first of them."""
        entry = self.entry()
        if entry is None or entry.file or not entry.run.checkpoints:
            return
        if entry.key in self._unfolded:
            self._listing.action_move(1)
        else:
            self._opened.add(entry.key)
            self.arrange()

    def fold(self) -> None:
        """Hide the checkpoints of the run under the cursor, or go to the run of the checkpoint."""
        entry = self.entry()
        if entry and entry.file:
            self._go(str(entry.run.folder))
        elif entry and entry.key in self._opened:
            self._opened.discard(entry.key)
            self.arrange()

    def toggle(self) -> None:
        entry = self.entry()
        if entry and entry.file is None:
            self.fold() if entry.key in self._unfolded else self.unfold()

    def go_to(self, folder: Path) -> None:
        """Move the cursor to a run, as soon as it is listed."""
        self._wanted = folder
        if self._view.query(VirtualTable):  # the view may not have been shown yet
            self._view.attempt("list", self.arrange)

    def _go(self, key: str) -> None:
        rows = self._listing.rows
        self._listing.go(next(place for place, each in enumerate(rows) if each.key == key))

    def sort(self, by: int) -> None:
        """Sort by a column; a second time reverses the order."""
        if by == self._order.by:
            self.reorder("reverse")
        else:
            self._order = replace(self._order, by=by, falling=COLUMNS[by].falling)
            self._view.attempt("list", self.show)

    def reorder(self, how: str) -> None:
        """`how` is next or previous, for the column to sort by, or reverse."""
        order = self._order
        match how:
            case "next" | "previous":
                self.sort((order.by + (1 if how == "next" else -1)) % len(COLUMNS))
            case "reverse":
                self._order = replace(order, falling=not order.falling)
                self._view.attempt("list", self.show)

    def set_filter(self, words: str) -> None:
        self._order = replace(self._order, filter=words)
        self._view.attempt("list", self.arrange)

    # What is marked for comparison

    def marked(self) -> list[CheckpointFile]:
        """Return the marked checkpoints that still exist, in the order of marking."""
        existing = {
            str(file.path): file
            for entry in self._folder.runs.values()
            for file in entry.run.checkpoints
        }
        return [file for each in self.marked_keys if (file := existing.get(each))]

    def mark(self) -> None:
        """Mark the checkpoint under the cursor, of a run the best one; or remove the mark."""
        entry = self.entry()
        best = entry.best if entry else None
        if entry is None or best is None or best.info is None:
            self._view.notify("Only a readable checkpoint can be compared.", markup=False)
            return
        below = (best,) if entry.file else entry.run.checkpoints
        keys = {str(each.path) for each in below}
        existing = {str(each.path) for each in self.marked()}
        before = [each for each in self.marked_keys if each in existing]
        self.marked_keys = [each for each in before if each not in keys]
        if self.marked_keys == before:
            if len(before) == MAX_COMPARED:
                message = f"{MAX_COMPARED} checkpoints are marked: press x on one to unmark it."
                self._view.notify(message, markup=False)
            else:
                self.marked_keys.append(str(best.path))
        self.arrange()
