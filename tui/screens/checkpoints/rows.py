"""The rows of the checkpoint browser: their columns, order, filter and groups, and their texts.

Nothing here uses Textual or a disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.checkpoints.header import CheckpointInfo
from core.runs.catalog import CheckpointFile, RunInfo
from tui.text.formats import (
    format_age,
    format_loss,
    format_percent,
    format_size,
    plural,
    printable,
)
from tui.widgets.lists.virtual_table import TableRow
from tui.widgets.table import TableColumn

LIVE_SIGNS = {"running": "●", "paused": "‖"}
MARK, STAR, BROKEN = "+", "★", "✗"
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint file; or, where `file` is None, a run that is in progress or has no file."""

    key: str
    run: RunInfo
    file: CheckpointFile | None
    name: str  # the run's, printable
    search_text: str

    @property
    def info(self) -> CheckpointInfo | None:
        """What the file's header says; None of a run, and of a broken file."""
        return self.file.info if self.file else None

    @property
    def checkpoint(self) -> CheckpointFile | None:
        """The file, or else the newest readable checkpoint of the run."""
        return self.file or next((each for each in self.run.checkpoints if each.info), None)

    @property
    def arch(self) -> str:
        return self._setting("arch", "unknown")

    @property
    def dataset(self) -> str:
        return self._setting("dataset", UNKNOWN)

    @property
    def device(self) -> str:
        device = self.run.description.get("device")
        return device if isinstance(device, str) else UNKNOWN

    @property
    def kind(self) -> str:
        return self.file.kind if self.file else "now" if self.run.is_live else "run"

    @property
    def bytes(self) -> int:
        return self.file.bytes if self.file else self.run.bytes

    @property
    def epochs(self) -> int | None:
        epochs = self.run.config.get("epochs")
        return epochs if isinstance(epochs, int) else None

    def _setting(self, name: str, default: str) -> str:
        value = getattr(self.info, name) if self.info else self.run.config.get(name)
        return value if isinstance(value, str) else default


@dataclass(frozen=True, slots=True)
class Group:
    """The heading above the entries of one architecture."""

    arch: str
    entries: int
    runs: int
    best: float | None  # highest test accuracy, 0 to 1


def entries_of(run: RunInfo) -> tuple[Entry, ...]:
    """Return the entries of a run: itself while it is in progress, and its checkpoints."""
    name = printable(run.name)
    files: list[CheckpointFile | None] = [None] if run.is_live or not run.checkpoints else []
    return tuple(_entry(run, file, name) for file in (*files, *run.checkpoints))


def _entry(run: RunInfo, file: CheckpointFile | None, name: str) -> Entry:
    key = str(file.path if file else run.folder)
    entry = Entry(key, run, file, name, "")
    broken = "broken" if file and file.error else ""
    words = (name, run.note, run.status, entry.kind, entry.arch, entry.dataset, entry.device)
    return Entry(key, run, file, name, " ".join((*words, broken)).casefold())


# What the columns sort by. None is unknown, and comes last in both directions.


def _accuracy(entry: Entry) -> float | None:
    if entry.file:
        return entry.info.test_accuracy if entry.info else None
    if entry.run.latest and entry.run.latest.accuracy is not None:
        return entry.run.latest.accuracy
    scores = (each.info.test_accuracy for each in entry.run.checkpoints if each.info)
    return next((score for score in scores if score is not None), None)


def _loss(entry: Entry) -> float | None:
    """Return the test loss of a checkpoint, the training loss of a run in progress."""
    if entry.file:
        return entry.info.test_loss if entry.info else None
    return entry.run.latest.loss if entry.run.latest else None


def _epoch(entry: Entry) -> int | None:
    if entry.file:
        return entry.info.epoch if entry.info else None
    return entry.run.latest.epoch if entry.run.latest else None


def saved_at(entry: Entry) -> float:
    """Return when the file was saved, or the time of the run's newest event, in unix seconds."""
    if entry.file is None:
        return max(entry.run.modified, entry.run.latest.time if entry.run.latest else 0.0)
    return entry.info.saved_at if entry.info else entry.file.modified


# The texts in the columns.


def _epoch_text(entry: Entry) -> str:
    epoch = _epoch(entry)
    if epoch is None:
        return UNKNOWN
    return str(epoch) if entry.file or not entry.epochs else f"{epoch}/{entry.epochs}"


@dataclass(frozen=True)
class RowColumn:
    """One column. `falling` is the direction it is sorted in at first: the best on top. It is as
    wide as its longest text, between the width of `column` and `widest`."""

    column: TableColumn
    order: Callable[[Entry], Any]
    text: Callable[[Entry], str]
    falling: bool = True
    widest: int = 0


def _text_column(
    title: str, width: int, rank: int, text: Callable[[Entry], str], widest: int = 0
) -> RowColumn:
    """Return a column that sorts by what it shows."""
    column = TableColumn(title, width, rank=rank)
    return RowColumn(column, text, lambda each: printable(text(each)), False, widest)


def _number_column(
    title: str, width: int, rank: int, value: Callable[[Entry], Any], text: Callable[[Entry], str]
) -> RowColumn:
    return RowColumn(TableColumn(title, width, right=True, rank=rank), value, text, title != "Loss")


COLUMNS = (
    RowColumn(
        TableColumn("Run", 12),
        lambda each: each.name.casefold(),
        lambda each: each.name,
        falling=False,
        widest=40,
    ),
    _text_column("Kind", 5, 4, lambda each: each.kind, widest=8),
    _text_column("Network", 8, 2, lambda each: each.arch, widest=14),
    _number_column("Accuracy", 9, 1, _accuracy, lambda each: format_percent(_accuracy(each))),
    _number_column("Loss", 8, 5, _loss, lambda each: format_loss(_loss(each))),
    _number_column("Epoch", 6, 6, _epoch, _epoch_text),
    _number_column("Size", 7, 7, lambda each: each.bytes, lambda each: format_size(each.bytes)),
    _number_column("Age", 6, 3, saved_at, lambda each: format_age(time.time() - saved_at(each))),
    _text_column("Device", 7, 8, lambda each: each.device, widest=10),
    _text_column("Dataset", 7, 9, lambda each: each.dataset, widest=12),
    _number_column(
        "Parameters",
        11,
        10,
        lambda each: each.info.parameters if each.info else None,
        lambda each: f"{each.info.parameters:,}" if each.info else UNKNOWN,
    ),
    _text_column("Status", 11, 11, lambda each: each.run.status),
    RowColumn(
        TableColumn("Note", 20, rank=12),
        lambda each: printable(each.run.note).casefold() or None,
        lambda each: printable(each.run.note),
        falling=False,
    ),
)
TITLES = tuple(each.column.title for each in COLUMNS)
# From this column on a broken file shows the reason, since it has no metrics.
CUT = TITLES.index("Network")


@dataclass(frozen=True)
class Order:
    """How a person has arranged the list."""

    by: int = TITLES.index("Age")
    falling: bool = True
    filter: str = ""  # words
    is_grouped: bool = False

    def sorted(self, entries: Iterable[Entry]) -> list[Entry]:
        # The entries of one run stay together where their values are equal.
        newest_first = sorted(entries, key=lambda each: (saved_at(each), each.key), reverse=True)
        order = COLUMNS[self.by].order
        keyed = [(order(each), each) for each in newest_first]
        known = [row for row in keyed if row[0] is not None]
        known.sort(key=lambda row: row[0], reverse=self.falling)
        return [*(each for _, each in known), *(each for value, each in keyed if value is None)]

    def shown(self, ordered: Sequence[Entry]) -> Sequence[Entry | Group]:
        """Return the entries that match the filter, with the headings of groups."""
        for word in self.filter.casefold().split():
            ordered = [each for each in ordered if word in each.search_text]
        return list(_grouped(ordered)) if self.is_grouped else ordered


def _grouped(entries: Sequence[Entry]) -> Iterator[Entry | Group]:
    groups: dict[str, list[Entry]] = {}
    for each in entries:
        groups.setdefault(each.arch, []).append(each)
    for arch, members in groups.items():
        scores = [score for each in members if (score := _accuracy(each)) is not None]
        runs = len({each.run.folder for each in members})
        yield Group(arch, len(members), runs, max(scores, default=None))
        yield from members


def columns_for(entries: Sequence[Entry]) -> list[TableColumn]:
    """Return the columns with the widths that fit the entries."""
    out = []
    for each in COLUMNS:
        longest = max((len(each.text(row)) for row in entries), default=0) if each.widest else 0
        width = max(each.column.width, min(longest, each.widest))
        out.append(replace(each.column, width=width))
    return out


def key_of(row: Entry | Group) -> str:
    return row.key if isinstance(row, Entry) else ""


def row_of(row: Entry | Group, marked: Iterable[str] = ()) -> TableRow:
    if isinstance(row, Group):
        best = "" if row.best is None else f", best {format_percent(row.best)}"
        counts = f"{plural(row.entries, 'row')} of {plural(row.runs, 'run')}"
        return TableRow(text=f"{printable(row.arch)}: {counts}{best}", style="group")
    run, broken = row.run, row.file is not None and row.file.info is None
    sign = BROKEN if broken else LIVE_SIGNS.get(run.status, " ")
    signs = (MARK if row.key in marked else " ") + sign + (STAR if run.is_starred else " ")
    cells = [each.text(row) for each in COLUMNS]
    if row.file and broken:
        return TableRow(cells, signs, f"broken: {printable(row.file.error or '')}", CUT, "wrong")
    if row.file is None and not run.is_live:
        return TableRow(cells, signs, f"no checkpoint: {run.status}", CUT, "quiet")
    return TableRow(cells, signs, style="live" if row.file is None else "text")
