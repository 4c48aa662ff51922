"""The parts of the Why screen, in the order of their names."""

from __future__ import annotations

from typing import NamedTuple

from tui.screens.why.change import ChangePart
from tui.screens.why.ideal import IdealPart
from tui.screens.why.layers.part import LayersPart
from tui.screens.why.map.part import MapPart
from tui.screens.why.occlusion import OcclusionPart
from tui.screens.why.part import Part


class PartEntry(NamedTuple):
    """A part: its name, what one sees in it and what not to conclude from that, each one plain
    sentence, and its class."""

    name: str
    seen: str
    caution: str
    make: type[Part]


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
        "What each layer computes from this image: light is a large output; below are the test "
        "images with the largest outputs of the chosen unit.",
        "A unit rarely has one meaning; one switched off says little, others fill in.",
        LayersPart,
    ),
    PartEntry(
        "A small change",
        "A small change of the image that makes the network predict another class, found by "
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
        "Test images, each drawn as the sign of its class: close together where the last hidden "
        "layer finds them alike.",
        "The axes have no meaning of their own, and two of many dimensions hide the rest: what "
        "overlaps here may be far apart for the network.",
        MapPart,
    ),
)
