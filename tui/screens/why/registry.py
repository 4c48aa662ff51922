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
        "What counts",
        "A background patch covers each place in turn. + speaks for the class (covered, it is "
        "less likely), − against it.",
        "This is what counts for this network; a person may look at other places.",
        OcclusionPart,
    ),
    PartEntry(
        "Layers",
        "The output of each layer for this image, large values light; below, the test images "
        "with the largest values of a unit.",
        "A unit rarely has one meaning; if you switch one off, others can replace it.",
        LayersPart,
    ),
    PartEntry(
        "A small change",
        "A small change that makes the network predict another class, found with the gradient: an "
        "adversarial example.",
        "Smaller changes may exist. Ordinary images have no such changes, so the test accuracy can "
        "still be high.",
        ChangePart,
    ),
    PartEntry(
        "Its ideal image",
        "From grey, the pixels are changed until the class is as likely as possible.",
        "The network stores no such image, and is sure of many that show no digit.",
        IdealPart,
    ),
    PartEntry(
        "Map",
        "Test images, each shown as its class: close together where their outputs of the last "
        "hidden layer are similar.",
        "The axes mix all units of that layer (PCA); other dimensions are left out: neighbours "
        "here may be far apart.",
        MapPart,
    ),
)
