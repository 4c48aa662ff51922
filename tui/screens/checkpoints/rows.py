"""What the view of runs and checkpoints lists: one entry a row; how they are sorted, filtered and
grouped, and what a row says. Nothing here knows a screen or a disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.runs.catalog import CheckpointFile, RunInfo
from tui.text.formats import format_age, format_loss, format_percent, format_size, printable
from tui.widgets.virtual_table import TableColumn, TableRow

LIVE_SIGNS = {"running": "●", "paused": "‖"}
MARK, STAR, BROKEN = "+", "★", "✗"
NOWHERE = "–"


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint; or a run itself, where it is live or has none. `words` are what a filter
    looks in, `name` the run's as it can be shown."""

    key: str
    run: RunInfo
    listed: CheckpointFile | None
    name: str
    words: str

    @property
    def arch(self) -> str:
        said = self._told("arch")
        return said if isinstance(said, str) else "unknown"

    @property
    def dataset(self) -> str:
        said = self._told("dataset")
        return said if isinstance(said, str) else NOWHERE

    @property
    def device(self) -> str:
        said = self.run.description.get("device", NOWHERE)
        return said if isinstance(said, str) else NOWHERE

    @property
    def kind(self) -> str:
        return self.listed.kind if self.listed else "now" if self.run.is_live else "run"

    @property
    def bytes(self) -> int:
        return self.listed.bytes if self.listed else self.run.bytes

    @property
    def epochs(self) -> int | None:
        epochs = self.run.config.get("epochs")
        return epochs if isinstance(epochs, int) else None

    def _told(self, name: str) -> Any:
        info = self.listed.info if self.listed else None
        return getattr(info, name) if info else self.run.config.get(name)


@dataclass(frozen=True, slots=True)
class Group:
    """The heading over the entries of one architecture."""

    arch: str
    entries: int
    runs: int
    best: float | None  # test accuracy, 0 to 1


def entries_of(run: RunInfo) -> tuple[Entry, ...]:
    name = printable(run.name)
    said = (name, run.note, run.status)
    rows: list[Entry] = []
    if run.is_live or not run.checkpoints:
        rows.append(_entry(str(run.folder), run, None, name, said))
    rows += (_entry(str(each.path), run, each, name, said) for each in run.checkpoints)
    return tuple(rows)


def _entry(
    key: str, run: RunInfo, listed: CheckpointFile | None, name: str, said: Sequence[str]
) -> Entry:
    entry = Entry(key, run, listed, name, "")
    fault = "broken" if listed and listed.error else ""
    words = " ".join((*said, entry.kind, entry.arch, entry.dataset, entry.device, fault))
    return Entry(key, run, listed, name, words.casefold())


# What each column sorts by; None, which is what nothing is known of, goes last both ways.


def _accuracy(entry: Entry) -> float | None:
    if entry.listed:
        return entry.listed.info.test_accuracy if entry.listed.info else None
    if entry.run.latest and entry.run.latest.accuracy is not None:
        return entry.run.latest.accuracy
    scores = (each.info.test_accuracy for each in entry.run.checkpoints if each.info)
    return next((score for score in scores if score is not None), None)


def _loss(entry: Entry) -> float | None:
    """Of a checkpoint the test loss, of what goes on that of training."""
    if entry.listed:
        return entry.listed.info.test_loss if entry.listed.info else None
    return entry.run.latest.loss if entry.run.latest else None


def _epoch(entry: Entry) -> int | None:
    if entry.listed:
        return entry.listed.info.epoch if entry.listed.info else None
    return entry.run.latest.epoch if entry.run.latest else None


def saved(entry: Entry) -> float:
    """When, in unix seconds; of what goes on, when it was last heard of."""
    if entry.listed is None:
        return max(entry.run.modified, entry.run.latest.time if entry.run.latest else 0.0)
    return entry.listed.info.saved_at if entry.listed.info else entry.listed.modified


def _parameters(entry: Entry) -> int | None:
    return entry.listed.info.parameters if entry.listed and entry.listed.info else None


def _status(entry: Entry) -> str:
    return entry.run.status


def _note(entry: Entry) -> str | None:
    return printable(entry.run.note).casefold() or None


# Then what it says.


def _epoch_text(entry: Entry) -> str:
    epoch = _epoch(entry)
    if epoch is None:
        return NOWHERE
    return str(epoch) if entry.listed or not entry.epochs else f"{epoch}/{entry.epochs}"


def _age_text(entry: Entry) -> str:
    return format_age(time.time() - saved(entry))


def _parameters_text(entry: Entry) -> str:
    count = _parameters(entry)
    return NOWHERE if count is None else f"{count:,}"


@dataclass(frozen=True)
class Field:
    """One column. `falling` is how it is sorted at first: the best or the newest on top."""

    column: TableColumn
    order: Callable[[Entry], Any]
    text: Callable[[Entry], str]
    falling: bool = True


FIELDS = (
    Field(TableColumn("Run", 10), lambda each: each.name.casefold(), lambda each: each.name, False),
    Field(TableColumn("Kind", 5, rank=4), lambda each: each.kind, lambda each: each.kind, False),
    Field(
        TableColumn("Network", 8, rank=2),
        lambda each: each.arch,
        lambda each: printable(each.arch),
        False,
    ),
    Field(
        TableColumn("Accuracy", 9, right=True, rank=1),
        _accuracy,
        lambda each: format_percent(_accuracy(each)),
    ),
    Field(
        TableColumn("Loss", 7, right=True, rank=5),
        _loss,
        lambda each: format_loss(_loss(each)),
        False,
    ),
    Field(TableColumn("Epoch", 6, right=True, rank=6), _epoch, _epoch_text),
    Field(
        TableColumn("Size", 7, right=True, rank=7),
        lambda each: each.bytes,
        lambda each: format_size(each.bytes),
    ),
    Field(TableColumn("Age", 6, right=True, rank=3), saved, _age_text),
    Field(
        TableColumn("Device", 7, rank=8),
        lambda each: each.device,
        lambda each: printable(each.device),
        False,
    ),
    Field(
        TableColumn("Digits", 7, rank=9),
        lambda each: each.dataset,
        lambda each: printable(each.dataset),
        False,
    ),
    Field(TableColumn("Parameters", 11, right=True, rank=10), _parameters, _parameters_text),
    Field(
        TableColumn("Status", 11, rank=11),
        lambda each: each.run.status,
        lambda each: each.run.status,
    ),
    Field(TableColumn("Note", 20, rank=12), _note, lambda each: printable(each.run.note), False),
)
NAMES = tuple(field.column.title for field in FIELDS)
# Where a broken one's reason stands instead of figures it does not have.
CUT = NAMES.index("Network")
# Columns as wide as what is in them, within bounds.
FITTED = {"Run": (12, 40), "Kind": (5, 8), "Network": (8, 14), "Device": (7, 10), "Digits": (7, 12)}


@dataclass(frozen=True)
class Order:
    """How a person wants to see them."""

    by: int = NAMES.index("Age")
    falling: bool = True
    wanted: str = ""  # part of what an entry says, in any case
    grouped: bool = False

    def sorted(self, entries: Iterable[Entry]) -> list[Entry]:
        # Those of one run stay beside one another where the column says the same of them.
        newest_first = sorted(entries, key=lambda each: (saved(each), each.key), reverse=True)
        order = FIELDS[self.by].order
        keyed = [(order(each), each) for each in newest_first]
        known = [row for row in keyed if row[0] is not None]
        known.sort(key=lambda row: row[0], reverse=self.falling)
        return [*(each for _, each in known), *(each for value, each in keyed if value is None)]

    def shown(self, ordered: Sequence[Entry]) -> Sequence[Entry | Group]:
        """Of entries in that order those that are wanted, under headings where they are grouped."""
        for word in self.wanted.casefold().split():
            ordered = [each for each in ordered if word in each.words]
        return list(_grouped(ordered)) if self.grouped else ordered


def _grouped(entries: Sequence[Entry]) -> Iterator[Entry | Group]:
    groups: dict[str, list[Entry]] = {}
    for each in entries:
        groups.setdefault(each.arch, []).append(each)
    for arch, those in groups.items():
        scores = [score for each in those if (score := _accuracy(each)) is not None]
        runs = len({each.run.folder for each in those})
        yield Group(arch, len(those), runs, max(scores, default=None))
        yield from those


def columns_for(entries: Sequence[Entry]) -> list[TableColumn]:
    """As wide as what is in them."""
    out = []
    for field in FIELDS:
        column = field.column
        if column.title in FITTED:
            least, most = FITTED[column.title]
            longest = max((len(field.text(each)) for each in entries), default=0)
            width = max(least, min(longest, most))
            column = TableColumn(column.title, width, column.right, column.rank)
        out.append(column)
    return out


def key_of(row: Entry | Group) -> str:
    return row.key if isinstance(row, Entry) else ""


def plural(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def row_of(row: Entry | Group, marked: Iterable[str] = ()) -> TableRow:
    if isinstance(row, Group):
        best = "" if row.best is None else f", best {format_percent(row.best)}"
        what = f"{plural(row.entries, 'row')} of {plural(row.runs, 'run')}{best}"
        return TableRow(said=f"{printable(row.arch)}: {what}", look="group")
    run, broken = row.run, row.listed is not None and row.listed.info is None
    sign = BROKEN if broken else LIVE_SIGNS.get(run.status, " ")
    signs = (MARK if row.key in marked else " ") + sign + (STAR if run.is_starred else " ")
    cells = [field.text(row) for field in FIELDS]
    if row.listed and broken:
        return TableRow(cells, signs, f"broken: {printable(row.listed.error or '')}", CUT, "wrong")
    if row.listed is None and not run.is_live:
        return TableRow(cells, signs, f"no checkpoint: {run.status}", CUT, "quiet")
    return TableRow(cells, signs, look="live" if row.listed is None else "text")
