"""The layers that a network's text can have, explained from their registry."""

from collections.abc import Mapping

from core.models.architectures import ARCHITECTURES
from core.models.layer_kinds import KINDS, Kind

BLOCKS = {
    "3 x (…)": "Repeats the layers in the brackets.",
    "skip (…)": "Adds the input of the layers in the brackets to their output, which must have the "
    "same shape.",
}


def explain_kind(kind: Kind) -> str:
    """Return what a layer does, its numbers, and its options with their defaults."""
    numbers = ", ".join(each.name for each in kind.numbers)
    options = ", ".join(f"{each.name} ({each.default:g})" for each in kind.options)
    parts = [kind.does]
    if numbers:
        parts.append(f"Number{'s' * (len(kind.numbers) > 1)}: {numbers}.")
    if kind.optional:
        parts.append("The last layer needs no number: it has one output for each class.")
    if options:
        parts.append(f"Options: {options}.")
    return " ".join(parts)


def layer_texts() -> dict[str, str]:
    """Return an example of each layer and block, and what it does."""
    return {kind.example or name: explain_kind(kind) for name, kind in KINDS.items()} | BLOCKS


def explain_layers() -> dict[str, Mapping[str, str]]:
    """Return the sections of the help on texts of networks."""
    examples = {each.name: each.text for each in ARCHITECTURES.values()}
    return {"Layers of a network": layer_texts(), "The built-in networks as text": examples}
