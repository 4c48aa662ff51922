"""What `runs compare` prints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from core.class_names import name_of
from core.runs.catalog import RunInfo
from tui.analysis.run_comparison import RunMetrics, config_differences, metrics_of, value_text
from tui.cli.output.charts import print_overlaid
from tui.cli.output.run_report import mark_problem, record_problem
from tui.cli.output.run_table import config_of, run_row
from tui.cli.output.tables import GAP, output_width, print_table
from tui.state.run_state import LETTERS, RunState
from tui.text.formats import format_duration, format_loss, format_percent, printable, truncate

NAME_COLUMNS, MOST_VALUE_COLUMNS = 20, 40

METRICS: dict[str, Callable[[RunMetrics], str]] = {
    "best test accuracy": lambda run: format_percent(run.best_accuracy),
    "last test accuracy": lambda run: format_percent(run.final_accuracy),
    "best test loss": lambda run: format_loss(run.best_test_loss),
    "last test loss": lambda run: format_loss(run.final_test_loss),
    "training loss": lambda run: format_loss(run.training_loss),
    "epochs": lambda run: "–" if run.epochs is None else f"{run.epochs:g} of {run.planned}",
    "samples/s": lambda run: _format(run.samples_per_second, "{:,.0f}".format),
    "training time": lambda run: _format(run.train_seconds, format_duration),
}

Runs = Sequence[tuple[RunInfo, RunState]]


def _format(value: float | None, format: Callable[[float], str]) -> str:
    return "–" if value is None else format(value)


def comparison_row(runs: Runs) -> dict[str, Any]:
    """Return what `runs compare --json` prints."""
    return {
        "runs": [
            run_row(run) | {"record": record_problem(run, state)} | asdict(metrics_of(state, run))
            for run, state in runs
        ],
        "config_differences": config_differences([config_of(run) for run, _ in runs]),
    }


def print_comparison(runs: Runs) -> None:
    letters = LETTERS[: len(runs)]
    for letter, (run, state) in zip(letters, runs, strict=True):
        problem = record_problem(run, state)
        remark = f"  {mark_problem(problem)}" if problem else ""
        print(printable(f"{letter}  {run.name}  {run.status}{remark}"))
    print()
    metrics = [metrics_of(state, run) for run, state in runs]
    table = [[name, *map(text, metrics)] for name, text in METRICS.items()]
    differences = config_differences([config_of(run) for run, _ in runs])
    # A long value must leave columns for the other runs.
    width = (output_width() - NAME_COLUMNS) // len(runs) - len(GAP)
    width = max(1, min(MOST_VALUE_COLUMNS, width))
    table += [["", *[""] * len(runs)]] if differences else []
    for name, values in differences.items():
        archs = [run.arch for run, _ in runs]
        # Networks with different names differ by these; others by their layers.
        values = archs if name == "arch" and len(set(archs)) > 1 else values
        texts = [truncate(printable(value_text(value)), width) for value in values]
        table.append([name.replace("_", " "), *texts])
    print_table(["", *letters], table)
    if not differences:
        print("\nno setting differs")
    states = [state for _, state in runs]
    by_class = [
        {name_of(state.class_names, number): share for number, share in enumerate(each.by_class)}
        for each, state in zip(metrics, states, strict=True)
    ]
    _print_class_accuracies(letters, by_class)
    print_overlaid("loss", "training loss by epoch, log scale", states)
    print_overlaid("accuracy", "test accuracy by epoch", states)


def _print_class_accuracies(letters: str, runs: Sequence[Mapping[str, float | None]]) -> None:
    """Print the accuracies by the names of the classes, which a run need not have."""
    names = dict.fromkeys(name for each in runs for name in each)
    if names:
        print("\naccuracy of each class, at the last evaluation")
        rows = [
            [
                truncate(printable(name), NAME_COLUMNS),
                *(format_percent(each.get(name)) for each in runs),
            ]
            for name in names
        ]
        print_table(["class", *letters], rows)
