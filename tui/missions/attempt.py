"""One attempt at a mission, as the screen shows it: a frozen MissionAttempt."""

from __future__ import annotations

from dataclasses import dataclass

from core.config import TrainConfig
from tui.missions.mission import Mission, MissionRun, same_value
from tui.missions.watcher import MissionStatus


@dataclass(frozen=True)
class MissionAttempt:
    """A mission whose prediction is made.

    `choice` is the index of the choice that was predicted. `run` is the name of the mission's run
    whose settings the form has.
    """

    mission: Mission
    choice: int | None  # None: there is no prediction any more
    status: MissionStatus
    run: str = ""
    hints: int = 0  # that are shown
    is_expanded: bool = False  # in a small window, which else shows a few lines
    is_training: bool = False  # whether a run is in progress
    is_other_run: bool = False  # a run that does not belong to the mission is in progress
    following: Mission | None = None  # the next mission

    @property
    def is_done(self) -> bool:
        return self.status.phase == "done"

    @property
    def task(self) -> MissionRun:
        """The run of the mission whose settings the form has."""
        return self.mission.run(self.run) if self.run else self.mission.runs[0]

    @property
    def place(self) -> int:
        """The number of that run, from 1 on."""
        return self.mission.runs.index(self.task) + 1

    @property
    def open_settings(self) -> frozenset[str]:
        """The names of the settings that can be changed now: the seed too where the advice is to
        take another."""
        opened = {each.name for each in self.task.open}
        needs_seed = self.status.phase in ("wrong", "stuck") and "seed" in self.status.advice
        return frozenset(opened | ({"seed"} if needs_seed else set()))

    def fits(self, config: TrainConfig) -> bool:
        """Return whether a config has the values of the settings that are locked."""
        return all(
            name in self.open_settings or same_value(getattr(config, name), value)
            for name, value in self.task.settings.items()
        )
