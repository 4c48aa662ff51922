"""What `checkpoints list` and `checkpoints show` print, and the checkpoints in `runs show`."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.checkpoints.header import CheckpointInfo
from core.errors import CheckpointError
from core.models.architectures import text_of
from core.runs.catalog import CheckpointFile
from tui.cli.output.tables import print_pairs, print_table
from tui.text.formats import (
    class_labels,
    format_age,
    format_date,
    format_loss,
    format_percent,
    format_size,
    plural,
    printable,
)

HEAD = ("RUN", "KIND", "ARCH", "DATASET", "EPOCH", "ACCURACY", "LOSS", "SIZE", "AGE")
HEAD_IN_RUN = ("CHECKPOINT", "EPOCH", "STEP", "ACCURACY", "LOSS", "SIZE", "AGE")
FIELDS = (
    "arch", "dataset", "epoch", "step", "test_accuracy", "test_loss", "parameters", "input_mean",
    "input_std",
)  # fmt: skip
FULL_FIELDS = ("class_names", "routes", "config", "digest", "version")
# The text below each title but AGE, computed for the columns shown: files may be thousands.
OF_FILE: dict[str, Callable[[CheckpointFile], str]] = {
    "RUN": lambda file: file.run,
    "KIND": lambda file: file.kind,
    "CHECKPOINT": lambda file: file.path.name,
    "FILE": lambda file: f"{file.run}/{file.path.name}",
    "SIZE": lambda file: format_size(file.bytes),
}
OF_INFO: dict[str, Callable[[CheckpointInfo], str]] = {
    "ARCH": lambda info: info.arch,
    "DATASET": lambda info: info.dataset,
    "EPOCH": lambda info: str(info.epoch),
    "STEP": lambda info: f"{info.step:,}",
    "ACCURACY": lambda info: format_percent(info.test_accuracy),
    "LOSS": lambda info: format_loss(info.test_loss),
}
OPTIONAL = ("SIZE", "DATASET", "LOSS", "ARCH")  # left out in a narrow terminal, in this order


def checkpoint_row(file: CheckpointFile, *, is_full: bool = False) -> dict[str, Any]:
    """Return what `checkpoints list --json` prints of a file; `is_full` adds all others."""
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
        row |= {"network": text_of(info.spec)}
        row |= {key: getattr(info, key) for key in FULL_FIELDS}
        if info.source_digest:
            row |= {"source_digest": info.source_digest, "source": info.source}
    return row


def print_checkpoints(files: Sequence[CheckpointFile]) -> None:
    now = time.time()
    rows = [_cells(each, HEAD if each.info else ("FILE", "AGE"), now) for each in files]
    print_table(HEAD, rows, optional=OPTIONAL)


def print_checkpoints_of_run(files: Sequence[CheckpointFile]) -> None:
    now = time.time()
    print_table(HEAD_IN_RUN, [_cells(each, HEAD_IN_RUN, now) for each in files])


def _cells(file: CheckpointFile, head: Sequence[str], now: float) -> list[str]:
    """Return the cells below those titles. A broken file's error is in the place of its age."""
    info, cells = file.info, []
    for title in head:
        if title in OF_FILE:
            cells.append(OF_FILE[title](file))
        elif info is None:
            cells.append(f"broken: {file.error}" if title == "AGE" else "–")
        else:
            age = title == "AGE"
            cells.append(format_age(now - info.saved_at) if age else OF_INFO[title](info))
    return cells


def print_checkpoint(file: CheckpointFile) -> None:
    row = checkpoint_row(file, is_full=True)
    config = row.pop("config")
    row |= {"bytes": f"{file.bytes:,}", "saved_at": format_date(row["saved_at"])}
    row["parameters"] = f"{row['parameters']:,}"
    row["class_names"] = ", ".join(class_labels(row["class_names"]))
    if "source" in row:
        lines = plural(len(row["source"].splitlines()), "line")
        row["source"] = f"{lines} of Python, which --source prints"
    # Of what both have, the row says what "auto" came to.
    shown = row | config | row
    print_pairs({name: "–" if value is None else value for name, value in shown.items()})


def print_source(path: Path, info: CheckpointInfo) -> None:
    """Print the file that built a checkpoint's network: to the byte, but on a terminal with escapes
    for what could control it. Raises CheckpointError where it has none."""
    if not info.source_digest:
        raise CheckpointError(f"{path} has a network without code: there is no source")
    if sys.stdout.isatty():
        for line in info.source.splitlines():
            print(printable(line.expandtabs()))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(info.source.encode(errors="replace"))
