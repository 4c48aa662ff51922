"""Where the settings and metrics of several runs, or of several checkpoints, differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoints.header import CheckpointInfo, read_info
from core.errors import CheckpointError, explain
from tui.analysis.confusion import Confusion, class_scores
from tui.state.history import read_run, without_digits
from tui.state.run_state import RunState
from tui.text.formats import format_duration, format_loss, format_percent, truncate

if TYPE_CHECKING:
    from core.runs.catalog import RunInfo

MIN_COMPARED = 2
# Where a run is stored does not change its training.
NO_SETTINGS = ("checkpoints",)
LONGEST_VALUE = 200
UNKNOWN = "–"

# What a checkpoint's header says beside its settings: the row's name, and its text.
FACTS: dict[str, Callable[[CheckpointInfo], str]] = {
    "network": lambda info: info.arch,
    "dataset": lambda info: info.dataset,
    "parameters": lambda info: f"{info.parameters:,}",
    "epochs trained": lambda info: str(info.epoch),
    "step": lambda info: f"{info.step:,}",
    "test accuracy": lambda info: format_percent(info.test_accuracy),
    "test loss": lambda info: format_loss(info.test_loss),
    "training time": lambda info: format_duration(info.train_seconds),
}


def config_differences(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the settings whose values are not all the same, in the order of the configs, each
    with its value in each config; None where a config does not have it."""
    names = dict.fromkeys(name for config in configs for name in config if name not in NO_SETTINGS)
    values = {name: [each.get(name) for each in configs] for name in names}
    # As texts: to Python True and 1 are the same.
    return {name: found for name, found in values.items() if len(set(map(repr, found))) > 1}


def value_text(value: Any) -> str:
    """Return a setting's value as text; a file may hold any value."""
    text = UNKNOWN if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return truncate(text, LONGEST_VALUE)


@dataclass(frozen=True)
class RunMetrics:
    """The results of a run. Accuracies are 0 to 1; None is unknown."""

    best_accuracy: float | None
    final_accuracy: float | None
    best_test_loss: float | None
    final_test_loss: float | None
    training_loss: float | None  # the mean over the steps of the last epoch
    epochs: float | None  # trained
    planned: int | None
    samples_per_second: float | None  # the mean over the run
    train_seconds: float | None
    by_class: tuple[float | None, ...]  # accuracy of each class at the last evaluation


def metrics_of(state: RunState, run: RunInfo | None = None) -> RunMetrics:
    """Return the metrics in a run's record and, where given, in its checkpoints."""
    infos = [each.info for each in run.checkpoints if each.info] if run else []
    saved = [each.test_accuracy for each in infos if each.test_accuracy is not None]
    # The scores are the newest alone; the curves have all of them, thinned out.
    accuracies = [value for _, value in state.curves.accuracies.points]
    losses = [value for _, value in state.curves.test_losses.points]
    speeds = [value for _, value in state.curves.speeds.points]
    started, score = state.started, state.score
    seconds = infos[0].train_seconds if infos else state.seconds if started else None
    if run and run.status == "imported":
        seconds = None  # nothing was trained here
    return RunMetrics(
        best_accuracy=max(
            (*saved, *accuracies, *(each.accuracy for each in state.scores)), default=None
        ),
        final_accuracy=score.accuracy if score else None,
        best_test_loss=min((*losses, *(each.loss for each in state.scores)), default=None),
        final_test_loss=score.loss if score else None,
        training_loss=state.epoch_loss,
        epochs=round(state.step / started.steps_per_epoch, 2) if started else None,
        planned=started.epochs if started else None,
        samples_per_second=sum(speeds) / len(speeds) if speeds else None,
        train_seconds=seconds,
        by_class=class_accuracies(score.confusion if score else ()),
    )


def class_accuracies(confusion: Confusion) -> tuple[float | None, ...]:
    """Return the accuracy of each class, 0 to 1; empty for an empty confusion."""
    return tuple(each.recall for each in class_scores(confusion)) if confusion else ()


@dataclass(frozen=True)
class ComparedCheckpoint:
    """A checkpoint's header, None where it cannot be read, its run, and what could not be read."""

    path: str
    info: CheckpointInfo | None = None
    run: RunState = field(default_factory=RunState)
    error: str | None = None

    @property
    def name(self) -> str:
        path = Path(self.path)
        return f"{path.parent.name}/{path.stem}"


def read_compared(path: str) -> ComparedCheckpoint:
    """Return a checkpoint's header and the record of its run, read without torch."""
    info, run, error = None, RunState(), None
    try:
        info = read_info(Path(path))
    except CheckpointError as failure:
        error = str(failure)
    try:
        run = without_digits(read_run(Path(path).parent))
    except Exception as failure:  # whatever is in a file, the other checkpoints are compared
        why = explain(failure)
        error = error or f"the record of its run cannot be read ({why})"
    return ComparedCheckpoint(path, info, run, error)


def comparison_rows(
    infos: Sequence[CheckpointInfo | None],
) -> tuple[list[tuple[str, list[str]]], bool]:
    """Return the rows of a comparison, each a name and a text for each checkpoint: what the headers
    say, then the settings that differ; and whether all settings are the same. An unreadable header
    is a dash."""
    rows = [
        (name, [text(info) if info else UNKNOWN for info in infos]) for name, text in FACTS.items()
    ]
    differences = config_differences([info.config for info in infos if info])
    is_same = not differences
    rows.append(("", []))
    if len({info.arch for info in infos if info}) > 1:
        differences.pop("arch", None)  # the names, in the first row, are enough
    for name in differences:
        values = [value_text(info.config.get(name)) if info else UNKNOWN for info in infos]
        rows.append((name.replace("_", " "), values))
    return rows, is_same
