"""What `runs show` and `runs compare` say."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.config import FIELDS
from core.errors import CheckpointError, explain
from core.runs.catalog import RunInfo, read_run_info
from tui.analysis.run_comparison import (
    NO_SETTINGS,
    RunMetrics,
    config_differences,
    metrics_of,
    value_text,
)
from tui.charts.chart import Series, Window, build_chart, series_of, window_of
from tui.charts.overlay import build_overlay_frame, build_overlay_series
from tui.cli.output.checkpoint_table import checkpoint_row
from tui.cli.output.run_table import LIVE, STAR, run_row
from tui.cli.output.tables import (
    GAP,
    chart_preferences,
    print_chart,
    print_pairs,
    print_table,
    width_here,
)
from tui.preferences import Preferences
from tui.state.history import read_run
from tui.state.run_state import LETTERS, RunState
from tui.text.formats import (
    format_age,
    format_date,
    format_duration,
    format_loss,
    format_percent,
    format_size,
    printable,
    truncate,
)

CHART_ROWS, LABELS = 16, 9
WIDEST_CHART = 100
LONGEST_CELL = 40


@dataclass(frozen=True)
class Told:
    """One run: its files, its record, and what could not be read of that."""

    listed: RunInfo
    state: RunState
    problem: str | None

    @property
    def figures(self) -> RunMetrics:
        return metrics_of(self.state, self.listed)

    @property
    def config(self) -> dict[str, Any]:
        """As run.json has it; where there is none, as its record or its checkpoints do."""
        started, best = self.state.started, self.listed.best
        return self.listed.config or (started.config if started else best.config if best else {})


def read_told(folder: Path) -> Told:
    """Raises CheckpointError where it has gone."""
    listed = read_run_info(folder)
    if listed is None:
        raise CheckpointError(f"{folder} is no run any more")
    try:
        state, why = read_run(folder), None
    except OSError as error:
        state, why = RunState(), f"events.jsonl cannot be read ({explain(error)})"
    if why is None and state.started is None:
        why = "it has told nothing that could be shown"
    return Told(listed, state, why)


# One run


def show_row(told: Told) -> dict[str, Any]:
    """What `runs show --json` says."""
    started, described = told.state.started, told.listed.description
    return run_row(told.listed) | {
        "config": told.config,
        "changed": changed(told.config),
        "versions": described.get("versions"),
        "host": described.get("host"),
        "pid": described.get("pid"),
        "started": _began(told),
        "ended": None if told.listed.is_live else told.state.told_at or None,
        "parameters": started.parameters if started else None,
        "branched_from": started.branched_from if started else None,
        "branched_at": started.branched_at if started and started.branched_from else None,
        "figures": asdict(told.figures),
        "record": told.problem,
        "checkpoint_files": [checkpoint_row(each) for each in told.listed.checkpoints],
    }


def changed(config: dict[str, Any]) -> dict[str, Any]:
    """The settings that are not the default ones, but for the digits, which auto has chosen."""
    return {
        name: value
        for name, value in config.items()
        if name in FIELDS
        and name not in ("dataset", *NO_SETTINGS)
        and value != FIELDS[name].default
    }


def _began(told: Told) -> float | None:
    """When it began; for one that was taken up, when it was for the last time."""
    return told.state.started.time if told.state.started else None


def print_run(told: Told) -> None:
    row = show_row(told)
    listed, state, figures = told.listed, told.state, told.figures
    live = f"{LIVE} live, in process {row['pid']} on {row['host']}" if listed.is_live else ""
    stars = f" {STAR}" if listed.is_starred else ""
    print(printable(f"{listed.name}{stars}  {listed.status}  {live}".rstrip()))
    if listed.note:
        print(printable(listed.note))
    problems = [each for each in (row["problem"], told.problem) if each]
    if problems:
        print(printable(f"✗ {'; '.join(problems)}"))
    if state.phase == "failed" and state.message:
        print(printable(f"✗ {state.message}"))
    print()
    print_pairs([(name, value) for name, value in _facts(told, row, figures) if value])
    _print_config(told.config)
    print()
    _print_checkpoints(listed)
    if state.curves.losses.points and state.started:
        print()
        print_loss(state)


def _facts(told: Told, row: dict[str, Any], figures: RunMetrics) -> list[tuple[str, str]]:
    run, state = told.state.started, told.state
    versions = row["versions"] if isinstance(row["versions"], dict) else {}
    branch = (
        f"{row['branched_from']}, at step {row['branched_at']:,}" if row["branched_from"] else ""
    )
    scored = figures.final_accuracy is not None
    best = (
        f"{format_percent(figures.best_accuracy)} best, "
        f"{format_percent(figures.final_accuracy)} last"
    )
    losses = (
        f"{format_loss(figures.best_test_loss)} best, {format_loss(figures.final_test_loss)} last"
    )
    seconds, speed = figures.train_seconds, figures.samples_per_second
    took = f"{format_duration(seconds)} training" if seconds is not None else ""
    return [
        ("folder", str(told.listed.folder)),
        ("network", (row["arch"] or "–") + (f", {run.parameters:,} parameters" if run else "")),
        (
            "digits",
            (row["dataset"] or "–") + (f", {run.train_samples:,} to train on" if run else ""),
        ),
        ("device", (row["device"] or "–") + (f" in {run.precision}" if run else "")),
        ("branch of", branch),
        ("epochs", f"{figures.epochs:g} of {figures.planned}, step {state.step:,}" if run else ""),
        ("test accuracy", best if scored or figures.best_accuracy is not None else ""),
        ("test loss", losses if scored else ""),
        ("training loss", format_loss(figures.training_loss) if run else ""),
        ("started", format_date(row["started"])),
        ("ended", format_date(row["ended"])),
        ("took", ", ".join(filter(None, [took, f"{speed:,.0f} samples/s" if speed else ""]))),
        ("versions", ", ".join(f"{name} {each}" for name, each in versions.items())),
        ("on disk", format_size(told.listed.bytes)),
    ]


def _print_config(config: dict[str, Any]) -> None:
    other = changed(config)
    rows = [
        (name, f"{value_text(value)} (default {value_text(FIELDS[name].default)})")
        for name, value in other.items()
    ]
    rest = [(name, value_text(value)) for name, value in config.items() if name not in other]
    for title, pairs in (("changed settings", rows), ("other settings", rest)):
        if pairs:
            print(f"\n{title}")
            print_pairs([("  " + printable(name.replace("_", " ")), said) for name, said in pairs])


def _print_checkpoints(listed: RunInfo) -> None:
    now, rows = time.time(), []
    for each in listed.checkpoints:
        info, name = each.info, each.path.name
        if info is None:
            rows.append(
                [name, "–", "–", "–", "–", format_size(each.bytes), f"broken: {each.error}"]
            )
            continue
        accuracy, loss = format_percent(info.test_accuracy), format_loss(info.test_loss)
        figures = [str(info.epoch), f"{info.step:,}", accuracy, loss]
        rows.append([name, *figures, format_size(each.bytes), format_age(now - info.saved_at)])
    if rows:
        print_table(("CHECKPOINT", "EPOCH", "STEP", "ACCURACY", "LOSS", "SIZE", "AGE"), rows)


def print_loss(state: RunState) -> None:
    """Its losses, drawn."""
    preferences = chart_preferences(log_scale=True)
    width = _chart_width()
    window = window_of(state, preferences, width - LABELS)
    dots = "o" if preferences.ascii else "●"
    print(f"training loss (line), test loss ({dots}), log scale, by epoch")
    _print_chart(
        "loss", series_of("loss", state, (), preferences, window), preferences, window, width
    )


def _chart_width() -> int:
    width = width_here()
    return max(40, min(width, WIDEST_CHART)) if width < 1000 else 80


def _print_chart(
    kind: str, series: Sequence[Series], preferences: Preferences, window: Window, width: int
) -> None:
    try:
        text = build_chart(kind, series, preferences, window, (width, CHART_ROWS))
    except (ArithmeticError, ValueError, IndexError) as error:
        # RunMetrics that no run has, by somebody else's hand.
        print(f"✗ the curve cannot be drawn: {error}")
        return
    print_chart(text, preferences)


# Several


def compared_rows(runs: Sequence[Told]) -> dict[str, Any]:
    """What `runs compare --json` says."""
    return {
        "runs": [
            run_row(each.listed) | {"record": each.problem} | asdict(each.figures) for each in runs
        ],
        "config_differences": {
            each.name: list(each.values) for each in config_differences([r.config for r in runs])
        },
    }


def print_compared(runs: Sequence[Told]) -> None:
    letters = LETTERS[: len(runs)]
    for letter, each in zip(letters, runs, strict=True):
        problems = f"  ✗ {each.problem}" if each.problem else ""
        print(printable(f"{letter}  {each.listed.name}  {each.listed.status}{problems}"))
    print()
    table: list[list[str]] = [
        [name, *values] for name, values in figure_texts([each.figures for each in runs])
    ]
    differ = config_differences([each.config for each in runs])
    # A long one leaves room for the others.
    most = max(1, min(LONGEST_CELL, (width_here() - 20) // len(runs) - len(GAP)))
    table += [["", *[""] * len(runs)]] if differ else []
    for setting in differ:
        values = [truncate(printable(value_text(value)), most) for value in setting.values]
        table.append([setting.name.replace("_", " "), *values])
    print_table(["", *letters], table)
    if not differ:
        print("\ntheir settings are the same")
    classes = [each.figures.by_class for each in runs]
    if any(classes):
        print("\naccuracy per class, at the last evaluation")
        rows = [
            [str(number), *(format_percent(each[number]) if each else "–" for each in classes)]
            for number in range(10)
        ]
        print_table(["is", *letters], rows)
    states = [each.state for each in runs]
    _print_overlaid("loss", "training loss, log scale, by epoch", states)
    _print_overlaid("accuracy", "test accuracy, by epoch", states)


def _print_overlaid(kind: str, title: str, states: list[RunState]) -> None:
    frame, width = build_overlay_frame(states), _chart_width()
    preferences = chart_preferences(log_scale=kind == "loss")
    if frame.started is None:
        return
    window = window_of(frame, preferences, width - LABELS)
    series = build_overlay_series(kind, states, preferences, window)
    if any(each.points for each in series):
        print(f"\n{title}")
        _print_chart(kind, series, preferences, window, width)


def figure_texts(figures: Sequence[RunMetrics]) -> list[tuple[str, list[str]]]:
    """Names of figures, and each one's value in words."""

    def of(name: str, text: Any) -> list[str]:
        values = [getattr(each, name) for each in figures]
        return ["–" if value is None else text(value) for value in values]

    done = ["–" if e.epochs is None else f"{e.epochs:g} of {e.planned}" for e in figures]
    return [
        ("best test accuracy", of("best_accuracy", format_percent)),
        ("last test accuracy", of("final_accuracy", format_percent)),
        ("best test loss", of("best_test_loss", format_loss)),
        ("last test loss", of("final_test_loss", format_loss)),
        ("training loss", of("training_loss", format_loss)),
        ("epochs", done),
        ("samples/s", of("samples_per_second", "{:,.0f}".format)),
        ("training time", of("train_seconds", format_duration)),
    ]
