"""A run's metrics as rows, one for each event that has some."""

from dataclasses import dataclass, fields
from pathlib import Path

from core.events import Evaluated, Progress, RunStarted
from core.runs.event_reader import read_events


@dataclass(frozen=True)
class MetricsRow:
    """The metrics of one event; None for those that it does not have. `time` in unix seconds."""

    step: int
    epoch: int
    time: float
    loss: float | None = None
    learning_rate: float | None = None
    samples_per_second: float | None = None
    gradient_norm: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None


COLUMNS = tuple(each.name for each in fields(MetricsRow))


def read_rows(folder: Path) -> tuple[list[MetricsRow], int]:
    """Return a run's metrics, and the number of damaged lines in its events.jsonl.

    Raises OSError.
    """
    rows: list[MetricsRow] = []
    damaged = 0
    for event in read_events(folder):
        match event:
            case None:
                damaged += 1
            case RunStarted(step=step):
                # The run was resumed at that step: later steps were trained again.
                while rows and rows[-1].step > step:
                    rows.pop()
            case Progress() | Evaluated():
                rows.append(to_row(event))
    return rows, damaged


def to_row(event: Progress | Evaluated) -> MetricsRow:
    return MetricsRow(**{name: value for name, value in vars(event).items() if name in COLUMNS})
