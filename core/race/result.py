"""What the runs of a race have reached: standings and a winner. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.commands import RacePlan
from core.events import Evaluated, Event, Progress, RunFailed, RunFinished, RunStarted

Outcome = Literal["waiting", "training", "finished", "stopped", "diverged", "failed"]


@dataclass(frozen=True)
class Reached:
    """Where a run was when an evaluation first reached the goal."""

    epoch: int
    samples: int
    seconds: float  # trained, as in LaneRun
    accuracy: float


@dataclass(frozen=True)
class LaneRun:
    """One run of a lane, folded from its events.

    `seconds` is how long it has trained, without evaluating and saving: its samples by their
    speed. `accuracy` and `loss` are of the newest evaluation, None before the first one.
    """

    name: str = ""  # of the run
    outcome: Outcome = "waiting"
    reason: str = ""  # of a failure, as in RunFailed, and its message
    message: str = ""
    samples: int = 0
    total_samples: int = 0
    seconds: float = 0.0
    step: int = 0
    epoch: int = 0
    accuracy: float | None = None
    loss: float | None = None
    reached: Reached | None = None
    batch_size: int = 1
    steps_per_epoch: int = 1
    train_samples: int = 0

    def after(self, event: Event, goal: float | None) -> LaneRun:
        """Return the run after an event; `goal` is a test accuracy, 0 to 1."""
        match event:
            case RunStarted():
                return replace(
                    self,
                    name=event.run,
                    outcome="training",
                    step=event.step,
                    batch_size=event.batch_size,
                    steps_per_epoch=event.steps_per_epoch,
                    train_samples=event.train_samples,
                    total_samples=event.train_samples * event.epochs,
                )
            case Progress():
                samples = self._samples_at(event.step)
                speed = event.samples_per_second
                seconds = self.seconds + ((samples - self.samples) / speed if speed else 0.0)
                return replace(
                    self, step=event.step, epoch=event.epoch, samples=samples, seconds=seconds
                )
            case Evaluated():
                after = replace(self, accuracy=event.test_accuracy, loss=event.test_loss)
                if self.reached or goal is None or event.test_accuracy < goal:
                    return after
                samples = self._samples_at(event.step)
                where = Reached(event.epoch, samples, self.seconds, event.test_accuracy)
                return replace(after, reached=where)
            case RunFinished():
                outcome: Outcome = "stopped" if event.stopped else "finished"
                return replace(self, outcome=outcome, seconds=event.train_seconds)
            case RunFailed():
                outcome = "diverged" if event.reason == "diverged" else "failed"
                return replace(self, outcome=outcome, reason=event.reason, message=event.message)
        return self

    def _samples_at(self, step: int) -> int:
        """Return the samples of the first steps; the last batch of an epoch may be smaller."""
        epochs, within = divmod(step, max(1, self.steps_per_epoch))
        return epochs * self.train_samples + within * self.batch_size


@dataclass(frozen=True)
class Verdict:
    """The end of a race: the winner's lane from 0, None where there is none, and why."""

    winner: int | None
    text: str


def judge(plan: RacePlan, runs: Sequence[Sequence[LaneRun]]) -> Verdict:
    """Return the winner of a race by its goal and by the final accuracy.

    `runs` has an entry for each lane, with one run for each seed.
    """
    finished = [
        [run.accuracy for run in lane if run.outcome == "finished" and run.accuracy is not None]
        for lane in runs
    ]
    means = [sum(each) / len(each) if each else -1.0 for each in finished]
    best = max(range(len(means)), key=means.__getitem__)
    if means[best] < 0:
        return Verdict(None, "no lane has finished")
    return Verdict(best, f"{plan.lanes[best].name} has the highest test accuracy")
