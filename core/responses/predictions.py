"""The responses to requests for predictions: an image and its prediction each."""

from core.class_names import DIGITS
from core.digit import Digit
from core.events import Event


class Predicted(Event, name="predicted", recorded=False, serializable=False):
    """The response to Predict and OpenCheckpoint. `source` is the checkpoint's path; None for the
    network in training."""

    digits: tuple[Digit, ...]
    samples: int  # in the test set
    step: int
    source: str | None = None
    seconds: float = 0.0  # that training waited for this response
    asker: int = 0  # as in Predict


class UntrainedPredicted(Event, recorded=False, serializable=False):
    """The response to PredictUntrained. `dataset` is the one of `digits`: that of the config, or
    one that is on this machine in its place; empty where there is none, and so no digits."""

    arch: str
    seed: int
    dataset: str = ""
    digits: tuple[Digit, ...] = ()
    labels: bytes = b""  # of all test images, as pack_labels returns them
    class_names: tuple[str, ...] = DIGITS


class ImagesPredicted(Event, name="images_predicted", recorded=False, serializable=False):
    """The response to PredictImages and PredictImagesWith: a Digit without a label for each image.
    `source`, `seconds` and `asker` as in Predicted; `question` is the request's."""

    digits: tuple[Digit, ...]
    step: int
    source: str | None = None
    seconds: float = 0.0
    asker: int = 0
    question: int = 0


class CheckpointRefused(Event, name="checkpoint_refused", recorded=False):
    """The response to a request about a checkpoint file that cannot be read."""

    path: str
    message: str
