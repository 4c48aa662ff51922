"""Compute the shapes, parameters and multiply-adds of the layers of a network's text.

No torch here, so that a form follows what is typed at no cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from core.data.batches import SIDE
from core.models.layer_kinds import KINDS, conv_text, linear_text
from core.models.network_text import REPEAT, SKIP, NetworkTextError, Node
from core.responses.layers import FP32_BYTES, Layer, NetworkDescribed

INPUT = (1, SIDE, SIDE)  # channels, height and width
STACK = "stack."  # before the layers' numbers
# Before the names of a checkpoint's tensors that are no weights.
STATE_PREFIXES = ("optimizer.", "rng.")
# So that a text from a file builds nothing large.
MOST_PARAMETERS, MOST_OUTPUTS = 50_000_000, 1_000_000

Shape = tuple[int, ...]


@dataclass(frozen=True)
class PlannedLayer:
    """A layer as it will be built. `inputs` and `outputs` are the shapes (channels, height, width)
    or (units,) for one image; `name` is that of its module in a state dict. `node` is None for a
    flatten layer that is not in the text."""

    name: str
    node: Node | None
    inputs: Shape
    outputs: Shape
    parameters: int = 0
    multiply_adds: int = 0  # of a forward pass; 0 without weights

    @property
    def kind(self) -> str:
        return self.node.kind if self.node else "flatten"

    @property
    def what(self) -> str:
        """Its kind and sizes, in the words of core/models/summary.py."""
        numbers = self.node.numbers if self.node else ()
        title = KINDS[self.kind].title
        match self.kind:
            case "linear":
                return linear_text(self.inputs[0], self.outputs[0])
            case "conv":
                size, stride = (f"{each:g}" for each in numbers[1:3])
                return conv_text(self.inputs[0], self.outputs[0], f"{size}×{size}", stride)
            case "maxpool" | "avgpool":
                return f"{title} {numbers[0]:g}×{numbers[0]:g}"
            case "crop":
                return f"{title} by {numbers[0]:g}"
            case "batchnorm":
                return f"{title} {self.inputs[0]}"
            case "dropout":
                return f"{title} {numbers[0]:g}"
        return title


def describe_planned(layers: Sequence[PlannedLayer], spec: str, classes: int) -> NetworkDescribed:
    """Describe a network as core/models/summary.py does, without building it: what PyTorch prints
    of each module is left out."""
    described = (
        Layer(
            name=each.name,
            what=each.what,
            shape=each.outputs,
            parameters=each.parameters,
            multiply_adds=each.multiply_adds,
            parameter_bytes=each.parameters * FP32_BYTES,
            output_bytes=prod(each.outputs) * FP32_BYTES,
        )
        for each in layers
    )
    return NetworkDescribed(arch=spec, classes=classes, input=INPUT, layers=tuple(described))


def plan_layers(nodes: Sequence[Node], classes: int) -> tuple[PlannedLayer, ...]:
    """Return the layers of a network, blocks opened. Raises NetworkTextError where one does not fit
    the output of the one before it."""
    layers: list[PlannedLayer] = []
    total = 0
    for layer in _plan(nodes, INPUT, STACK, classes, nodes[-1]):
        layers.append(layer)
        total += layer.parameters
        if total > MOST_PARAMETERS:
            raise NetworkTextError(
                f"{layer.node}: a network can have {MOST_PARAMETERS:,} parameters, and with this "
                f"layer it has {total:,}",
                _place(layer),
            )
        if (count := prod(layer.outputs)) > MOST_OUTPUTS:
            raise NetworkTextError(
                f"{layer.node}: a layer can have {MOST_OUTPUTS:,} outputs for an image, and this "
                f"has {count:,}",
                _place(layer),
            )
    return tuple(layers)


def _place(layer: PlannedLayer) -> tuple[int, int]:
    return layer.node.place if layer.node else (0, 0)


def _plan(
    nodes: Sequence[Node], shape: Shape, prefix: str, classes: int, last: Node
) -> Iterator[PlannedLayer]:
    """Yield the layers of a text or a block, whose input has that shape."""
    for place, node in enumerate(nodes):
        name = f"{prefix}{place}"
        if node.body:
            body = node.body * int(node.numbers[0]) if node.kind == REPEAT else node.body
            before = shape
            for layer in _plan(body, shape, f"{name}.", classes, last):
                yield layer
                shape = layer.outputs
            if node.kind == SKIP and shape != before:
                raise NetworkTextError(
                    f"skip adds its input, {describe_shape(before)}, to its output, which is "
                    f"{describe_shape(shape)}: they must agree",
                    node.place,
                )
            continue
        if node.kind == "linear" and len(shape) > 1:
            flat = (prod(shape),)
            is_first = (prefix, place) == (STACK, 0)
            yield PlannedLayer(f"{'' if is_first else prefix}flatten", None, shape, flat)
            shape = flat
        layer = _plan_layer(name, node, shape, classes, is_last=node is last)
        yield layer
        shape = layer.outputs


def _plan_layer(
    name: str, node: Node, shape: Shape, classes: int, *, is_last: bool
) -> PlannedLayer:
    match node.kind:
        case "linear":
            units = _linear_outputs(node, classes, is_last=is_last)
            weights = shape[0] * units
            return PlannedLayer(name, node, shape, (units,), weights + units, weights)
        case "conv":
            channels, size, stride, pad = map(int, node.numbers)
            sides = _slide(node, shape, size, stride, pad)
            kernel = shape[0] * size * size
            outputs = (channels, *sides)
            parameters = channels * (kernel + 1)
            return PlannedLayer(name, node, shape, outputs, parameters, prod(outputs) * kernel)
        case "maxpool" | "avgpool":
            size = int(node.numbers[0])
            return PlannedLayer(name, node, shape, (shape[0], *_slide(node, shape, size, size)))
        case "crop":
            margin = int(node.numbers[0])
            sides = _image_sides(node, shape)
            _check_sides(node, sides, 2 * margin + 1)
            left = tuple(side - 2 * margin for side in sides)
            return PlannedLayer(name, node, shape, (shape[0], *left))
        case "flatten":
            return PlannedLayer(name, node, shape, (prod(shape),))
        case "batchnorm":
            return PlannedLayer(name, node, shape, shape, 2 * shape[0])
    return PlannedLayer(name, node, shape, shape)


def _linear_outputs(node: Node, classes: int, *, is_last: bool) -> int:
    if node.numbers and is_last and node.numbers[0] != classes:
        raise NetworkTextError(
            f"{node}: the last layer has one output for each class of the dataset: leave its "
            "number out",
            node.place,
        )
    if not node.numbers and not is_last:
        raise NetworkTextError(
            "linear: only the last layer needs no number; this one needs its outputs, as in "
            "linear 128",
            node.place,
        )
    return int(node.numbers[0]) if node.numbers else classes


def _image_sides(node: Node, shape: Shape) -> Shape:
    if len(shape) == 1:
        raise NetworkTextError(f"{node} needs an image, and gets {shape[0]:,} values", node.place)
    return shape[1:]


def _slide(node: Node, shape: Shape, size: int, stride: int, pad: int = 0) -> Shape:
    """Return the height and width of the output of a window that slides over an image."""
    sides = tuple(side + 2 * pad for side in _image_sides(node, shape))
    _check_sides(node, sides, size)
    return tuple((side - size) // stride + 1 for side in sides)


def _check_sides(node: Node, sides: Shape, least: int) -> None:
    if min(sides) < least:
        got = describe_shape(sides)
        raise NetworkTextError(f"{node} needs at least {least}×{least}, and gets {got}", node.place)


def describe_shape(shape: Shape) -> str:
    """Return a shape in words: "16×10×10", "784 values"."""
    return "×".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]:,} values"
