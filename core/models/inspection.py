"""What a network's layers hold: their weights, and their outputs for one image, as bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from core.models.summary import as_layer_output, leaves
from core.responses.layers import INPUT_LAYER, DeadUnits, LayerOutput, WeightImages

# Limits of one response: more than a screen shows, and little for a connection.
MOST_IMAGES, MOST_BYTES = 64, 2**16
ZERO, FARTHEST = 128, 127  # the byte of 0, and how far from it those of the largest values are

ROUNDING = 1 + 1e-6  # float32 is not exact
USUAL, MOST_MEASURED = 0.995, 50_000  # the share of weights within the colours; how many are sorted

Shape = tuple[int, ...]
Hook = Callable[[str, nn.Module, tuple[Tensor, ...], object], None]


@dataclass(frozen=True)
class LayerPass:
    """A layer with its output for one image. `inputs` is the shape (channels, height, width) of
    what it computes that from: the one before it was flattened, of a vector (units, 1, 1)."""

    name: str
    module: nn.Module
    output: Tensor
    inputs: Shape


@contextmanager
def _hooked(model: nn.Module, hook: Hook) -> Iterator[None]:
    """Call the hook with the output of each layer, in evaluation mode and without gradients;
    afterwards the network is as it was."""
    mode = model.training
    with ExitStack() as hooks, torch.inference_mode():
        for name, module in leaves(model):
            hooks.callback(module.register_forward_hook(partial(hook, name)).remove)
        hooks.callback(model.train, mode)
        model.eval()
        yield


def pass_image(model: nn.Module, image: Tensor) -> tuple[list[LayerPass], tuple[float, ...]]:
    """Pass an image (1, C, H, W) through the network; return its layers, and the logits."""
    passes: list[LayerPass] = []
    shape: Shape = tuple(image.shape[1:])  # of the newest output, before it was flattened

    def note(name: str, module: nn.Module, _: tuple[Tensor, ...], given: object) -> None:
        nonlocal shape
        if (output := as_layer_output(given)) is None:
            return
        passes.append(LayerPass(name, module, output[0], shape))
        is_vector = output.dim() == 2
        is_same = output[0].numel() == math.prod(shape) and not isinstance(module, nn.Linear)
        if not (is_vector and is_same):
            shape = (*output.shape[1:], 1, 1)[:3]

    with _hooked(model, note):
        logits = tuple(model(image)[0].float().tolist())
    return passes, logits


def dead_units(model: nn.Module, images: Tensor) -> tuple[DeadUnits, ...]:
    """Count the units of each ReLU that are 0 for all of the images (N, 1, 28, 28)."""
    found: list[tuple[str, Tensor]] = []

    def note(name: str, module: nn.Module, _: tuple[Tensor, ...], given: object) -> None:
        output = as_layer_output(given)
        if isinstance(module, nn.ReLU) and output is not None:
            others = [each for each in range(output.dim()) if each != 1]
            found.append((name, output.amax(others) <= 0))

    with _hooked(model, note):
        model(images)
    return tuple(DeadUnits(name, int(dead.sum()), len(dead)) for name, dead in found)


def first_weighted(model: nn.Module) -> str:
    """Return the name of the first layer with weights that are drawn."""
    found = (name for name, module in leaves(model) if drawn_weight(module) is not None)
    return next(found, INPUT_LAYER)


def drawn_weight(module: nn.Module) -> Tensor | None:
    """Return the weights of a layer that can be drawn, (out, in) or (out, in, height, width)."""
    weight = dict(module.named_parameters(recurse=False)).get("weight")
    return weight.detach() if weight is not None and weight.dim() in (2, 4) else None


def weight_images(layer: LayerPass, unit: int) -> WeightImages | None:
    """Return the weights of some units of a layer, that unit among them, as images.

    A unit's inputs lie in an image as they did before they were flattened, one channel beside the
    other. A unit of a convolution is an output channel. None for a layer without such weights.
    """
    weight = drawn_weight(layer.module)
    if weight is None:
        return None
    units, is_dense = len(weight), weight.dim() == 2
    if is_dense:
        inputs = weight.shape[1]
        shape = layer.inputs if math.prod(layer.inputs) == inputs else (inputs, 1, 1)
        weight = weight.reshape(units, *shape)
    channels, height, width = weight.shape[1:]
    rows, columns = arrange(channels)
    first, count = _window(unit, units, rows * height * columns * width)
    shown = weight[first : first + count].float().cpu()
    blank = torch.zeros(count, rows * columns - channels, height, width)
    tiled = torch.cat([shown, blank], 1).view(count, rows, columns, height, width)
    images = tiled.permute(0, 1, 3, 2, 4).reshape(count, rows * height, columns * width)
    bias = dict(layer.module.named_parameters(recurse=False)).get("bias")
    values, largest = to_bytes(images, _usual_largest(weight))
    size = rows * height * columns * width
    return WeightImages(
        name=layer.name,
        images=tuple(values[at : at + size] for at in range(0, len(values), size)),
        count=units,
        width=columns * width,
        height=rows * height,
        largest=largest,
        first=first,
        biases=() if bias is None else tuple(bias.detach()[first : first + count].tolist()),
    )


def _usual_largest(weight: Tensor) -> float:
    """Return the size that few of the weights exceed: a single large one would leave all others
    without contrast."""
    sizes = weight.abs().flatten()
    some = sizes[:: max(1, len(sizes) // MOST_MEASURED)].float()
    usual = some.kthvalue(math.ceil(USUAL * len(some))).values
    return float(usual) or float(sizes.amax())


def layer_output(name: str, output: Tensor, unit: int, most: int = MOST_BYTES) -> LayerOutput:
    """Return the output of a layer, shape (units,) or (channels, height, width), as bytes; of one
    with more than `most` some channels, that unit's among them."""
    size = output[0].numel()
    first, count = _window(unit, len(output), size, most=max(1, most // max(1, size)))
    largest = float(output.abs().amax()) if output.numel() else 0.0
    values, largest = to_bytes(output[first : first + count].float().cpu(), largest)
    return LayerOutput(name, tuple(output.shape), first, values, largest)


def to_bytes(values: Tensor, largest: float) -> tuple[bytes, float]:
    """Return values as bytes, 128 for 0 and 1 or 255 for the end of the scale, and that end: a
    round number from `largest` on, which stays for many steps, and so do the colours.

    NaN becomes 0: that the run diverged is reported elsewhere.
    """
    largest = _round_up(largest) if math.isfinite(largest) else 0.0
    scaled = (values / (largest or 1.0)).nan_to_num(0.0).clamp(-1, 1)
    places = scaled.mul(FARTHEST).round().add(ZERO).to(torch.uint8)
    return places.contiguous().numpy().tobytes(), largest


def _round_up(value: float) -> float:
    """Return the next of 1, 1.5, 2, 3, 5, 7 and 10, times a power of ten."""
    if value <= 0:
        return 0.0
    power = math.floor(math.log10(value))
    ends = (1, 1.5, 2, 3, 5, 7, 10)
    return next((end for end in ends if value <= end * 10.0**power * ROUNDING), 10) * 10.0**power


def _window(unit: int, units: int, size: int, most: int = MOST_IMAGES) -> tuple[int, int]:
    """Return the first and the count of the units to return, by the bytes of each."""
    count = max(1, min(units, most, MOST_BYTES // max(1, size)))
    first = min(max(0, unit), max(0, units - 1)) // count * count
    return first, min(count, units - first)


def arrange(count: int) -> tuple[int, int]:
    """Return rows and columns for so many images or values, at most four times as wide as high;
    without gaps, if possible."""
    least = math.isqrt(max(0, count - 1)) + 1  # columns of a square
    for columns in range(least, 2 * least + 1):
        if count % columns == 0:
            return count // columns, columns
    return -(-count // least), least
