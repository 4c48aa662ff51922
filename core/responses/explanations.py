"""The responses to questions about why a network answers as it does: see core/explain."""

from dataclasses import dataclass, field

from core.class_names import DIGITS
from core.digit import Digit
from core.events import Event
from core.responses.layers import LayerOutput, WeightImages


class Explanation(Event, recorded=False, serializable=False):
    """What all of them have. Each is emitted again as the work proceeds, with more in it.

    `done` is the share of the work, 0 to 1, and the last one has 1. All are about one snapshot of
    the weights, that of `step`. `source` is the checkpoint's path, or UNTRAINED; None for the
    network in training. `asker` is as in Predict, `question` the number of the question.
    """

    step: int
    done: float
    source: str | None = None
    arch: str = ""
    asker: int = 0
    question: int = 0


class OcclusionExplained(
    Explanation, name="occlusion_explained", recorded=False, serializable=False
):
    """The response to ExplainOcclusion: what each place of an image contributes to a class.

    `costs` are 784 bytes, row by row, as those of WeightImages: above 128 where the score falls if
    a patch of paper covers the place, so that it helps; below 128 where it rises. The score of a
    class is its log-odds against all others; with `other`, its logit less that of the other class.
    """

    digit: Digit  # the image, with the snapshot's prediction
    target: int
    other: int | None
    score: float  # of the image as it is
    costs: bytes = field(repr=False)
    largest: float  # the change of the score that 1 and 255 stand for


@dataclass(frozen=True)
class Unit:
    """A feature of a linear layer or a channel of a convolution: `layer` is its name in the state
    dict."""

    layer: str
    number: int


class LayersExplained(Explanation, name="layers_explained", recorded=False, serializable=False):
    """The response to ExplainLayers: the outputs of all layers for an image, and one unit.

    `outputs` are those of the layers in order with the units `off` at 0, that of the input first;
    of a convolution or a pooling (channels, height, width). `weights` are those of the units of the
    layer `unit.layer`, None where it has none that can be drawn. `exciting` are the test images
    with the largest values of the unit among those searched so far, the largest first, and
    `excitations` those values; both are empty without test images. All units are switched on for
    them. A value of a channel is the mean over its places.
    """

    digit: Digit  # with the snapshot's prediction, all units switched on
    without: Digit  # the same with the units `off` at 0
    outputs: tuple[LayerOutput, ...] = field(repr=False)
    unit: Unit
    weights: WeightImages | None = field(repr=False)
    exciting: tuple[Digit, ...] = field(repr=False)
    excitations: tuple[float, ...]
    off: tuple[Unit, ...]


class UnitsScored(Explanation, name="units_scored", recorded=False, serializable=False):
    """The response to ScoreWithoutUnits: how many of the test images seen so far are predicted
    correctly, by the network as it is and with the units `off` at 0."""

    off: tuple[Unit, ...]
    samples: int  # evaluated so far
    correct: int
    correct_without: int


class ChangeExplained(Explanation, name="change_explained", recorded=False, serializable=False):
    """The response to ExplainChange: a small change of an image that turns its prediction into
    another class.

    `changed` is the image with the change, of whole grey levels, and its prediction; None before
    one was found. `distance` is the Euclidean norm of the change, of pixels from 0 to 1.
    """

    digit: Digit  # the image, with the snapshot's prediction
    target: int
    changed: Digit | None
    distance: float


class IdealExplained(Explanation, name="ideal_explained", recorded=False, serializable=False):
    """The response to ExplainIdeal: an image, formed from grey, that the network is surest to be of
    a class."""

    ideal: Digit  # as it is so far, with its prediction
    target: int


class MapExplained(Explanation, name="map_explained", recorded=False, serializable=False):
    """The response to ExplainMap: test images by the activations of the last hidden layer,
    projected to two dimensions.

    `xs` and `ys` are the coordinates of the images `indices` of the test set, `labels` their true
    classes and `predicted` the predicted ones. `own_xs`, `own_ys` and `own_predicted` are those of
    the images that were sent with the question. `shares` are the shares of the variance in the two
    dimensions. All are empty before `done` is 1.
    """

    layer: str  # the name of the last hidden layer
    indices: tuple[int, ...] = field(repr=False)
    xs: tuple[float, ...] = field(repr=False)
    ys: tuple[float, ...] = field(repr=False)
    labels: tuple[int, ...] = field(repr=False)
    predicted: tuple[int, ...] = field(repr=False)
    own_xs: tuple[float, ...]
    own_ys: tuple[float, ...]
    own_predicted: tuple[int, ...]
    shares: tuple[float, ...]
    class_names: tuple[str, ...] = DIGITS


class ExplanationRefused(Event, name="explanation_refused", recorded=False):
    """The response to a question that has no answer: `message` says why."""

    message: str
    source: str | None = None
    asker: int = 0
    question: int = 0
