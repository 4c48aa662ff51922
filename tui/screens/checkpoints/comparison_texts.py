"""The texts of the comparison: which letter is which checkpoint, and the table of settings."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import set_cell_size
from textual.content import Content

from core.checkpoints.header import CheckpointInfo
from tui.analysis.run_comparison import ComparedCheckpoint, comparison_rows
from tui.screens.checkpoints.evaluation_queue import EvaluationQueue
from tui.state.run_state import LETTERS
from tui.text.formats import format_percent, printable, truncate

NAME_WIDTH = 17  # of the names of the settings
MIN_VALUE_WIDTH = 8


def legend(compared: Sequence[ComparedCheckpoint], queue: EvaluationQueue, width: int) -> Content:
    """Return a line for each checkpoint: its letter, its name and its accuracy, or an error."""
    lines = []
    for letter, each in zip(LETTERS, compared, strict=False):
        text = _result(each, queue)
        shown = truncate(f" {letter}  {printable(each.name)}  {printable(text)}", width)
        lines.append(Content(shown).stylize(f"$series-{letter}", 0, 3))
    return Content("\n").join(lines)


def _result(compared: ComparedCheckpoint, queue: EvaluationQueue) -> str:
    path = compared.path
    evaluation, error = queue.evaluations.get(path), queue.errors.get(path) or compared.error
    tested = ""
    if evaluation:
        accuracy = format_percent(evaluation.test_accuracy)
        tested = f"test accuracy {accuracy} on {evaluation.dataset}"
    if error:
        return "  ".join(filter(None, (tested, f"✗ {error}".replace(f"{path} ", ""))))
    return tested or ("evaluating…" if path == queue.current else "waiting")


def settings_table(infos: Sequence[CheckpointInfo | None], width: int) -> Content:
    """Return the rows of a comparison, at most `width` columns wide."""
    rows, are_same = comparison_rows(infos)
    value_width = max(MIN_VALUE_WIDTH, (width - NAME_WIDTH - 2) // len(infos) - 2)
    table = [("", list(LETTERS[: len(infos)])), *rows]
    if are_same:
        table.append(("All settings are the same.", []))
    lines = []
    for name, values in table:
        cells = [
            set_cell_size(truncate(printable(value), value_width), value_width) for value in values
        ]
        head = set_cell_size(name, NAME_WIDTH) if values else name
        lines.append(Content.styled(head, "$text-muted") + Content("  ".join(["", *cells])))
    return Content("\n").join(lines)
