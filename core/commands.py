"""Commands to a run, and to the engine that runs it. No torch here: screens import these.

Annotations are types and not strings: core/attach/wire.py checks what it reads against them.
"""

from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import ClassVar, dataclass_transform

from core.class_names import DIGITS
from core.config import TrainConfig
from core.events import Event
from core.responses.scores import Corruption


@dataclass_transform(frozen_default=True)
class Command:
    """A request to a run or to the engine. Each subclass becomes a frozen dataclass."""

    # Between processes: fixed, whatever the class is called. Empty for a command that never leaves
    # this process.
    name: ClassVar[str]

    def __init_subclass__(cls, *, name: str = "") -> None:
        cls.name = name
        dataclass(frozen=True)(cls)


@dataclass(frozen=True)
class ResumePoint:
    """The run to resume and the checkpoint to load. `checkpoint` is None for a run that ended
    before its first checkpoint: it starts again from its first step."""

    folder: Path
    checkpoint: Path | None


class Start(Command):
    """Start a new run, or resume an earlier one from a resume point.

    `paused`: pause before the first step.
    """

    config: TrainConfig
    resume_point: ResumePoint | None = None
    paused: bool = False


@dataclass(frozen=True)
class RaceLane:
    """One lane of a race: a config of its own, and what tells it from the others."""

    name: str
    config: TrainConfig


@dataclass(frozen=True)
class RacePlan:
    """Two to four lanes that are trained in turn on one thread.

    `by`: "samples", so that all have seen equally many images, or "time", so that all have trained
    equally long. `seeds`: how often each lane is trained, with a seed one higher each time.
    `goal`: the test accuracy (0 to 1) that the lanes race to; None: the end of their epochs.
    `changed`: the settings in which the lanes differ, names of TrainConfig.
    """

    lanes: tuple[RaceLane, ...]
    changed: tuple[str, ...]
    by: str = "samples"
    seeds: int = 1
    goal: float | None = None


class StartRace(Command):
    """Start a race; with the `folder` of an earlier one, continue it where it was."""

    plan: RacePlan
    folder: Path | None = None
    paused: bool = False


class ToLane(Command):
    """Pass a command on to the run that a lane of the race trains now. Lanes count from 0."""

    lane: int
    command: Command


class DropLane(Command, name="DropLane"):
    """End a lane of the race: its run is stopped and saved, and it has no further ones."""

    lane: int


class StopRace(Command, name="StopRace"):
    """Stop and save the runs of all lanes, and end the race."""


class Pause(Command, name="Pause"):
    """Save a checkpoint, and wait for the next command."""


class Resume(Command, name="Resume"):
    """Continue after a pause."""


class Stop(Command, name="Stop"):
    """Save a checkpoint and end the run."""


class Save(Command, name="Save"):
    """Save a checkpoint and continue."""


class Detach(Command):
    """Save a checkpoint and end the run here, so that another process can continue it."""


class SetLearningRate(Command, name="SetLearningRate"):
    """Set the learning rate, or its schedule's peak, from the next step on."""

    learning_rate: float


class Predict(Command, name="Predict"):
    """Request the predictions of the network in training for these test images.

    `asker` is copied into the response: 0 is the run's own screen, other numbers are viewers.
    """

    indices: tuple[int, ...]
    asker: int = 0


class PredictImages(Command, name="PredictImages"):
    """Request the predictions of the network in training for images of 784 bytes each, row by row,
    0 is paper and 255 is ink. `asker` as in Predict; `question` is copied into the response.
    `marks`: whether to mark those unlike the training images, which takes as long again."""

    images: tuple[bytes, ...]
    asker: int = 0
    question: int = 0
    marks: bool = True


class OpenCheckpoint(Command):
    """Request the predictions of a checkpoint's network for these test images.

    `data` is the folder of its dataset; None: the folder that it was trained from.
    """

    path: str
    indices: tuple[int, ...]
    data: str | None


class PredictImagesWith(Command):
    """Request the predictions of a checkpoint's network for images, as in PredictImages. `data` as
    in OpenCheckpoint.

    `at_once`: images unlike the training images are marked only if that takes no time.
    """

    path: str
    images: tuple[bytes, ...]
    data: str | None = None
    question: int = 0
    at_once: bool = False


class ScoreCheckpoint(Command):
    """Request the evaluation of a checkpoint's network on its test set, as it is or with a
    corruption. `data` as in OpenCheckpoint."""

    path: str
    data: str | None
    corruption: Corruption | None = None


class ScoreCorruptions(Command):
    """Request the accuracy of a checkpoint's network on its test set with every corruption, in
    parts between which training and other requests continue. `data` as in OpenCheckpoint.

    A run in this process has priority; with `gives_way` so has one in another process. The same
    request again continues where the first one was.
    """

    path: str
    data: str | None
    gives_way: bool = False


class ContinueScoring(Command):
    """The engine's command to itself: compute the next part of ScoreCorruptions. `request` is the
    one that it continues, so that a part of one that was cancelled is not computed."""

    request: int


class CancelCorruptions(Command):
    """Forget the newest ScoreCorruptions."""


class PredictUntrained(Command):
    """Request the predictions, for these test images, of the network that a run with this config
    starts from. Nothing is downloaded: see UntrainedPredicted."""

    config: TrainConfig
    indices: tuple[int, ...]


class FindRate(Command):
    """Request a search for a learning rate for a run with this config; a search in progress ends.
    `request` is copied into the responses."""

    config: TrainConfig
    request: int = 0


class CancelFindRate(Command):
    """End the search for a learning rate."""


class ContinueFindRate(Command):
    """The engine's command to itself: continue the search of that request."""

    request: int


class DescribeNetwork(Command):
    """Request the layers of a network, by its name or its text."""

    arch: str
    classes: int = len(DIGITS)


class Inspect(Command, name="Inspect"):
    """Request statistics of the layers of the network in training: of its next step, or, while
    training is paused, of the newest step as far as they are still known.

    With them come the weights of a layer and its output for the test image `index`; in a large
    layer those of some units, `unit` among them. `layer` is a name in the state dict or
    INPUT_LAYER; empty for the first layer with weights.
    """

    layer: str = ""
    index: int = 0
    unit: int = 0


class InspectCheckpoint(Command):
    """Request the same of a checkpoint's network. `data` as in OpenCheckpoint, but nothing is
    downloaded: without the dataset there are only weights."""

    path: str
    wanted: Inspect
    data: str | None


class InspectUntrained(Command):
    """Request the same of the network that a run with this config starts from; see
    PredictUntrained for its images."""

    config: TrainConfig
    wanted: Inspect


class ListDevices(Command):
    """Request the devices of this machine."""


class Quit(Command):
    """End the run, if there is one, as Stop does; then end the engine."""


class ForwardedCommand(Event, recorded=False):
    """The trainer's event for a command that it does not handle; its host does, on its thread."""

    command: Command


# SimpleQueue: put never blocks and may be called from a signal handler.
Inbox = SimpleQueue[Command]
