"""What `runs list` says of each run: rows, their order, and which of them are wanted."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from core.events import RunStarted
from core.runs.catalog import RunInfo
from core.runs.event_reader import read_events
from core.runs.layout import DESCRIPTION, EVENTS_FILE
from tui.cli.output.tables import print_table
from tui.state.history import arch_of
from tui.text.formats import format_age, format_loss, format_percent, format_size

STAR, LIVE = "★", "●"
HEAD: tuple[str, ...] = ("RUN", "", "STATUS", "NETWORK", "DIGITS", "DEVICE", "BEST", "LOSS")
HEAD += ("EPOCHS", "FILES", "SIZE", "AGE", "NOTE")
# What a narrow terminal does without, the first first.
LESS = ("DEVICE", "DIGITS", "FILES", "LOSS", "SIZE", "NETWORK")
# By what the rows can be sorted: a row's field, and whether the largest is first.
COLUMNS = {
    "age": ("modified", True),
    "name": ("run", False),
    "star": ("star", True),
    "status": ("status", False),
    "network": ("arch", False),
    "digits": ("dataset", False),
    "device": ("device", False),
    "accuracy": ("best_accuracy", True),
    "loss": ("last_loss", False),
    "epochs": ("epochs", True),
    "checkpoints": ("checkpoints", True),
    "size": ("bytes", True),
    "note": ("note", False),
}


def run_row(run: RunInfo) -> dict[str, Any]:
    """What `runs list --json` says of one run, from its run.json and its checkpoints' headers; of
    one that is going on also from the end of its record."""
    infos = [each.info for each in run.checkpoints if each.info]
    newest = infos[0] if infos else None
    best = run.best
    config = run.config or told_config(run)
    row = {
        "run": run.name,
        "folder": str(run.folder),
        "star": run.is_starred,
        "status": run.status,
        "live": run.is_live,
        "arch": _text(arch_of(run)) or _text(config.get("arch")),
        "dataset": _text(config.get("dataset") or (newest.dataset if newest else None)),
        "device": _text(run.description.get("device")),
        "best_accuracy": best.test_accuracy if best else None,
        "last_loss": newest.test_loss if newest else None,
        "epochs": newest.epoch if newest else None,
        "planned_epochs": _count(config.get("epochs")),
        "checkpoints": len(run.checkpoints),
        "bytes": run.bytes,
        "modified": run.modified,
        "note": run.note,
        "problem": problem_of(run),
    }
    if run.latest:
        latest = {"last_loss": run.latest.loss, "epochs": run.latest.epochs_done}
        row |= {name: value for name, value in latest.items() if value is not None}
    return row


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value != "–" else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def problem_of(run: RunInfo) -> str | None:
    """What is amiss with its files, in words; None where nothing is."""
    said = []
    if not run.description:
        there = (run.folder / DESCRIPTION).exists()
        said.append("run.json cannot be read" if there else "no run.json")
    if not (run.folder / EVENTS_FILE).is_file():
        said.append("no events.jsonl")
    if not run.checkpoints and not run.is_live:
        said.append("no checkpoints")
    broken = sum(each.info is None for each in run.checkpoints)
    if broken:
        said.append(f"{broken} broken {'checkpoint' if broken == 1 else 'checkpoints'}")
    return ", ".join(said) or None


def told_config(run: RunInfo) -> dict[str, Any]:
    """What its record begins with, for a run without a run.json."""
    with suppress(OSError):
        first = next(read_events(run.folder), None)
        if isinstance(first, RunStarted):
            return first.config | {"dataset": first.dataset}
    return {}


def wanted(rows: Sequence[dict[str, Any]], arch: str | None, text: str | None) -> list[Any]:
    """Those of that network, and with each of the text's words somewhere in theirs."""
    words = ("run", "status", "arch", "dataset", "device", "note", "problem")

    def has(row: dict[str, Any]) -> bool:
        said = " ".join(str(row[each] or "") for each in words)
        return all(each in said.casefold() for each in (text or "").casefold().split())

    return [row for row in rows if (arch is None or row["arch"] == arch) and has(row)]


def in_order(rows: Sequence[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """The rows by that column, those that say nothing there at the end."""
    name, largest_first = COLUMNS[column]
    known = [row for row in rows if row[name] not in (None, "")]
    fold: Callable[[Any], Any] = lambda v: v.casefold() if isinstance(v, str) else v  # noqa: E731
    ordered = sorted(known, key=lambda row: fold(row[name]), reverse=largest_first)
    return ordered + [row for row in rows if row[name] in (None, "")]


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    now = time.time()
    print_table(HEAD, [_cells(row, now) for row in rows], less=LESS, below=True)


def _cells(row: dict[str, Any], now: float) -> list[str]:
    done, planned = row["epochs"], row["planned_epochs"]
    loss = row["last_loss"]
    return [
        row["run"],
        STAR if row["star"] else "",
        f"{LIVE} {row['status']}" if row["live"] else row["status"],
        row["arch"] or "–",
        row["dataset"] or "–",
        row["device"] or "–",
        format_percent(row["best_accuracy"]),
        format_loss(loss) if loss is None or isinstance(loss, int | float) else "–",
        f"{'–' if done is None else done}/{'–' if planned is None else planned}",
        str(row["checkpoints"]),
        format_size(row["bytes"]),
        format_age(now - row["modified"]),
        " · ".join(each for each in (row["note"], row["problem"]) if each),
    ]
