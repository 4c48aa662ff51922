"""What events.jsonl has of a run's steps, for a replay to be compared with. No torch here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any

from core.checkpoints.header import CheckpointInfo
from core.events import Evaluated, LearningRateChanged, Progress, RunStarted, equal_parts
from core.runs.event_reader import read_events

# The events belong to a checkpoint only where these settings are the same.
SAME_ALWAYS = ("arch", "batch_size", "optimizer")


@dataclass(frozen=True)
class MeanLoss:
    """The mean loss of the steps `first` to `last`, counted from 1."""

    first: int
    last: int
    loss: float


@dataclass(frozen=True)
class Segment:
    """How the steps after `step` were trained, up to where the run was next resumed.

    `threads` is None where it is not known.
    """

    step: int
    config: dict[str, Any]
    device: str
    precision: str
    threads: int | None
    ranks: int = 1
    routes: str = ""  # as --routes takes them; "" where it is not known


@dataclass
class Reference:
    """A run's segments and metrics; `rates` are steps, each with the learning rate from there."""

    segments: list[Segment] = field(default_factory=list)
    rates: list[tuple[int, float]] = field(default_factory=list)
    mean_losses: list[MeanLoss] = field(default_factory=list)
    evaluations: list[Evaluated] = field(default_factory=list)
    times: dict[int, float] = field(default_factory=dict)  # of progress events, by step

    def is_of(self, info: CheckpointInfo) -> bool:
        """Whether a checkpoint can be of this run; a branch may change all other settings."""
        return all(
            segment.config.get(name) == info.config.get(name)
            for segment in self.segments
            for name in SAME_ALWAYS
        )

    def has(self, info: CheckpointInfo) -> bool:
        """Whether a checkpoint lies on the recorded path.

        A run that returned to an earlier step may have left others in its folder.
        """
        is_start = any(segment.step == info.step for segment in self.segments)
        return is_start or self.times.get(info.step, inf) <= info.saved_at

    def segments_from(self, step: int, until: int) -> list[Segment]:
        """Return the segments of the steps from `step` to `until`, the last where several start."""
        before = [each for each in self.segments if each.step <= step][-1:]
        after = [each for each in self.segments if step < each.step < until]
        return list({each.step: each for each in (*before, *after)}.values())

    def rate(self, step: int, otherwise: float) -> float:
        """Return the learning rate, or a schedule's peak, of the step after `step`."""
        return next((rate for at, rate in reversed(self.rates) if at <= step), otherwise)


def read_reference(folder: Path) -> Reference:
    """Read events.jsonl; return an empty reference where there is none."""
    reference, done = Reference(), 0
    with suppress(OSError):
        for event in read_events(folder):
            match event:
                case RunStarted(config={"learning_rate": int() | float() as lr}) if isfinite(lr):
                    done = event.step
                    how = event.config, event.device, event.precision, event.threads
                    segment = Segment(done, *how, ranks=event.ranks, routes=event.routes)
                    reference.segments.append(segment)
                    reference.rates.append((done, lr))
                case LearningRateChanged(step=step, learning_rate=rate):
                    reference.rates.append((step, rate))
                case Progress(step=step, losses=losses) if 0 < len(losses) <= step - done:
                    reference.times[step] = event.time
                    parts = equal_parts(step - done, len(losses))
                    for (first, end), loss in zip(parts, losses, strict=True):
                        reference.mean_losses.append(MeanLoss(done + first + 1, done + end, loss))
                    done = step
                case Evaluated():
                    reference.evaluations.append(event)
    return reference
