"""Checkpoints that are compared: what their headers and their runs' records say, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.checkpoints.header import CheckpointInfo, read_info
from core.errors import CheckpointError, explain, first_line
from tui.analysis.comparison import config_differences, value_text
from tui.state.history import read_run, without_digits
from tui.state.run_state import RunState
from tui.text.formats import duration, loss_text, percent

Row = tuple[str, list[str]]  # what it is called, and its text of each

FACTS: dict[str, Callable[[CheckpointInfo], str]] = {
    "network": lambda info: info.arch,
    "digits": lambda info: info.dataset,
    "parameters": lambda info: f"{info.parameters:,}",
    "after epochs": lambda info: str(info.epoch),
    "step": lambda info: f"{info.step:,}",
    "test accuracy": lambda info: percent(info.test_accuracy),
    "test loss": lambda info: loss_text(info.test_loss),
    "training time": lambda info: duration(info.train_seconds),
}


@dataclass(frozen=True)
class Compared:
    """One checkpoint as far as it could be read: its header, its run, and why not."""

    path: str
    info: CheckpointInfo | None
    run: RunState
    error: str | None

    @property
    def name(self) -> str:
        place = Path(self.path)
        return f"{place.parent.name}/{place.stem}"


def read_compared(path: str) -> Compared:
    """From its header and its run's record, without torch."""
    info, run, error = None, RunState(), None
    try:
        info = read_info(Path(path))
    except CheckpointError as failure:
        error = str(failure)
    try:
        run = without_digits(read_run(Path(path).parent))
    except Exception as failure:  # whatever is in a file, the others are compared
        why = explain(failure) if isinstance(failure, OSError) else first_line(failure)
        error = error or f"its run's record cannot be read ({why})"
    return Compared(path, info, run, error)


def difference_rows(infos: Sequence[CheckpointInfo | None]) -> tuple[list[Row], bool]:
    """What each header says, and then the settings that differ; whether none does. A dash where a
    header could not be read."""
    rows = [(name, [text(info) if info else "–" for info in infos]) for name, text in FACTS.items()]
    differ = config_differences([info.config for info in infos if info])
    rows.append(("", []))
    for name in (each.name for each in differ if each.name != "arch"):  # that is above
        values = [value_text(info.config.get(name)) if info else "–" for info in infos]
        rows.append((name.replace("_", " "), values))
    return rows, not differ
