"""A lane of a race while it trains: the run that it has open, and the inbox of that run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue

from core.commands import Command, Inbox, ResumePoint
from core.config import TrainConfig
from core.events import Event
from core.training.turns import Turn

# Opens a run: its events, given its config, its inbox, where to resume it, and its turns.
OpenRun = Callable[[TrainConfig, Inbox, ResumePoint | None, Turn], Iterator[Event]]


class Nudge(Command):
    """Makes a lane yield an event, so that the race can pass a command on."""


class LaneInbox(SimpleQueue[Command]):
    """The inbox of a lane's run. Looking into it also passes on what has come for the race."""

    def __init__(self, pass_on: Callable[[], None]) -> None:
        super().__init__()
        self._pass_on = pass_on

    def empty(self) -> bool:
        self._pass_on()
        return super().empty()


@dataclass
class Lane:
    """A lane in one round: a run that is open, or has ended."""

    number: int
    seed: int
    config: TrainConfig
    inbox: LaneInbox
    turn: Turn
    events: Iterator[Event] | None = None  # None: it has ended
    samples: int = 0
    seconds: float = 0.0
    is_waiting: bool = False
    turn_seconds: float = 0.0  # of the newest turn, and its samples
    turn_samples: int = 0
