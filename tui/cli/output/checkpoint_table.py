"""What `checkpoints` and `runs` print of what has been trained."""

import time
from typing import Any

from core.runs.catalog import CheckpointFile
from tui.text.formats import (
    format_age,
    format_date,
    format_loss,
    format_percent,
    format_size,
    printable,
)


def checkpoint_row(listed: CheckpointFile, *, whole: bool = False) -> dict[str, Any]:
    """What `checkpoints list --json` says of one file; `whole` adds its config and digest."""
    info = listed.info
    if info is None:
        return {"path": str(listed.path), "error": listed.error}
    row = {
        "path": str(listed.path),
        "run": listed.run,
        "kind": listed.kind,
        "arch": info.arch,
        "dataset": info.dataset,
        "epoch": info.epoch,
        "step": info.step,
        "test_accuracy": info.test_accuracy,
        "test_loss": info.test_loss,
        "parameters": info.parameters,
        "bytes": listed.bytes,
        "saved_at": info.saved_at,
    }
    if whole:
        row |= {key: getattr(info, key) for key in ("config", "digest", "version")}
    return row


def print_checkpoints(listed: list[CheckpointFile]) -> None:
    now = time.time()
    head = ("RUN", "KIND", "ARCH", "DATA", "EPOCH", "ACCURACY", "LOSS", "SIZE", "AGE")
    rows: list[tuple[str, ...]] = [head]
    for each in listed:
        info = each.info
        if info is None:
            name = f"{each.path.parent.name}/{each.path.name}"
            rows.append((printable(name), f"broken: {printable(each.error or '')}"))
            continue
        rows.append(
            (
                printable(each.run),
                each.kind,
                printable(info.arch),
                printable(info.dataset),
                str(info.epoch),
                format_percent(info.test_accuracy),
                format_loss(info.test_loss),
                format_size(each.bytes),
                format_age(now - info.saved_at),
            )
        )
    full = [row for row in rows if len(row) == len(head)]
    widths = [max(len(row[column]) for row in full) for column in range(len(head))]
    for row in rows:
        print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)).rstrip()
        )


def print_checkpoint(listed: CheckpointFile) -> None:
    row = checkpoint_row(listed, whole=True)
    config = row.pop("config")
    saved = format_date(row["saved_at"])
    row |= {"bytes": f"{listed.bytes:,}", "saved_at": saved, "parameters": f"{row['parameters']:,}"}
    for name, value in (row | config).items():
        said = printable(str("–" if value is None else value))
        print(f"{printable(name.replace('_', ' ')):15} {said}")
