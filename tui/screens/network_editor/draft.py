"""A text while it is typed: a network with its layers, or its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.errors import UsageError
from core.models.network_layers import PlannedLayer, describe_planned, plan_layers
from core.models.network_text import NetworkTextError, parse_network
from core.models.networks import Network, read_network, resolve_network
from core.models.saved_networks import NAME
from core.responses.layers import NetworkDescribed

Place = tuple[int, int]  # of a part of a text: its first character, and the one after its last
MOST_CUTS = 3


@dataclass(frozen=True)
class Draft:
    """A text as a network; or where `network` is None the problem, and the part that is wrong.

    `described` has the layers, of a text with an error those before it. `places` are where these
    layers stand in the text, None for a layer that it does not name.
    """

    network: Network | None
    described: NetworkDescribed
    places: tuple[Place | None, ...] = ()
    problem: str = ""
    wrong: Place = (0, 0)

    def layer_at(self, column: int) -> int:
        """Return the position of the layer in which, or after which, a character stands; 0 is the
        input."""
        started = [place for place in self.places if place and place[0] <= column]
        # Of a layer that is repeated, the first.
        return self.places.index(started[-1]) + 1 if started else 0

    def place_of(self, position: int) -> Place | None:
        """Return where a layer stands in the text."""
        return self.places[position - 1] if 0 < position <= len(self.places) else None


@lru_cache(maxsize=64)
def read_draft(text: str, classes: int) -> Draft:
    """Return the network of a text, which may be a name, or its error."""
    text = text.rstrip()
    try:
        # No file: only the command line names one.
        read = resolve_network if NAME.fullmatch(text) else read_network
        network = read(text, classes)
    except UsageError as error:
        wrong = error.place if isinstance(error, NetworkTextError) else (0, 0)
        before = _layers_before(text, wrong[0], classes)
        described = describe_planned(before, "", classes)
        return Draft(None, described, _places(before), str(error), wrong)
    described = describe_planned(network.layers, network.spec, classes)
    try:
        planned = plan_layers(parse_network(text), classes)
    except NetworkTextError:  # a name
        planned = ()
    return Draft(network, described, _places(planned))


def _places(layers: Sequence[PlannedLayer]) -> tuple[Place | None, ...]:
    return tuple(layer.node.place if layer.node else None for layer in layers)


def _layers_before(text: str, wrong: int, classes: int) -> tuple[PlannedLayer, ...]:
    """Return the layers of a text up to an error, so that their shapes stay in view: those before
    the newest comma outside of all blocks from which on it can be completed."""
    commas, depth = [], 0
    for at, character in enumerate(text[: wrong + 1]):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            commas.append(at)
    for end in (len(text), *commas[: -MOST_CUTS - 1 : -1]):
        try:
            layers = plan_layers(parse_network(f"{text[:end]}, linear"), classes)
        except NetworkTextError:
            continue
        added = 1 if layers[-2].node else 2  # a linear layer may flatten first
        return layers[:-added]
    return ()
