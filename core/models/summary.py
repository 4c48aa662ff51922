"""A network's layers: their shapes, parameters, memory and multiply-adds for one image."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from math import prod

import torch
from torch import Tensor, nn

from core.class_names import DIGITS
from core.data.batches import SIDE
from core.models.networks import resolve_network
from core.responses import Layer, NetworkDescribed

FP32_BYTES = 4
# What PyTorch prints of each MaxPool2d beyond what is set, too long for a line of 80 columns.
POOLING_DEFAULTS = ", dilation=1, ceil_mode=False"
INPUT = (1, SIDE, SIDE)


@lru_cache
def describe_network(arch: str, classes: int = len(DIGITS)) -> NetworkDescribed:
    """Describe the layers of a network by passing a blank image through it on the CPU.

    `arch` is its name or its text. Raises UsageError for what is neither.
    """
    # A run in progress must not get other random numbers.
    with torch.random.fork_rng(devices=()):
        model = resolve_network(arch, classes).build().eval()
    layers: list[Layer] = []

    def note(name: str, module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        layers.append(_describe(name, module, output))

    for name, module in leaves(model):
        module.register_forward_hook(partial(note, name))
    with torch.inference_mode():
        model(torch.zeros(1, *INPUT))
    return NetworkDescribed(arch=arch, classes=classes, input=INPUT, layers=tuple(layers))


def leaves(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules without submodules, with their names in a state dict."""
    for name, module in model.named_modules():
        if next(module.children(), None) is None:
            yield name, module


def _describe(name: str, module: nn.Module, output: Tensor) -> Layer:
    """Describe a layer by its output (1, …)."""
    shape = tuple(output.shape[1:])
    parameters = sum(each.numel() for each in module.parameters())
    weighs = isinstance(module, nn.Linear | nn.Conv2d)
    return Layer(
        name=name,
        what=_layer_text(module),
        shape=shape,
        parameters=parameters,
        # Each output is a sum over one row of a Linear's weights, or one kernel of a convolution's.
        multiply_adds=prod(shape) * module.get_parameter("weight")[0].numel() if weighs else 0,
        parameter_bytes=parameters * FP32_BYTES,
        output_bytes=prod(shape) * FP32_BYTES,
        module=repr(module).replace(POOLING_DEFAULTS, ""),
    )


def _layer_text(module: nn.Module) -> str:
    match module:
        case nn.Linear():
            return f"Linear {module.in_features}→{module.out_features}"
        case nn.Conv2d():
            size = _sides(module.kernel_size)
            stride = "" if set(module.stride) == {1} else f", stride {_side(module.stride)}"
            return f"Conv {module.in_channels}→{module.out_channels}, {size}{stride}"
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
