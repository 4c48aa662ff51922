"""A mission: texts, the settings of its runs, and checks that compare metrics of these runs.

Everything here is read from a TOML file by tui/missions/loader.py; a mission holds no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core.config import FIELDS, TrainConfig

# How a run of a mission must end.
Ending = Literal["finished", "diverged"]
ENDINGS: tuple[Ending, ...] = ("finished", "diverged")
# The settings that a mission can name: those that decide what a run learns.
SETTINGS = (
    *("arch", "dataset", "epochs", "batch_size", "learning_rate", "seed", "optimizer"),
    *("momentum", "beta2", "weight_decay", "schedule", "label_smoothing", "shift", "precision"),
)
# These may have any value where a mission does not name them.
FREE = ("seed", "precision")


@dataclass(frozen=True)
class Question:
    """The prediction that is asked for first. `right` is an index of `choices`."""

    text: str
    choices: tuple[str, ...]
    right: int


@dataclass(frozen=True)
class OpenSetting:
    """A setting that the person changes: to one of `values`, or, without any, to a number from
    `least` to `most`. `start` is the value before."""

    name: str
    values: tuple[Any, ...]
    least: float | None
    most: float | None
    start: Any

    def accepts(self, value: Any) -> bool:
        if self.values:
            return any(same_value(value, each) for each in self.values)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        low = self.least is None or (is_number and value >= self.least)
        return is_number and low and (self.most is None or value <= self.most)

    @property
    def solution(self) -> Any:
        """A value that is accepted."""
        return self.values[0] if self.values else self.least if self.most is None else self.most


@dataclass(frozen=True)
class MissionRun:
    """One run that the person trains. Settings that are neither fixed nor open have their default.

    `name` is how checks and texts refer to it, `task` what the person does.
    """

    name: str
    task: str
    fixed: Mapping[str, Any]
    open: tuple[OpenSetting, ...]
    ends: Ending = "finished"

    @property
    def settings(self) -> dict[str, Any]:
        """The values that settings must have, without the open ones."""
        names = [name for name in SETTINGS if name not in FREE]
        defaults = {name: FIELDS[name].default for name in names}
        open_names = {each.name for each in self.open}
        return {k: v for k, v in (defaults | dict(self.fixed)).items() if k not in open_names}

    def start_config(self, base: TrainConfig) -> TrainConfig:
        """Return the settings before the person changes the open ones. Those that a mission does
        not name, such as the device, are those of `base`. Raises UsageError."""
        values = self.settings | {each.name: each.start for each in self.open}
        return replace(base, preset="article", **values)

    def solved_config(self, base: TrainConfig) -> TrainConfig:
        """Return settings that the mission accepts. Raises UsageError."""
        values = {each.name: each.solution for each in self.open}
        return replace(self.start_config(base), **values)


@dataclass(frozen=True)
class Operand:
    """A metric of one of the mission's runs."""

    run: str
    metric: str

    def __str__(self) -> str:
        return f"{self.run}.{self.metric}"


How = Literal["", "minus", "divided_by"]


@dataclass(frozen=True)
class Check:
    """A comparison: `left`, alone or with `right` subtracted or as its divisor, is `above` one
    number, `below` another, or `equals` one."""

    text: str
    left: Operand
    how: How = ""
    right: Operand | None = None
    above: float | None = None
    below: float | None = None
    equals: float | None = None
    name: str = ""  # by which the text of what happened may name its value

    def passes(self, value: float) -> bool:
        return (
            (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.equals is None or value == self.equals)
        )


@dataclass(frozen=True)
class Mission:
    """A mission. `happened` has metrics in braces, {RUN.METRIC}, and values of checks, {CHECK}."""

    number: int
    name: str  # of its file, without the number
    title: str
    setting: str
    question: Question
    runs: tuple[MissionRun, ...]
    checks: tuple[Check, ...]
    hints: tuple[str, str]
    happened: str
    explanation: tuple[str, str, str]
    minutes: float  # of a person's time
    path: Path
    is_own: bool = False  # whether it is one of the program's missions
    teaches: str = ""  # what it is about, in a few words

    @property
    def key(self) -> str:
        """What identifies it among the missions that were done: the path of a teacher's own."""
        return self.name if self.is_own else str(self.path)

    @property
    def needs_mnist(self) -> bool:
        """Whether the 4,000 images of the sample do not show its effect."""
        return any(run.fixed.get("dataset") == "mnist" for run in self.runs)

    def run(self, name: str) -> MissionRun:
        return next(each for each in self.runs if each.name == name)


def same_value(one: Any, other: Any) -> bool:
    """Return whether two values of a setting are the same; 1 and True are not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
