"""Questions to a network about why it answers as it does. No torch here.

Annotations are types and not strings, as in core/commands.py.
"""

from core.commands import Command
from core.config import TrainConfig
from core.responses.explanations import Unit

# A run accepts no more from a viewer: of ExplainMap, besides the test images; units that are off.
MOST_MAP_IMAGES = 100
MOST_OFF = 256


class ExplainOcclusion(Command, name="ExplainOcclusion"):
    """Request what each place of an image contributes to the class `target`, None for the predicted
    one; with `other`, to that class rather than the other.

    This and the next five are questions to the network in training, answered in parts between its
    steps; OfCheckpoint and OfUntrained ask another network. `image` is 784 bytes as in
    PredictImages, as the network gets them. `asker` is as in Predict; it has one question at a
    time, and a new one cancels the one before. `question` is copied into the answers. With `keeps`
    it is about the same weights as the asker's last question, not about the newest.
    """

    image: bytes
    target: int | None = None
    other: int | None = None
    keeps: bool = False
    asker: int = 0
    question: int = 0


class ExplainLayers(Command, name="ExplainLayers"):
    """Request the outputs of all layers for an image, and what a unit weighs and what excites it;
    without a unit, the first one that has weights. The units `off` are switched off."""

    image: bytes
    unit: Unit | None = None
    off: tuple[Unit, ...] = ()
    keeps: bool = False
    asker: int = 0
    question: int = 0


class ScoreWithoutUnits(Command, name="ScoreWithoutUnits"):
    """Request the test accuracy with those units switched off."""

    off: tuple[Unit, ...]
    keeps: bool = False
    asker: int = 0
    question: int = 0


class ExplainChange(Command, name="ExplainChange"):
    """Request a small change of an image that turns its prediction into the class `target`."""

    image: bytes
    target: int
    keeps: bool = False
    asker: int = 0
    question: int = 0


class ExplainIdeal(Command, name="ExplainIdeal"):
    """Request an image that the network is surest to be of a class, formed from grey."""

    target: int
    keeps: bool = False
    asker: int = 0
    question: int = 0


class ExplainMap(Command, name="ExplainMap"):
    """Request test images by their activations in the last hidden layer, in two dimensions, and the
    given images among them."""

    images: tuple[bytes, ...] = ()
    keeps: bool = False
    asker: int = 0
    question: int = 0


Question = (
    ExplainOcclusion | ExplainLayers | ScoreWithoutUnits | ExplainChange | ExplainIdeal | ExplainMap
)


class CancelExplanation(Command, name="CancelExplanation"):
    """Cancel the asker's question that is being answered."""

    asker: int = 0


class ForgetAsker(Command):
    """A run's message to its engine: this viewer has disconnected, and its number is not used again
    in the run."""

    asker: int


class OfCheckpoint(Command):
    """Ask the network of a checkpoint. `data` as in OpenCheckpoint, but nothing is downloaded."""

    path: str
    question: Question
    data: str | None


class OfUntrained(Command):
    """Ask the network that a run with this config starts from; see PredictUntrained for its test
    images."""

    config: TrainConfig
    question: Question


class ContinueExplaining(Command):
    """The engine's command to itself: compute the next part of an answer."""
