"""One run of a lane, folded from its events: what it has reached, and when. No torch here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.commands import RacePlan
from core.errors import exit_status
from core.events import Evaluated, Event, Progress, RunFailed, RunFinished, RunStarted

Outcome = Literal["waiting", "training", "finished", "stopped", "diverged", "failed"]


@dataclass(frozen=True)
class Reached:
    """Where a run was at an evaluation, and its test accuracy, 0 to 1."""

    epoch: int
    samples: int
    seconds: float  # trained, as in LaneRun
    accuracy: float


@dataclass(frozen=True)
class LaneRun:
    """One run of a lane, folded from its events.

    `seconds` is how long it has trained, without evaluating and saving: its samples by their
    speed. `accuracy` and `loss` are of the newest evaluation, None before the first one; `scores`
    are all evaluations, and `reached` is the first one that reached the goal.
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
    scores: tuple[Reached, ...] = ()
    batch_size: int = 1
    steps_per_epoch: int = 1
    train_samples: int = 0
    test_samples: int = 0

    def after(self, event: Event, goal: float | None) -> LaneRun:
        """Return the run after an event; `goal` is a test accuracy, 0 to 1."""
        match event:
            case RunStarted():
                return self._started(event)
            case Progress():
                samples = self.samples_at(event.step)
                speed = event.samples_per_second
                seconds = self.seconds + ((samples - self.samples) / speed if speed else 0.0)
                return replace(
                    self, step=event.step, epoch=event.epoch, samples=samples, seconds=seconds
                )
            case Evaluated():
                loss, accuracy = event.test_loss, event.test_accuracy
                return self.evaluated(event.epoch, event.step, self.seconds, accuracy, loss, goal)
            case RunFinished():
                outcome: Outcome = "stopped" if event.stopped else "finished"
                return replace(self, outcome=outcome, seconds=event.train_seconds)
            case RunFailed(reason="stopped"):  # before its first step
                return replace(self, outcome="stopped") if self.name else self
            case RunFailed():
                outcome = "diverged" if event.reason == "diverged" else "failed"
                return replace(self, outcome=outcome, reason=event.reason, message=event.message)
        return self

    def _started(self, event: RunStarted) -> LaneRun:
        """Return the run at its start, or as it continues from a step."""
        before = self if event.step else LaneRun()
        started = replace(
            before,
            name=event.run,
            outcome="training",
            step=event.step,
            batch_size=event.batch_size,
            steps_per_epoch=event.steps_per_epoch,
            train_samples=event.train_samples,
            test_samples=event.test_samples,
            total_samples=event.train_samples * event.epochs,
        )
        return replace(started, samples=started.samples_at(event.step))

    def evaluated(
        self,
        epoch: int,
        step: int,
        seconds: float,
        accuracy: float,
        loss: float,
        goal: float | None,
    ) -> LaneRun:
        """Return the run after an evaluation, when it had trained so many seconds."""
        score = Reached(epoch, self.samples_at(step), seconds, accuracy)
        has_reached = goal is not None and accuracy >= goal
        return replace(
            self,
            accuracy=accuracy,
            loss=loss,
            scores=(*self.scores, score),
            reached=self.reached or (score if has_reached else None),
        )

    def samples_at(self, step: int) -> int:
        """Return the samples of the first steps; the last batch of an epoch may be smaller."""
        epochs, within = divmod(step, max(1, self.steps_per_epoch))
        return epochs * self.train_samples + within * self.batch_size


def new_runs(plan: RacePlan) -> list[list[LaneRun]]:
    """Return the runs of a race that has not begun, by lane and seed."""
    return [[LaneRun()] * plan.seeds for _ in plan.lanes]


def has_runs_left(
    runs: Sequence[Sequence[LaneRun]], dropped: Collection[int], *, failed: bool = False
) -> bool:
    """Return whether a race that has ended can be resumed: a lane that was not dropped has a run
    that has not begun, or that was stopped or detached; with `failed` also one that failed, which
    is tried again, but not one that diverged."""
    kept = [lane for number, lane in enumerate(runs) if number not in dropped]
    left = {"waiting", "training", "stopped"} | ({"failed"} if failed else set())
    return any(run.outcome in left for lane in kept for run in lane)


def find_status(runs: Iterable[LaneRun]) -> int:
    """Return the exit status of a race: 0 if a run has finished, or all were stopped by a person,
    as for a run alone; 3 if all others diverged; else 1."""
    outcomes = {run.outcome for run in runs} - {"waiting", "stopped"}
    if not outcomes or "finished" in outcomes:
        return 0
    return exit_status("diverged" if outcomes == {"diverged"} else "error")
