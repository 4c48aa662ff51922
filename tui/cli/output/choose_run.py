"""The question which of several runs in progress is meant."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from core.runs.catalog import RunInfo, read_run_info
from tui.cli.output.tables import print_table
from tui.state.history import arch_of
from tui.text.formats import format_percent

HEAD = ("", "run", "network", "epoch", "accuracy", "status", "folder")


def choose_run(folders: Sequence[Path]) -> Path | None:
    """Print the runs and ask for the number of one; return its folder, None for q or no answer."""
    runs = [
        read_run_info(folder) or RunInfo(folder, "unknown", {}, (), 0, 0.0) for folder in folders
    ]
    print(f"{len(runs)} runs are in progress:\n")
    rows = [[str(number), *_cells(run)] for number, run in enumerate(runs, 1)]
    is_one_folder = len({run.folder.parent for run in runs}) == 1
    shown = slice(0, -1 if is_one_folder else None)
    print_table(HEAD[shown], [row[shown] for row in rows], optional=("status", "network"))
    print()
    while True:
        try:
            answer = input(f"Attach to which run? Number 1 to {len(runs)}, or q to leave: ").strip()
        except EOFError:
            print()
            return None
        if answer.casefold() in ("q", "quit"):
            return None
        if answer.isdecimal() and 0 < int(answer) <= len(runs):
            return runs[int(answer) - 1].folder
        named = [run.folder for run in runs if run.name == answer]
        if len(named) == 1:
            return named[0]
        if answer:
            print(f"There is no {answer!r} in the list.")


def _cells(run: RunInfo) -> list[str]:
    latest, epochs = run.latest, run.config.get("epochs")
    epoch = "–" if latest is None or latest.epoch is None else f"{latest.epoch}/{epochs}"
    accuracy = format_percent(latest.accuracy if latest else None)
    folder = os.path.relpath(run.folder.parent)
    return [run.name, arch_of(run), epoch, accuracy, run.status, folder]
