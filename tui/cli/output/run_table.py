"""What `runs list` prints: rows, sorted and filtered."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from core.events import RunStarted
from core.runs.catalog import RunInfo
from core.runs.description import NO_HISTORY, is_imported
from core.runs.event_reader import read_events
from core.runs.layout import DESCRIPTION, EVENTS_FILE
from tui.cli.output.tables import print_table
from tui.text.formats import format_age, format_loss, format_percent, format_size, plural

STAR, LIVE = "★", "●"
HEAD: tuple[str, ...] = ("RUN", "", "STATUS", "ARCH", "DATASET", "DEVICE", "BEST", "LOSS")
HEAD += ("EPOCHS", "FILES", "SIZE", "AGE", "NOTE")
OPTIONAL = ("DEVICE", "DATASET", "FILES", "LOSS", "SIZE", "ARCH")  # in the order they are left out
# What rows can be sorted by: the field of a row, and whether the largest value is first.
COLUMNS = {
    "age": ("modified", True),
    "name": ("run", False),
    "star": ("star", True),
    "status": ("status", False),
    "arch": ("arch", False),
    "dataset": ("dataset", False),
    "device": ("device", False),
    "accuracy": ("best_accuracy", True),
    "loss": ("last_loss", False),
    "epochs": ("epochs", True),
    "checkpoints": ("checkpoints", True),
    "size": ("bytes", True),
    "note": ("note", False),
}
ALIASES = {"network": "arch", "digits": "dataset"}  # of columns, from earlier versions
SEARCHED = ("run", "status", "arch", "dataset", "device", "note", "problem")


def run_row(run: RunInfo) -> dict[str, Any]:
    """Return what `runs list --json` prints of a run.

    It comes from run.json and the headers of the checkpoints; for a run in progress, loss and
    epochs come from the end of its record.
    """
    infos = [each.info for each in run.checkpoints if each.info]
    last = infos[0] if infos else None
    config = config_of(run)
    row = {
        "run": run.name,
        "folder": str(run.folder),
        "star": run.is_starred,
        "status": run.status,
        "live": run.is_live,
        "arch": run.arch or _of_type(str, config.get("arch")),
        "dataset": _of_type(str, config.get("dataset") or (last.dataset if last else None)),
        "device": _of_type(str, run.description.get("device")),
        "best_accuracy": run.best.test_accuracy if run.best else None,
        "last_loss": last.test_loss if last else None,
        "epochs": last.epoch if last else None,
        "planned_epochs": _of_type(int, config.get("epochs")),
        "checkpoints": len(run.checkpoints),
        "bytes": run.bytes,
        "modified": run.modified,
        "note": run.note,
        "problem": _problem(run),
    }
    if run.latest:
        latest = {"last_loss": run.latest.loss, "epochs": run.latest.epochs_done}
        row |= {name: value for name, value in latest.items() if value is not None}
    return row


def _of_type(kind: type, value: Any) -> Any:
    """Return the value, or None for one of another type; a file may hold any."""
    return value if type(value) is kind else None


def _problem(run: RunInfo) -> str | None:
    """Return what is wrong with a run's files, None if nothing is."""
    problems = []
    if not run.description:
        is_there = (run.folder / DESCRIPTION).exists()
        problems.append("run.json cannot be read" if is_there else "no run.json")
    if not (run.folder / EVENTS_FILE).is_file() and not is_imported(run.description):
        problems.append("no events.jsonl")
    if not run.checkpoints and not run.is_live:
        problems.append("no checkpoints")
    broken = sum(each.info is None for each in run.checkpoints)
    if broken:
        problems.append(plural(broken, "broken checkpoint"))
    return ", ".join(problems) or None


def _history(row: dict[str, Any]) -> str:
    return NO_HISTORY if row["status"] == "imported" else ""


def config_of(run: RunInfo) -> dict[str, Any]:
    """Return the config in run.json, else in the first recorded event, else in a checkpoint."""
    if run.config:
        return run.config
    with suppress(OSError):
        first = next(read_events(run.folder), None)
        if isinstance(first, RunStarted):
            return first.config | {"dataset": first.dataset}
    best = run.best
    return best.config | {"arch": best.arch, "dataset": best.dataset} if best else {}


def filter_rows(
    rows: Sequence[dict[str, Any]], arch: str | None, text: str | None
) -> list[dict[str, Any]]:
    """Return the rows of an architecture that have each word of the text in one of their texts."""
    words = (text or "").casefold().split()

    def matches(row: dict[str, Any]) -> bool:
        searched = " ".join(str(row[each] or "") for each in SEARCHED).casefold()
        return (arch is None or row["arch"] == arch) and all(word in searched for word in words)

    return [row for row in rows if matches(row)]


def sort_rows(rows: Sequence[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """Return the rows in the order of a column, those without a value there last."""
    name, is_largest_first = COLUMNS[column]

    def key(row: dict[str, Any]) -> Any:
        return row[name].casefold() if isinstance(row[name], str) else row[name]

    known = [row for row in rows if row[name] not in (None, "")]
    missing = [row for row in rows if row[name] in (None, "")]
    return sorted(known, key=key, reverse=is_largest_first) + missing


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    now = time.time()
    print_table(HEAD, [_cells(row, now) for row in rows], optional=OPTIONAL, wrap_last=True)


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
        " · ".join(each for each in (row["note"], _history(row), row["problem"]) if each),
    ]
