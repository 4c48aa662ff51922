"""The metrics that missions compare: functions of a run's state.

To add one: its line in METRICS.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tui.analysis.loss_trends import training_loss_before
from tui.state.run_state import RunState
from tui.text.formats import format_loss, format_percent, format_rate


@dataclass(frozen=True)
class RunMetric:
    """A metric, None where a run does not have it yet, and the least and most that it can be."""

    title: str
    value: Callable[[RunState], float | None]
    format: Callable[[float], str]
    least: float = 0.0
    most: float = math.inf
    is_share: bool = False  # so that a difference is in percentage points


def first_loss(state: RunState) -> float | None:
    """Return the training loss of the first step, which is the untrained network's."""
    run, points = state.started, state.curves.losses.points
    return points[0][1] if run and points and points[0][0] == 1 else None


def training_loss(state: RunState) -> float | None:
    """Return the mean training loss of the last epoch that is complete."""
    if not state.score:
        return None
    is_its_end = state.epoch_loss is not None and state.step == state.score.step
    return state.epoch_loss if is_its_end else training_loss_before(state, state.score)


def test_loss(state: RunState) -> float | None:
    return state.score.loss if state.score else None


def test_accuracy(state: RunState) -> float | None:
    return state.score.accuracy if state.score else None


def least_test_loss(state: RunState) -> float | None:
    return min((loss for _, loss in state.curves.test_losses.points), default=None)


def best_epoch(state: RunState) -> float | None:
    """Return the epoch with the least test loss."""
    points = state.curves.test_losses.points  # a state keeps fewer scores
    if not points or not state.started:
        return None
    step, _ = min(points, key=lambda point: point[1])
    return round(step / state.started.steps_per_epoch)


def best_accuracy(state: RunState) -> float | None:
    return max((each for _, each in state.curves.accuracies.points), default=None)


def one_class_share(state: RunState) -> float | None:
    """Return the share of test images that are predicted as the class most often predicted."""
    counts = state.score.confusion if state.score else ()
    predicted = [sum(column) for column in zip(*counts, strict=True)]
    return max(predicted) / sum(predicted) if sum(predicted) else None


def _of_start(name: str) -> Callable[[RunState], float | None]:
    return lambda state: getattr(state.started, name) if state.started else None


def _of_config(name: str) -> Callable[[RunState], float | None]:
    def find(state: RunState) -> float | None:
        value = state.started.config.get(name) if state.started else None
        return float(value) if isinstance(value, int | float) else None

    return find


def format_count(value: float) -> str:
    return f"{value:,.0f}"


METRICS = {
    "first_loss": RunMetric("loss of the first step", first_loss, format_loss),
    "training_loss": RunMetric("training loss of the last epoch", training_loss, format_loss),
    "test_loss": RunMetric("test loss", test_loss, format_loss),
    "least_test_loss": RunMetric("least test loss", least_test_loss, format_loss),
    "best_epoch": RunMetric("epoch of the least test loss", best_epoch, format_count),
    "test_accuracy": RunMetric("test accuracy", test_accuracy, format_percent, 0, 1, True),
    "best_accuracy": RunMetric("best test accuracy", best_accuracy, format_percent, 0, 1, True),
    "one_class_share": RunMetric(
        "share of test images predicted as one class", one_class_share, format_percent, 0, 1, True
    ),
    "dead_units": RunMetric(
        "share of ReLU units that are dead", lambda s: s.dead_units, format_percent, 0, 1, True
    ),
    "parameters": RunMetric("parameters", _of_start("parameters"), format_count),
    "steps": RunMetric("training steps", lambda state: state.step, format_count),
    "epochs_done": RunMetric(
        "epochs trained", lambda state: state.score.epoch if state.score else 0, format_count
    ),
    "learning_rate": RunMetric("learning rate", _of_config("learning_rate"), format_rate),
    "batch_size": RunMetric("batch size", _of_config("batch_size"), format_count),
    "seed": RunMetric("seed", _of_config("seed"), format_count),
}
