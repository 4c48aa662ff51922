"""Layers in words: what kinds of them do, and what one of them costs and how it trains."""

import math
from collections.abc import Iterable

from core.models.layer_kinds import KINDS, WEIGHTED
from core.responses.layers import DeadUnits, Layer, LayerNorms, NetworkDescribed, NetworkInspected
from tui.text.formats import format_size

# The usual size of a step's update relative to the weights.
LOWEST, HIGHEST = 1e-4, 1e-2
FEW, MANY = 0.1, 0.5  # shares of dead ReLUs

INPUT_TEXT = "The pixels of a test image, scaled as the network was trained: the input."
NO_WEIGHTS = " It has no weights."
EXPLANATIONS = {
    each.title: each.does + NO_WEIGHTS * (name not in WEIGHTED) for name, each in KINDS.items()
}


def explain(layer: Layer) -> str:
    return EXPLANATIONS.get(layer.kind, layer.module)


def costs(layer: Layer) -> list[str]:
    """Return a layer's parameters, work and memory."""
    parts = []
    if layer.parameters:
        parts.append(f"{layer.parameters:,} parameters")
    if layer.multiply_adds:
        parts.append(f"{layer.multiply_adds:,} mult-adds")
    return [*parts, format_size(layer.bytes)]


def training(name: str, inspected: NetworkInspected, updated: NetworkInspected | None) -> list[str]:
    """Return a layer's gradient and update, or its dead units, as far as they are known."""
    now = {layer.name: layer for layer in inspected.layers}.get(name)
    moved = {layer.name: layer for layer in (updated or inspected).layers}.get(name)
    relu = {relu.name: relu for relu in inspected.relus}.get(name)
    parts = []
    if now and now.gradient is not None:
        parts.append(f"gradient {gradient(now)}")
    if moved and moved.update is not None:
        parts.append(f"update {update(moved)}")
    if relu:
        parts.append(f"dead units {dead(relu).strip()}")
    return parts


def pack(parts: Iterable[str], width: int) -> list[str]:
    """Return the parts in lines, with a dot between two of a line."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return lines


def gradient(layer: LayerNorms | None) -> str:
    return "" if layer is None else "–" if layer.gradient is None else shorten(layer.gradient)


def update(layer: LayerNorms | None) -> str:
    """Return the size of the update relative to the weights, marked where it is unusual."""
    if layer is None:
        return ""
    if layer.update is None or not layer.weight:
        return "–"
    ratio = layer.update / layer.weight
    text = shorten(ratio, ".0e")
    if ratio < LOWEST:
        return f"{text} ▼ small"
    return text if ratio <= HIGHEST else f"{text} ▲ large"


def dead(relu: DeadUnits | None) -> str:
    """Return the share of dead units, and a word for it."""
    if relu is None:
        return ""
    share = relu.dead / relu.units
    word = "none" if not relu.dead else "few" if share < FEW else "some"
    word = "▲ many" if share >= MANY else word
    return f"{share:4.0%} {'▲ all' if relu.dead == relu.units else word}"


def whole_gradient(inspected: NetworkInspected) -> str:
    norms = [each.gradient for each in inspected.layers if each.gradient is not None]
    return shorten(math.hypot(*norms)) if norms else ""


def shorten(value: float, form: str = ".2g") -> str:
    """Return a number in few characters: 3e-4 where formatting gives 3e-04."""
    mantissa, _, exponent = format(value, form).partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def first_weighted(network: NetworkDescribed) -> int:
    """Return the position of the first layer with weights; the input has position 0."""
    found = (place for place, layer in enumerate(network.layers, 1) if layer.parameters)
    return next(found, 0)
