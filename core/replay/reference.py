"""What a run's record says of the steps after one of its checkpoints, for a replay to be held
against. No torch here."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.checkpoints.header import CheckpointInfo
from core.events import Evaluated, LearningRateChanged, Progress, RunStarted, equal_parts
from core.runs.event_reader import read_events

# A record is a checkpoint's only where these are the same.
SAME_ALWAYS = ("arch", "batch_size", "optimizer")


@dataclass(frozen=True)
class Stretch:
    """Steps, counted from 1, and the mean of their losses."""

    first: int
    last: int
    loss: float


@dataclass(frozen=True)
class Start:
    """How the steps from `step` on were made; `threads` None where that is not known."""

    step: int
    config: dict[str, Any]
    device: str
    precision: str
    threads: int | None
    ranks: int = 1  # processes that made them together


@dataclass
class Reference:
    """`starts` are the run's first and where it was taken up; `rates` are from which step on the
    learning rate was what."""

    starts: list[Start] = field(default_factory=list)
    rates: list[tuple[int, float]] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    scores: list[Evaluated] = field(default_factory=list)
    times: dict[int, float] = field(default_factory=dict)  # by step, when progress was told

    def is_of(self, info: CheckpointInfo) -> bool:
        """Whether it is of the same kind of run: a branch may change all the rest."""
        return all(
            start.config.get(name) == info.config.get(name)
            for start in self.starts
            for name in SAME_ALWAYS
        )

    def has(self, info: CheckpointInfo) -> bool:
        """Whether the run came by this checkpoint on the way that is recorded: one that was gone
        back from may have left others in the folder."""
        taken_up = any(start.step == info.step for start in self.starts)
        return taken_up or self.times.get(info.step, math.inf) <= info.saved_at

    def starts_from(self, step: int, until: int) -> list[Start]:
        """The last one up to that step, and those after it, of each step the last."""
        before = [each for each in self.starts if each.step <= step][-1:]
        after = [each for each in self.starts if step < each.step < until]
        return list({each.step: each for each in (*before, *after)}.values())

    def rate(self, step: int, otherwise: float) -> float:
        """The rate, or its schedule's peak, of the step after so many."""
        return next((rate for at, rate in reversed(self.rates) if at <= step), otherwise)


def read_reference(folder: Path) -> Reference:
    """Nothing where there is no record."""
    recorded, told = Reference(), 0
    with suppress(OSError):
        for event in read_events(folder):
            match event:
                case RunStarted(step=step) if start := _start(event):
                    recorded.starts.append(start)
                    recorded.rates.append((step, start.config["learning_rate"]))
                    told = step
                case LearningRateChanged(step=step, learning_rate=rate):
                    recorded.rates.append((step, rate))
                case Progress(step=step, losses=losses) if _are_losses(losses, step - told):
                    recorded.times[step] = event.time
                    parts = equal_parts(step - told, len(losses))
                    for (first, end), loss in zip(parts, losses, strict=True):
                        recorded.stretches.append(Stretch(told + first + 1, told + end, loss))
                    told = step
                case Evaluated():
                    recorded.scores.append(event)
    return recorded


def _start(event: RunStarted) -> Start | None:
    if not _is_number(event.config.get("learning_rate")):
        return None
    return Start(
        event.step, event.config, event.device, event.precision, event.threads, event.ranks
    )


def _are_losses(losses: tuple[float, ...], steps: int) -> bool:
    return 0 < len(losses) <= steps


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
