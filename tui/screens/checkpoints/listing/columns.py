"""The columns of the list of runs and checkpoints: what they sort by, and their texts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.runs.catalog import CheckpointFile
from tui.analysis.changed_settings import changed_settings
from tui.charts.sparkline import draw_sparkline
from tui.screens.checkpoints.listing.rows import (
    LIVE_SIGNS,
    STAR,
    UNKNOWN,
    Entry,
    checkpoint_entries,
    kind_text,
)
from tui.text.formats import format_age, format_loss, format_percent, format_size, printable
from tui.widgets.lists.virtual_table import TableRow
from tui.widgets.table import TableColumn

ENDED_SIGNS = {"stopped": "■", "interrupted": "■", "failed": "✗", "unreadable": "✗"}
MARK, BROKEN = "+", "✗"
CLOSED, OPENED = "▸", "▾"
MEASURED = 200

# What the columns sort by. None is unknown, and comes last in both directions.


def _accuracy(entry: Entry) -> float | None:
    """Return the test accuracy of a checkpoint, the best one of a run."""
    if entry.file:
        return entry.info.test_accuracy if entry.info else None
    best, latest = entry.run.best, entry.run.latest
    known = (best.test_accuracy if best else None, latest.accuracy if latest else None)
    return max((each for each in known if each is not None), default=None)


def _loss(entry: Entry) -> float | None:
    """Return the test loss of a checkpoint, or of the best one of a run; the training loss of a run
    in progress."""
    if not entry.file and entry.run.latest:
        return entry.run.latest.loss
    info = entry.info if entry.file else entry.run.best
    return info.test_loss if info else None


def _epoch(entry: Entry) -> int | None:
    if not entry.file and entry.run.latest:
        return entry.run.latest.epoch
    newest = entry.newest
    return newest.info.epoch if newest and newest.info else None


def _parameters(entry: Entry) -> int | None:
    info = entry.info if entry.file else entry.run.best
    return info.parameters if info else None


def saved_at(entry: Entry) -> float:
    """Return when the file was saved, of a run its newest checkpoint, or the time of the newest
    event of a run in progress, in unix seconds."""
    if not entry.file and entry.run.latest:
        return entry.run.latest.time or entry.run.modified
    newest = entry.newest
    if newest is None:
        return entry.run.modified
    return newest.info.saved_at if newest.info else newest.modified


def _bytes(entry: Entry) -> int:
    return entry.file.bytes if entry.file else entry.run.bytes


# The texts in the columns.


def epoch_text(entry: Entry) -> str:
    """Return the epoch of a checkpoint, or how many of a run's epochs are done or in progress."""
    epoch = _epoch(entry)
    if epoch is None:
        return UNKNOWN
    return str(epoch) if entry.file or not entry.epochs else f"{epoch}/{entry.epochs}"


def _age_text(entry: Entry) -> str:
    if entry.file is None and entry.run.is_live:
        return entry.run.status
    return format_age(time.time() - saved_at(entry))


def _changed_text(entry: Entry) -> str:
    changed = changed_settings(entry.run.config)
    return ", ".join(f"{name} {value}" for name, value in changed.items())


@dataclass(frozen=True)
class RowColumn:
    """One column. `falling` is the direction it is sorted in at first: the best on top. It is as
    wide as its longest text, between the width of `column` and `widest`. `of_run`: a checkpoint
    does not show it again, since it is the same as its run's."""

    column: TableColumn
    order: Callable[[Entry], Any]
    text: Callable[[Entry], str]
    falling: bool = True
    widest: int = 0
    of_run: bool = False


def _run_column(
    title: str, width: int, rank: int, text: Callable[[Entry], str], widest: int = 0
) -> RowColumn:
    """Return a column of the run that sorts by what it shows."""
    column = TableColumn(title, width, rank=rank)
    return RowColumn(column, text, text, False, widest, of_run=True)


def _number_column(
    title: str, width: int, rank: int, value: Callable[[Entry], Any], text: Callable[[Entry], str]
) -> RowColumn:
    return RowColumn(TableColumn(title, width, right=True, rank=rank), value, text, title != "Loss")


def _setting_column(title: str, width: int, rank: int, name: str) -> RowColumn:
    def order(entry: Entry) -> Any:
        value = entry.run.config.get(name)
        is_number = isinstance(value, int | float)
        return (0, value) if is_number else None if value is None else (1, str(value))

    column = TableColumn(title, width, right=width < 8, rank=rank)
    return RowColumn(column, order, lambda each: each.setting(name), False, of_run=True)


COLUMNS = (
    RowColumn(
        TableColumn("Run", 16),
        lambda each: each.name.casefold(),
        lambda each: f"{CLOSED} {each.name}",
        falling=False,
        widest=42,
    ),
    _run_column("Network", 8, 4, lambda each: each.setting("arch"), widest=14),
    RowColumn(TableColumn("Loss curve", 10, rank=1), _loss, lambda each: "", falling=False),
    _number_column("Accuracy", 9, 0, _accuracy, lambda each: format_percent(_accuracy(each))),
    _number_column("Loss", 7, 5, _loss, lambda each: format_loss(_loss(each))),
    _number_column("Epoch", 6, 6, _epoch, epoch_text),
    _number_column("Size", 7, 10, _bytes, lambda each: format_size(_bytes(each))),
    _number_column("Age", 7, 2, saved_at, _age_text),
    _setting_column("Rate", 7, 7, "learning_rate"),
    _setting_column("Batch", 6, 8, "batch_size"),
    _setting_column("Optimizer", 9, 9, "optimizer"),
    _setting_column("Seed", 6, 14, "seed"),
    _run_column("Dataset", 7, 12, lambda each: each.setting("dataset"), widest=12),
    _run_column("Device", 7, 13, lambda each: printable(each.device), widest=10),
    _number_column(
        "Parameters",
        11,
        15,
        _parameters,
        lambda each: UNKNOWN if (count := _parameters(each)) is None else f"{count:,}",
    ),
    _run_column("Status", 11, 8, lambda each: each.run.status),
    _run_column("Changed", 11, 3, _changed_text, widest=24),
    RowColumn(
        TableColumn("Note", 20, rank=16),
        lambda each: printable(each.run.note).casefold() or None,
        lambda each: printable(each.run.note),
        falling=False,
        of_run=True,
    ),
)
TITLES = tuple(each.column.title for each in COLUMNS)
CURVE, CHANGED = TITLES.index("Loss curve"), TITLES.index("Changed")
LOSS, EPOCH, SIZE = (TITLES.index(title) for title in ("Loss", "Epoch", "Size"))
# From this column on a broken file shows the reason, since it has no metrics.
CUT = TITLES.index("Network")


@dataclass(frozen=True)
class Order:
    """How a person has arranged the list."""

    by: int = TITLES.index("Age")
    falling: bool = True
    filter: str = ""  # words

    def sorted(self, runs: Iterable[Entry]) -> list[Entry]:
        newest_first = sorted(runs, key=lambda each: (saved_at(each), each.key), reverse=True)
        order = COLUMNS[self.by].order
        keyed = [(order(each), each) for each in newest_first]
        known = [row for row in keyed if row[0] is not None]
        known.sort(key=lambda row: row[0], reverse=self.falling)
        return [*(each for _, each in known), *(each for value, each in keyed if value is None)]

    def shown(self, ordered: Sequence[Entry], opened: Collection[str]) -> list[Entry]:
        """Return the runs that match the filter, those whose keys are `opened` with their
        checkpoints; and the runs of checkpoints that match, with these."""
        words = self.filter.casefold().split()
        return [entry for run in ordered for entry in _matching(run, words, run.key in opened)]


def _matching(run: Entry, words: Sequence[str], is_opened: bool) -> Iterator[Entry]:
    if all(word in run.search_text for word in words):
        yield run
        if is_opened:
            yield from checkpoint_entries(run)
    elif found := checkpoint_entries(run, words):
        yield run
        yield from found


def columns_for(runs: Sequence[Entry]) -> list[TableColumn]:
    """Return the columns with the widths that fit the rows of the runs; but for the names, of the
    first MEASURED alone."""
    out = []
    for number, each in enumerate(COLUMNS):
        measured = runs[: MEASURED if number else None] if each.widest else ()
        longest = max((len(each.text(row)) for row in measured), default=0)
        width = max(each.column.width, min(longest, each.widest))
        out.append(replace(each.column, width=width))
    return out


def row_of(
    entry: Entry,
    losses: Sequence[float] | None,
    *,
    shown: Collection[int],
    marked: Collection[str] = (),
    is_opened: bool = False,
) -> TableRow:
    """Return the table's row of an entry. `losses` are those along the run, None before they are
    read; `shown` are the columns that fit."""
    if entry.file:
        return _checkpoint_row(entry, entry.file, shown, marked)
    run = entry.run
    sign = LIVE_SIGNS.get(run.status) or ENDED_SIGNS.get(run.status, " ")
    is_marked = marked and any(str(file.path) in marked for file in run.checkpoints)
    signs = sign + (STAR if run.is_starred else " ") + (MARK if is_marked else " ")
    arrow = (OPENED if is_opened else CLOSED) if run.checkpoints else " "
    cells = [each.text(entry) for each in COLUMNS]
    cells[0] = f"{arrow} {entry.name}"
    if not run.is_live and not run.checkpoints:
        return TableRow(cells, signs, f"no checkpoint: {run.status}", CUT, "quiet")
    if run.checkpoints and not run.best:
        why = printable(run.checkpoints[0].error or "")
        return TableRow(cells, BROKEN + signs[1:], f"broken: {why}", CUT, "wrong")
    if losses is not None:
        cells[CURVE] = draw_sparkline(losses, COLUMNS[CURVE].column.width) or UNKNOWN
    style = "live" if run.is_live else "wrong" if run.status == "failed" else "text"
    styles = {CURVE: "curve", CHANGED: "quiet"} | ({0: "wrong"} if style == "wrong" else {})
    return TableRow(cells, signs, style="live" if run.is_live else "text", styles=styles)


def _checkpoint_row(
    entry: Entry, file: CheckpointFile, shown: Collection[int], marked: Collection[str]
) -> TableRow:
    signs = (BROKEN if file.info is None else " ") + " " + (MARK if entry.key in marked else " ")
    name = f"    {kind_text(file)}"
    if file.info is None:
        cells = [name] + [""] * (len(COLUMNS) - 1)
        return TableRow(cells, signs, f"broken: {printable(file.error or '')}", CUT, "wrong")
    cells = ["" if each.of_run else each.text(entry) for each in COLUMNS]
    cells[0] = name
    # What has no column of its own in a narrow list stands in those of the run.
    if LOSS not in shown:
        text, loss = f"loss {cells[LOSS]}", file.info.test_loss
        is_long = loss is not None and len(text) > COLUMNS[CURVE].column.width
        cells[CURVE] = f"loss {loss:.2g}" if is_long else text
    epoch = "" if EPOCH in shown or file.kind == "epoch" else f"epoch {cells[EPOCH]}"
    size = "" if SIZE in shown else cells[SIZE]
    cells[CHANGED] = ", ".join(filter(None, (epoch, size)))
    return TableRow(cells, signs, styles={CHANGED: "quiet"})
