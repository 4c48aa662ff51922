"""A run's figures in rows, one for each time that it told some."""

from dataclasses import dataclass, fields
from pathlib import Path

from core.events import Evaluated, Progress, RunStarted
from core.runs.event_reader import read_events


@dataclass(frozen=True)
class Row:
    """What one event tells; None for what it does not. `time` is in unix seconds."""

    step: int
    epoch: int
    time: float
    loss: float | None = None
    learning_rate: float | None = None
    samples_per_second: float | None = None
    gradient_norm: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None


NAMES = tuple(each.name for each in fields(Row))


def rows_of(folder: Path) -> tuple[list[Row], int]:
    """A run's figures, one row for each time that it told some; and how many lines of its record
    could not be read. Raises OSError.
    """
    rows: list[Row] = []
    broken = 0
    for event in read_events(folder):
        match event:
            case None:
                broken += 1
            case RunStarted(step=step):
                # It was taken up there: what was told of later is told anew.
                while rows and rows[-1].step > step:
                    rows.pop()
            case Progress() | Evaluated():
                rows.append(row_of(event))
    return rows, broken


def row_of(event: Progress | Evaluated) -> Row:
    return Row(**{name: value for name, value in vars(event).items() if name in NAMES})
