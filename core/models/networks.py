"""A network by its name, its text or its file, for a number of classes. No torch here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from core.class_names import DIGITS
from core.errors import UsageError
from core.models.architectures import ARCHITECTURES, CUSTOM, Architecture
from core.models.layer_kinds import KINDS
from core.models.network_file.named import SPEC, TRIED, Facts, NetworkFile, find_file, is_file_spec
from core.models.network_layers import PlannedLayer, plan_layers
from core.models.network_text import NetworkTextError, normalize_text, parse_network
from core.models.saved_networks import find_saved

if TYPE_CHECKING:
    from torch import nn

# Networks with convolutions train faster in bf16 from about this many parameters on.
BF16_PARAMETERS = 10_000
LONGEST_LAYERS = 20
ALLOWED = (
    f"one of {', '.join(ARCHITECTURES)}, the name of a saved network, or layers such as "
    '"conv 16 3, relu, maxpool 2, linear"'
)


@dataclass(frozen=True)
class Network:
    """A network for a number of classes.

    `name` is one of ARCHITECTURES or "custom"; `text` is its text in the form that is stored, of
    one that code in a `file` builds the file's NetworkFile.spec.
    """

    name: str
    text: str
    classes: int = len(DIGITS)
    file: NetworkFile | None = None

    @property
    def spec(self) -> str:
        """What names it in a config: one of ARCHITECTURES, else its text."""
        return self.text if self.name == CUSTOM else self.name

    @property
    def key(self) -> str:
        """A text that identifies it: its spec, and the number of classes unless there are ten."""
        return self.spec if self.classes == len(DIGITS) else f"{self.spec} ({self.classes} classes)"

    @property
    def architecture(self) -> Architecture | None:
        return ARCHITECTURES.get(self.name)

    @property
    def facts(self) -> Facts | None:
        """The measurements of one from a file; None where this process has not tried it yet."""
        return TRIED.get((self.file, self.classes)) if self.file else None

    def try_out(self) -> None:
        """Try one from a file, unless this process has done so: that measures its `facts`. Raises
        UsageError where the file is wrong."""
        if self.file:
            from core.models.network_file.checks import try_network

            try_network(self.file, self.classes)

    @property
    def layers(self) -> tuple[PlannedLayer, ...]:
        """Its layers; none for one from a file."""
        if self.file:
            return ()
        layers = _plan(self.text, self.classes)
        if self.name == "linear":  # with names of its own
            flatten, linear = layers
            return replace(flatten, name="flatten"), replace(linear, name="fc1")
        return layers

    @property
    def parameters(self) -> int:
        if facts := self.facts:
            return facts.parameters
        return sum(each.parameters for each in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Those of a forward pass of one image."""
        if facts := self.facts:
            return facts.multiply_adds
        return sum(each.multiply_adds for each in self.layers)

    @property
    def gains_from_bf16(self) -> bool:
        """Whether it usually trains faster in bf16 where the hardware has it."""
        convolutions = sum(each.kind == "conv" for each in self.layers)
        if facts := self.facts:
            convolutions = facts.convolutions
        return convolutions > 0 and self.parameters >= BF16_PARAMETERS

    @property
    def may_draw(self) -> bool:
        """Whether it may draw random numbers while it trains."""
        return self.file is not None or any(each.kind == "dropout" for each in self.layers)

    @property
    def sizes(self) -> str:
        """Its layers in at most 20 characters, to show beside the name."""
        if self.file:
            facts = self.facts
            return f"{facts.convolutions} conv + {facts.linears} linear" if facts else "your file"
        kinds = [each.kind for each in self.layers]
        linear = [each for each in self.layers if each.kind == "linear"]
        if convolutions := kinds.count("conv"):
            return f"{convolutions} conv + {len(linear)} linear"
        text = "→".join(str(each.inputs[0]) for each in linear) + f"→{self.classes}"
        return text if len(text) <= LONGEST_LAYERS else f"{len(linear)} linear"

    def build(self) -> nn.Module:
        """Return it with random weights: scaled images (N, 1, 28, 28) to logits (N, classes).

        Raises UsageError for one from a file that is wrong.
        """
        from core.models.build_network import build_linear, build_network

        if self.file:
            from core.models.network_file.build import build_module

            self.try_out()
            return build_module(self.file, self.classes)
        if self.name == "linear":
            return build_linear(self.classes)
        return build_network(parse_network(self.text), self.classes)


@lru_cache
def _plan(text: str, classes: int) -> tuple[PlannedLayer, ...]:
    return plan_layers(parse_network(text), classes)


def resolve_network(spec: str, classes: int = len(DIGITS)) -> Network:
    """Return the network of a built-in or saved name, of a text, or of the file named on this
    command line.

    Raises UsageError, of a text NetworkTextError.
    """
    if known := ARCHITECTURES.get(spec):
        return Network(known.name, known.text, classes)
    if is_file_spec(spec):
        file = find_file(spec)
        # As it was stored: a copy of the file under another name is the same network.
        return Network(CUSTOM, spec if SPEC.fullmatch(spec) else file.spec, classes, file)
    return read_network(find_saved(spec) or spec, classes)


@lru_cache
def read_network(text: str, classes: int = len(DIGITS)) -> Network:
    """Return the network of a text. Raises NetworkTextError."""
    nodes = parse_network(text)
    plan_layers(nodes, classes)  # raises the errors of shapes
    text = normalize_text(text)
    return Network(text if text in ARCHITECTURES else CUSTOM, text, classes)


def stated_outputs(spec: str) -> int | None:
    """Return the number of the last layer of a text, which needs none; None where it has none.

    Raises UsageError as resolve_network.
    """
    if spec in ARCHITECTURES or is_file_spec(spec):
        return None
    numbers = parse_network(find_saved(spec) or spec)[-1].numbers
    return int(numbers[0]) if numbers else None


def normalize_spec(spec: str) -> str:
    """Return a name or a text as it is stored, the text without the number of its last layer.

    Raises UsageError as resolve_network.
    """
    return resolve_network(spec, stated_outputs(spec) or len(DIGITS)).spec


def check_spec(spec: object, classes: int | None = None) -> str | None:
    """Return why a value is not a network for so many classes, by default for as many as it has
    outputs, in words that continue "--arch"; or None."""
    if not isinstance(spec, str):
        return f"must be {ALLOWED}, not {spec!r}"
    try:
        resolve_network(spec, classes or stated_outputs(spec) or len(DIGITS))
    except NetworkTextError as error:
        is_name = is_meant_as_name(spec)
        why = f"cannot be built: {error}{_describe_place(spec, error)}"
        return f"must be {ALLOWED}, not {spec!r}" if is_name else why
    except UsageError as error:
        return f"cannot be used: {error}" if is_file_spec(spec) else f"cannot be read: {error}"
    return None


def is_meant_as_name(spec: str) -> bool:
    """Return whether a text that is not a network was meant as a name, not as layers."""
    return bool(re.fullmatch(r"[\w.-]*", spec)) and spec not in KINDS


def _describe_place(text: str, error: NetworkTextError) -> str:
    """Return where the error is, where its part occurs more than once in the text."""
    first, end = error.place
    is_unique = first == end or text.count(text[first:end]) == 1
    return "" if is_unique else f", at character {first + 1}"


def build_untrained(network: Network, seed: int) -> nn.Module:
    """Return the network with the weights that a run with this seed starts from.

    They are drawn on the CPU, so that a seed gives the same on every device; PyTorch's random
    numbers continue from there.
    """
    import torch

    torch.manual_seed(seed)
    return network.build()


def build_blank(network: Network) -> nn.Module:
    """Return the network to inspect or to load weights into, without memory for its own weights.
    Code from a file may not support that, so its network has weights. Random numbers stay as they
    are."""
    import torch

    if network.file:
        with torch.random.fork_rng(devices=()):
            return network.build()
    with torch.device("meta"):
        return network.build()
