"""The parts of the Why screen, in the order of their names."""

from __future__ import annotations

from typing import NamedTuple

from tui.screens.why.change import ChangePart
from tui.screens.why.ideal import IdealPart
from tui.screens.why.occlusion import OcclusionPart
from tui.screens.why.part import Part


class PartEntry(NamedTuple):
    """A part: its name, what one sees in it and what not to conclude from that, each one plain
    sentence, and its class."""

    name: str
    seen: str
    caution: str
    make: type[Part]


class LayersPart(Part):
    """The outputs of all layers."""


class MapPart(Part):
    """Test images by the activations of the last hidden layer."""


PARTS = (
    PartEntry(
        "What it looks at",
        "A patch of paper covers one place after the other: where the network becomes less sure, "
        "the place helps (+), where it becomes surer, it hurts (−).",
        "This is what counts for this network, not what a person would look at.",
        OcclusionPart,
    ),
    PartEntry(
        "Layers",
        "What each layer computes from the image, from the pixels to the prediction.",
        "A unit that is active need not matter for the prediction: switch it off to see.",
        LayersPart,
    ),
    PartEntry(
        "A small change",
        "A faint change of the image that makes the network predict another class, found by "
        "following the gradient.",
        "Smaller changes may exist. Images as they come are not changed so, and the network may be "
        "good at them all the same.",
        ChangePart,
    ),
    PartEntry(
        "Its ideal image",
        "An image that starts grey and is changed until the network is as sure of a class as it "
        "gets.",
        "Nobody would draw it so: the network is sure of many images that show nothing.",
        IdealPart,
    ),
    PartEntry(
        "Map",
        "Test images as points, close together where the last hidden layer computes something "
        "similar.",
        "Two dimensions cannot keep all distances: points that overlap may be far apart for the "
        "network.",
        MapPart,
    ),
)
