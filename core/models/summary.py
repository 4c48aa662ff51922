"""A network's layers: their shapes, parameters, memory and multiply-adds for one image."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from math import prod

import torch
from torch import Tensor, nn

from core.class_names import DIGITS
from core.models.layer_kinds import conv_text, linear_text
from core.models.network_layers import INPUT
from core.models.networks import resolve_network
from core.responses.layers import FP32_BYTES, WHOLE, Layer, NetworkDescribed

# What PyTorch prints of each MaxPool2d beyond what is set, too long for a line of 80 columns.
POOLING_DEFAULTS = ", dilation=1, ceil_mode=False"


@lru_cache
def describe_network(arch: str, classes: int = len(DIGITS)) -> NetworkDescribed:
    """Describe the layers of a network by passing a blank image through it on the CPU.

    `arch` is its name or its text. Raises UsageError for what is neither.
    """
    # A run in progress must not get other random numbers.
    with torch.random.fork_rng(devices=()):
        model = resolve_network(arch, classes).build().eval()
    layers: list[Layer] = []
    counted: set[int] = set()  # parameters

    def note(name: str, module: nn.Module, _: tuple[Tensor, ...], output: object) -> None:
        if (values := as_layer_output(output)) is not None:
            layers.append(_describe(name, module, values, counted))

    for name, module in leaves(model):
        module.register_forward_hook(partial(note, name))
    with torch.inference_mode():
        model(torch.zeros(1, *INPUT))
    return NetworkDescribed(arch=arch, classes=classes, input=INPUT, layers=tuple(layers))


def leaves(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules without submodules, or with parameters besides those, with their names in a
    state dict; that of the network itself is WHOLE."""
    for name, module in model.named_modules():
        is_leaf = next(module.children(), None) is None
        if is_leaf or next(module.parameters(recurse=False), None) is not None:
            yield name or WHOLE, module


def as_layer_output(output: object) -> Tensor | None:
    """Return the output of a module as that of a layer: (N, units) or (N, channels, height,
    width). Of several tensors it is the first; None where there is none, or no batch."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor) or output.dim() < 2 or not output.numel():
        return None
    if output.dim() == 3:  # a sequence of vectors
        return output.unsqueeze(1)
    return output if output.dim() in (2, 4) else output.flatten(3)


def _describe(name: str, module: nn.Module, output: Tensor, counted: set[int]) -> Layer:
    """Describe a layer by its output (1, …). Parameters that an earlier one had do not count."""
    shape = tuple(output.shape[1:])
    is_leaf = next(module.children(), None) is None
    own = [each for each in module.parameters(recurse=is_leaf) if id(each) not in counted]
    counted.update(map(id, own))
    parameters = sum(each.numel() for each in own)
    weighs = isinstance(module, nn.Linear | nn.Conv2d)
    weight = getattr(module, "weight", None)  # which weight_norm makes a plain tensor
    return Layer(
        name=name,
        what=_layer_text(module),
        shape=shape,
        parameters=parameters,
        # Each output is a sum over one row of a Linear's weights, or one kernel of a convolution's.
        multiply_adds=prod(shape) * weight[0].numel() if weighs and weight is not None else 0,
        parameter_bytes=parameters * FP32_BYTES,
        output_bytes=prod(shape) * FP32_BYTES,
        module=_print(module),
    )


def _print(module: nn.Module) -> str:
    """Return a module as PyTorch prints it; of one with submodules, or that prints more than a
    line, its class."""
    text = repr(module).replace(POOLING_DEFAULTS, "")
    is_line = next(module.children(), None) is None and text.isprintable()
    return text if is_line else type(module).__name__


def _layer_text(module: nn.Module) -> str:
    match module:
        case nn.Linear():
            return linear_text(module.in_features, module.out_features)
        case nn.Conv2d():
            size, stride = _sides(module.kernel_size), _side(module.stride)
            return conv_text(module.in_channels, module.out_channels, size, stride)
        case nn.MaxPool2d() | nn.AvgPool2d():
            return f"{type(module).__name__.removesuffix('2d')} {_sides(module.kernel_size)}"
        case nn.ZeroPad2d():
            by = set(module.padding)
            kind = "Crop" if all(each <= 0 for each in by) else "Pad"
            return f"{kind} by {max(map(abs, by))}"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return f"BatchNorm {module.num_features}"
        case nn.Dropout():
            return f"Dropout {module.p:g}"
    return type(module).__name__


def _sides(size: int | tuple[int, ...]) -> str:
    return "×".join(map(str, size)) if isinstance(size, tuple) else f"{size}×{size}"


def _side(size: tuple[int, ...]) -> str:
    return str(size[0]) if len(set(size)) == 1 else _sides(size)
