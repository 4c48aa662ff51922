"""Build the modules of a network that is written as text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from math import prod

from torch import Tensor, nn
from torch.nn import functional

from core.models.network_layers import PlannedLayer, plan_layers
from core.models.network_text import REPEAT, SKIP, Node

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leakyrelu": nn.LeakyReLU,
    "silu": nn.SiLU,
    "flatten": nn.Flatten,
}

_WIDEST = "widest_output"
FLATTEN = "flatten"  # the name of a flatten layer that is not in the text


class Skip(nn.Sequential):
    """Layers whose input is added to their output."""

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input)


class BatchNorm1d(nn.BatchNorm1d):
    """PyTorch's BatchNorm1d, which refuses to train on one value a channel.

    The last batch of an epoch may be one image: it is normalized with the running statistics.
    """

    def forward(self, input: Tensor) -> Tensor:
        return _normalize_one(self, input) if _is_one(self, input) else super().forward(input)


class BatchNorm2d(nn.BatchNorm2d):
    """PyTorch's BatchNorm2d, with the same exception."""

    def forward(self, input: Tensor) -> Tensor:
        return _normalize_one(self, input) if _is_one(self, input) else super().forward(input)


def _is_one(norm: nn.Module, input: Tensor) -> bool:
    """Return whether a layer trains on an input (N, C, …) of one value a channel."""
    return norm.training and input.numel() == input.shape[1]


def _normalize_one(norm: nn.BatchNorm1d | nn.BatchNorm2d, input: Tensor) -> Tensor:
    return functional.batch_norm(
        input, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    )


def build_linear(classes: int) -> nn.Module:
    """Return the network `linear`, whose one layer is `fc1` as in the article's class."""
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), fc1=nn.Linear(784, classes)))


def build_network(nodes: Sequence[Node], classes: int) -> nn.Module:
    """Return a network that maps scaled images (N, 1, 28, 28) to logits (N, classes).

    A state dict has the keys `stack.0.weight` and so on, in the order of the text; those of a block
    are `stack.N.0.weight` and so on. Raises NetworkTextError.
    """
    layers = plan_layers(nodes, classes)
    modules = _build(nodes, iter(layers))
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if next(iter(modules)) == FLATTEN:  # before the stack, as in the article's class
        parts[FLATTEN] = modules.pop(FLATTEN)
    network = nn.Sequential(OrderedDict(parts, stack=nn.Sequential(modules)))
    setattr(network, _WIDEST, max(prod(each.outputs) for each in layers))
    return network


def widest_output(model: nn.Module) -> int:
    """Return how many values the widest layer of a network has for an image, 1 if unknown."""
    return getattr(model, _WIDEST, 1)


def _build(nodes: Sequence[Node], planned: Iterator[PlannedLayer]) -> OrderedDict[str, nn.Module]:
    """Return the modules of a text or a block by their names. A flattening that the text does not
    name takes no number, so that the layers are numbered as in the text."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for place, node in enumerate(nodes):
        if node.body:
            is_skip = node.kind == SKIP
            body = node.body * int(node.numbers[0]) if node.kind == REPEAT else node.body
            inner = _build(body, planned)
            modules[str(place)] = Skip(inner) if is_skip else nn.Sequential(inner)
            continue
        layer = next(planned)
        if layer.node is None:
            modules[FLATTEN] = nn.Flatten()
            layer = next(planned)
        modules[str(place)] = _build_layer(layer, node)
    return modules


def _build_layer(layer: PlannedLayer, node: Node) -> nn.Module:
    whole = [int(each) for each in node.numbers]
    match node.kind:
        case "linear":
            return nn.Linear(layer.inputs[0], layer.outputs[0])
        case "conv":
            channels, size, stride, pad = whole
            return nn.Conv2d(layer.inputs[0], channels, size, stride, pad)
        case "maxpool":
            return nn.MaxPool2d(whole[0])
        case "avgpool":
            return nn.AvgPool2d(whole[0])
        case "crop":
            return nn.ZeroPad2d(-whole[0])
        case "batchnorm":
            is_image = len(layer.inputs) > 1
            return BatchNorm2d(layer.inputs[0]) if is_image else BatchNorm1d(layer.inputs[0])
        case "dropout":
            return nn.Dropout(node.numbers[0])
    return ACTIVATIONS[node.kind]()
