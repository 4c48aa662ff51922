"""Everything that a run, or the engine that runs it, can be told. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import ClassVar

from core.config import TrainConfig


@dataclass(frozen=True)
class Command:
    # Its name between processes: fixed, whatever the class is called. Empty for a command that
    # never leaves this process.
    name: ClassVar[str] = ""


@dataclass(frozen=True)
class Start(Command):
    """Start a new run, or resume an earlier one from a resume point."""

    config: TrainConfig
    resume_point: ResumePoint | None = None


@dataclass(frozen=True)
class Pause(Command):
    name = "Pause"


@dataclass(frozen=True)
class Resume(Command):
    name = "Resume"


@dataclass(frozen=True)
class Stop(Command):
    """End the run where it is, and save it."""

    name = "Stop"


@dataclass(frozen=True)
class Save(Command):
    """Save the run as it is now, and go on."""

    name = "Save"


@dataclass(frozen=True)
class Detach(Command):
    """Save the run and let go of it, so that another process can go on with it."""


@dataclass(frozen=True)
class SetLearningRate(Command):
    """From now on: the rate itself, or the schedule's peak."""

    name = "SetLearningRate"

    learning_rate: float


@dataclass(frozen=True)
class Predict(Command):
    """What does the network that is training make of these test digits? The answer says who asked:
    0 is the run's own screen, others are its viewers."""

    name = "Predict"

    indices: tuple[int, ...]
    asker: int = 0


@dataclass(frozen=True)
class PredictImages(Command):
    """What does the network that is training make of these? Each is 784 bytes, row by row, 0 is
    paper and 255 ink. `asker` as in Predict."""

    name = "PredictImages"

    images: tuple[bytes, ...]
    asker: int = 0


@dataclass(frozen=True)
class OpenCheckpoint(Command):
    """What does the network in this file make of these test digits?"""

    path: str
    indices: tuple[int, ...]
    data: str | None


@dataclass(frozen=True)
class PredictImagesWith(Command):
    """What does the network in the file at `path` make of these? As in PredictImages."""

    path: str
    images: tuple[bytes, ...]


@dataclass(frozen=True)
class ScoreCheckpoint(Command):
    """How does the network in this file do on all its test digits?"""

    path: str
    data: str | None


@dataclass(frozen=True)
class DescribeNetwork(Command):
    """What are the layers of the architecture of this name?"""

    arch: str


@dataclass(frozen=True)
class Inspect(Command):
    """How do the layers of the network that is training do, in its next step? While it is paused:
    how did they do in its last one, as far as that can still be known?"""

    name = "Inspect"


@dataclass(frozen=True)
class ListDevices(Command):
    pass


@dataclass(frozen=True)
class Quit(Command):
    """End the run, if there is one, as Stop does; then end the engine."""


@dataclass(frozen=True)
class ResumePoint:
    """The run to resume and the checkpoint to load. `checkpoint` is None for a run that ended
    before its first checkpoint: it starts again from its first step."""

    folder: Path
    checkpoint: Path | None


# SimpleQueue: put never blocks and may be called from a signal handler.
Inbox = SimpleQueue[Command]
