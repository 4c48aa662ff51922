"""What `checkpoints list` and `checkpoints show` print."""

import time
from typing import Any

from core.runs.catalog import CheckpointFile
from tui.cli.output.tables import print_pairs, print_table
from tui.text.formats import (
    format_age,
    format_date,
    format_loss,
    format_percent,
    format_size,
    printable,
)

HEAD = ("RUN", "KIND", "ARCH", "DATASET", "EPOCH", "ACCURACY", "LOSS", "SIZE", "AGE")
FIELDS = ("arch", "dataset", "epoch", "step", "test_accuracy", "test_loss", "parameters")
OPTIONAL = ("SIZE", "DATASET", "LOSS", "ARCH")  # left out in a narrow terminal, in this order


def checkpoint_row(file: CheckpointFile, *, is_full: bool = False) -> dict[str, Any]:
    """Return what `checkpoints list --json` prints of a file; `is_full` adds config and digest."""
    info = file.info
    if info is None:
        return {"path": str(file.path), "error": file.error}
    row = {
        "path": str(file.path),
        "run": file.run,
        "kind": file.kind,
        **{name: getattr(info, name) for name in FIELDS},
        "bytes": file.bytes,
        "saved_at": info.saved_at,
    }
    if is_full:
        row |= {key: getattr(info, key) for key in ("config", "digest", "version")}
    return row


def print_checkpoints(files: list[CheckpointFile]) -> None:
    now = time.time()
    print_table(HEAD, [_cells(each, now) for each in files], optional=OPTIONAL)


def _cells(file: CheckpointFile, now: float) -> list[str]:
    info = file.info
    if info is None:
        return [f"{file.path.parent.name}/{file.path.name}", f"broken: {file.error or ''}"]
    return [
        file.run,
        file.kind,
        info.arch,
        info.dataset,
        str(info.epoch),
        format_percent(info.test_accuracy),
        format_loss(info.test_loss),
        format_size(file.bytes),
        format_age(now - info.saved_at),
    ]


def print_checkpoint(file: CheckpointFile) -> None:
    row = checkpoint_row(file, is_full=True)
    config = row.pop("config")
    saved_at = format_date(row["saved_at"])
    row |= {"bytes": f"{file.bytes:,}", "saved_at": saved_at}
    row["parameters"] = f"{row['parameters']:,}"
    print_pairs(
        [
            (printable(name.replace("_", " ")), str("–" if value is None else value))
            for name, value in (row | config).items()
        ]
    )
