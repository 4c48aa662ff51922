"""The list of runs and checkpoints on the screen: its order, filter and marks, and its caption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rich.cells import set_cell_size
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input, Static

from core.runs.catalog import CheckpointFile
from tui.screens.base import View
from tui.screens.captions import between, clicked, key, line
from tui.screens.checkpoints.rows import COLUMNS, TITLES, Entry, Group, Order, columns_for
from tui.screens.checkpoints.watch import FolderWatcher
from tui.state.app_state import MAX_COMPARED
from tui.text.formats import format_size, plural, printable, truncate
from tui.widgets.lists.virtual_table import VirtualTable
from tui.widgets.table import TableColumn


class Filter(Input):
    """The arrows move the cursor of the list while a person types."""

    BINDINGS = [Binding("up", "move(-1)", show=False), Binding("down", "move(1)", show=False)]

    def action_move(self, by: int) -> None:
        self.screen.query_one(VirtualTable).action_move(by)


class RowList:
    """Shows the entries of a folder in the VirtualTable, the Filter and the caption of a view.

    `moved` is called when the cursor may be on another entry, or its entry has changed.
    """

    def __init__(self, view: View, folder: FolderWatcher, moved: Callable[[], None]) -> None:
        self._view, self._folder, self._moved = view, folder, moved
        self._order = Order()
        self._sorted: list[Entry] = []  # all of them
        self._columns: list[TableColumn] = []
        self._total = ""
        self.marked_keys: list[str] = []  # in the order of marking

    @property
    def _listing(self) -> VirtualTable[Entry | Group]:
        return self._view.query_one(VirtualTable)

    def entry(self) -> Entry | None:
        """Return the entry under the cursor."""
        chosen = self._listing.selected
        return chosen if isinstance(chosen, Entry) else None

    def show(self) -> None:
        """Show the entries of the folder as they are now."""
        entries = self._folder.entries
        every = [entry for of_run in entries.values() for entry in of_run]
        self._columns, self._sorted = columns_for(every), self._order.sorted(every)
        size = format_size(sum(of_run[0].run.bytes for of_run in entries.values()))
        files = sum(entry.file is not None for entry in every)
        self._total = f"{plural(files, 'checkpoint')} of {plural(len(entries), 'run')}, {size}"
        self.arrange()

    def arrange(self) -> None:
        """Filter and group the sorted entries, which costs less than sorting them again."""
        order, rows = self._order, self._order.shown(self._sorted)
        self._listing.show(
            self._columns,
            rows,
            sorted_by=order.by,
            descending=order.falling,
            placeholder="No rows match the filter. Press esc to show all." if self._sorted else "",
        )
        self._show_caption(sum(isinstance(row, Entry) for row in rows))
        self._moved()

    def _show_caption(self, shown: int) -> None:
        """`shown` is the number of rows that match the filter."""
        order = self._order
        direction = "▼" if order.falling else "▲"
        by = clicked(Content(f"by {TITLES[order.by].lower()} {direction}"), "order('reverse')")
        config = self._view.has_class("-config")
        keys = [
            between(key("<", "", "order('previous')"), by, key(">", "", "order('next')")),
            key("g", "ungroup" if order.is_grouped else "group", "order('group')"),
            key("c", "curve" if config else "config", "do('config')"),
        ]
        if self.marked_keys and (marked := self.marked()):
            keys.insert(0, Content.styled(f"+ {len(marked)} marked", "bold"))
        right = line(*keys)
        room = max(10, self._view.size.width - right.cell_length - 4)
        text = set_cell_size(truncate(self._state_text(shown), room), room)
        caption = Content(f" {text} ") + right
        self._view.query_one("#caption", Static).update(caption, layout=False)

    def _state_text(self, shown: int) -> str:
        folder = printable(str(self._view.mnist.config.folder))
        is_complete = self._folder.is_complete
        if self._folder.error:
            return printable(self._folder.error)
        if not self._sorted and is_complete:
            return f"No checkpoints in {folder} yet. Train a network to save some."
        if not self._sorted:
            return f"Reading {folder}…"
        total = len(self._sorted)
        count = self._total if shown == total else f"{shown:,} of {plural(total, 'row')}"
        return f"{count}, in {folder}" + ("" if is_complete else ", reading…")

    # What a person changes

    def sort(self, by: int) -> None:
        """Sort by a column; a second time reverses the order."""
        if by == self._order.by:
            self.reorder("reverse")
        else:
            self._order = replace(self._order, by=by, falling=COLUMNS[by].falling)
            self._view.attempt("list", self.show)

    def reorder(self, how: str) -> None:
        """`how` is next or previous, for the column to sort by, reverse or group."""
        order = self._order
        match how:
            case "next" | "previous":
                self.sort((order.by + (1 if how == "next" else -1)) % len(COLUMNS))
            case "reverse":
                self._order = replace(order, falling=not order.falling)
                self._view.attempt("list", self.show)
            case "group":
                self._order = replace(order, is_grouped=not order.is_grouped)
                self._view.attempt("list", self.arrange)

    def set_filter(self, words: str) -> None:
        self._order = replace(self._order, filter=words)
        self._view.attempt("list", self.arrange)

    # What is marked for comparison

    def marked(self) -> list[CheckpointFile]:
        """Return the marked checkpoints that still exist, in the order of marking."""
        existing = {
            entry.key: entry.file
            for of_run in self._folder.entries.values()
            for entry in of_run
            if entry.file
        }
        return [file for each in self.marked_keys if (file := existing.get(each))]

    def mark(self) -> None:
        """Mark the checkpoint under the cursor, or remove its mark."""
        entry = self.entry()
        if entry is None or entry.file is None or entry.file.info is None:
            self._view.notify("Only a readable checkpoint can be compared.", markup=False)
            return
        existing = {str(each.path) for each in self.marked()}
        self.marked_keys = [each for each in self.marked_keys if each in existing]
        if entry.key in self.marked_keys:
            self.marked_keys.remove(entry.key)
        elif len(self.marked_keys) < MAX_COMPARED:
            self.marked_keys.append(entry.key)
        else:
            message = f"{MAX_COMPARED} checkpoints are marked: press m on one to unmark it."
            self._view.notify(message, markup=False)
        self.arrange()
