"""What `runs show` prints."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.config import FIELDS
from core.errors import CheckpointError, explain
from core.events import RunStarted
from core.models.input_scaling import DEFAULT_SCALING, InputScaling
from core.runs.catalog import RunInfo, read_run_info
from core.runs.description import NO_HISTORY
from tui.analysis.run_comparison import NO_SETTINGS, metrics_of, value_text
from tui.cli.output.charts import print_losses
from tui.cli.output.checkpoint_table import checkpoint_row, print_checkpoints_of_run
from tui.cli.output.run_table import LIVE, STAR, config_of, run_row
from tui.cli.output.tables import print_pairs
from tui.state.history import read_run
from tui.state.run_state import RunState
from tui.text.formats import (
    format_date,
    format_duration,
    format_loss,
    format_percent,
    format_size,
    printable,
)


def read_run_files(folder: Path) -> tuple[RunInfo, RunState]:
    """Return a run's files, and the state at the end of its record.

    A record that cannot be read gives a state with no more than a message. Raises CheckpointError
    if the folder has been deleted meanwhile.
    """
    run = read_run_info(folder)
    if run is None:
        raise CheckpointError(f"{folder} has been deleted")
    try:
        return run, read_run(folder)
    except OSError as error:
        return run, RunState(message=f"events.jsonl cannot be read ({explain(error)})")


def record_problem(run: RunInfo, state: RunState) -> str | None:
    """Return why a run's record shows nothing; None if it does."""
    if state.started:
        return None
    if state.message:
        return state.message
    return NO_HISTORY if run.status == "imported" else "events.jsonl has no events to show"


def mark_problem(text: str) -> str:
    """Return the text with a cross before it, unless it says no more than that weights were
    imported."""
    return text if text == NO_HISTORY else f"✗ {text}"


def show_row(run: RunInfo, state: RunState) -> dict[str, Any]:
    """Return what `runs show --json` prints."""
    started, config = state.started, config_of(run)
    return run_row(run) | {
        "config": config,
        "network": run.network,
        "class_names": run.best.class_names if run.best else started and started.class_names,
        "changed": changed_settings(config),
        "versions": run.description.get("versions"),
        "host": run.description.get("host"),
        "pid": run.description.get("pid"),
        "started": started.time if started else None,  # of a resumed run, when it was resumed
        "ended": None if run.is_live else state.last_event_time or None,
        "parameters": started.parameters if started else None,
        **{name: run.description.get(name) for name in ("routes", "input_mean", "input_std")},
        "branched_from": started.branched_from if started else None,
        "branched_at": started.branched_at if started and started.branched_from else None,
        "figures": asdict(metrics_of(state, run)),
        "record": record_problem(run, state),
        "checkpoint_files": [checkpoint_row(each) for each in run.checkpoints],
    }


def changed_settings(config: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that differ from their defaults; the dataset is chosen, not changed."""
    return {
        name: value
        for name, value in config.items()
        if name in FIELDS
        and name not in ("dataset", *NO_SETTINGS)
        and value != FIELDS[name].default
    }


def print_run(run: RunInfo, state: RunState) -> None:
    row = show_row(run, state)
    live = f"{LIVE} in progress, process {row['pid']} on {row['host']}" if run.is_live else ""
    star = f" {STAR}" if run.is_starred else ""
    print(printable(f"{run.name}{star}  {run.status}  {live}".rstrip()))
    if run.note:
        print(printable(run.note))
    problems = [each for each in (row["problem"], row["record"]) if each]
    if problems:
        print(printable(mark_problem("; ".join(problems))))
    if state.phase == "failed" and state.message:
        print(printable(f"✗ {state.message}"))
    print()
    print_pairs({name: text for name, text in _facts(run, state, row).items() if text})
    _print_config(row["config"])
    print()
    if run.checkpoints:
        print_checkpoints_of_run(run.checkpoints)
    if state.curves.losses.points and state.started:
        print()
        print_losses(state)


def _facts(run: RunInfo, state: RunState, row: dict[str, Any]) -> dict[str, str]:
    started, metrics = state.started, metrics_of(state, run)
    versions = row["versions"] if isinstance(row["versions"], dict) else {}
    parent = (
        f"{row['branched_from']} at step {row['branched_at']:,}" if row["branched_from"] else ""
    )
    best, last = format_percent(metrics.best_accuracy), format_percent(metrics.final_accuracy)
    accuracy = "" if metrics.best_accuracy is None else f"{best} best, {last} last"
    best, last = format_loss(metrics.best_test_loss), format_loss(metrics.final_test_loss)
    loss = "" if metrics.final_test_loss is None else f"{best} best, {last} last"
    seconds, speed = metrics.train_seconds, metrics.samples_per_second
    took = f"{format_duration(seconds)} training" if seconds is not None else ""
    parameters = f", {started.parameters:,} parameters" if started else ""
    images = f", {started.train_samples:,} training images" if started else ""
    epochs = f"{metrics.epochs:g} of {metrics.planned}, step {state.step:,}" if started else ""
    return {
        "folder": str(run.folder),
        "network": (row["arch"] or "–") + parameters,
        "layers": row["network"],
        "dataset": (row["dataset"] or "–") + images,
        "device": (row["device"] or "–") + (f", {started.precision}" if started else ""),
        "routes": _routes(started, row),
        "input scaling": _scaling(row),
        "branched from": parent,
        "epochs": epochs,
        "test accuracy": accuracy,
        "test loss": loss,
        "training loss": format_loss(metrics.training_loss) if started else "",
        "started": format_date(row["started"]),
        "ended": format_date(row["ended"]),
        "time": ", ".join(filter(None, [took, f"{speed:,.0f} samples/s" if speed else ""])),
        "versions": ", ".join(f"{name} {each}" for name, each in versions.items()),
        "disk space": format_size(run.bytes),
    }


def _routes(started: RunStarted | None, row: dict[str, Any]) -> str:
    """Return how steps are computed, and how long measuring that took."""
    seconds = started.route_seconds if started else 0.0
    return (row["routes"] or "") + (f", measured in {seconds:.1f} s" if seconds else "")


def _scaling(row: dict[str, Any]) -> str:
    """Return how pixels are scaled where that is not the default."""
    match row:
        case {"input_mean": float() as mean, "input_std": float() as std} if std:
            scaling = InputScaling(mean, std)
            return "" if scaling == DEFAULT_SCALING else f"{scaling.formula}, in {scaling.range}"
    return ""


def _print_config(config: dict[str, Any]) -> None:
    changed = changed_settings(config)
    defaults = {name: value_text(FIELDS[name].default) for name in changed}
    texts = {name: value_text(value) for name, value in config.items()}
    first = {name: f"{texts[name]} (default {default})" for name, default in defaults.items()}
    rest = {name: text for name, text in texts.items() if name not in changed}
    for title, pairs in (("changed settings", first), ("other settings", rest)):
        if pairs:
            print(f"\n{title}")
            print_pairs(pairs, indent="  ")
