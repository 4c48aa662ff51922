"""The state of a race: its lanes, each with the runs that it has trained."""

from __future__ import annotations

from dataclasses import dataclass

from core.events import RaceFinished, RaceStarted, RunFailed
from core.race.lane_run import LaneRun
from tui.state.run_state import Phase, RunState


@dataclass(frozen=True)
class LaneState:
    """One lane. `states` and `runs` have an entry for each seed, in the order they are trained.

    The clock of a state's curves, and its `seconds`, are those that the lane has trained: while
    the other lanes train it stands still.
    """

    name: str
    states: tuple[RunState, ...]
    runs: tuple[LaneRun, ...]
    is_dropped: bool = False


@dataclass(frozen=True)
class RaceState:
    """A race. `seed` is the number of the round under way, from 0: all lanes train with it."""

    phase: Phase = "idle"
    message: str = ""  # the newest notice or error
    started: RaceStarted | None = None
    lanes: tuple[LaneState, ...] = ()
    seed: int = 0
    verdict: RaceFinished | None = None

    @property
    def is_active(self) -> bool:
        """Whether there is a race that can be stopped."""
        return self.phase in ("preparing", "training", "paused")

    @property
    def has_ended(self) -> bool:
        """Whether it has a verdict, or has failed without one."""
        return self.verdict is not None or self.phase == "failed"

    @property
    def goal(self) -> float | None:
        """The test accuracy to reach, 0 to 1: None before the race begins, and without a goal."""
        return self.started.goal if self.started else None

    @property
    def now(self) -> tuple[RunState, ...]:
        """The state of each lane's run in the round under way, or in the last one."""
        return tuple(lane.states[self.seed] for lane in self.lanes)

    def is_of_lane(self, failure: RunFailed) -> bool:
        """Return whether a lane's run has ended with this failure."""
        return any(failure.message == state.message for state in self.now)
