"""Units of a network that are switched off: for its prediction, and for its test accuracy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from core.checkpoints.header import abbreviate
from core.data.dataset import Tensors
from core.errors import UsageError, UserError
from core.explain.slices import (
    NO_TEST_IMAGES,
    blank_pixels,
    images_per_batch,
    in_slices,
    pass_pixels,
)
from core.models.inference import predict
from core.models.summary import as_layer_output, leaves
from core.responses.explanations import Unit, UnitsScored

# Layers of which each output unit depends on the same unit of the input alone.
UNITWISE = (
    nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm1d, nn.InstanceNorm2d,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Softplus, nn.Softsign,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d, nn.ZeroPad2d,
    nn.Upsample,
)  # fmt: skip

Spans = frozenset[tuple[int, int]]  # ranges of units, the end exclusive


@contextmanager
def switched_off(model: nn.Module, off: tuple[Unit, ...]) -> Iterator[None]:
    """Set units to 0 in each forward pass meanwhile. Weights stay as they are.

    The output of the unit is set to 0, and again after each normalization, activation, dropout,
    pooling and flattening that follows its layer directly as a module: so what the next layer with
    weights receives from the unit is 0. After ReLU, tanh and others with f(0) = 0 the first would
    be enough; a sigmoid would give 0.5 and a batch normalization a constant, which the next layer
    would take for a signal. An activation that is called as a function, in code from a file, is not
    seen: a sigmoid called so gives 0.5. The input that a block `skip` adds to its output is not set
    to 0 by a unit of the block.

    Raises UsageError for a layer that the network does not have and, in the forward pass, for a
    number of a unit that its layer does not have.
    """
    layers = dict(leaves(model))
    units: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for each in off:
        check_layer(each.layer, layers)
        units[each.layer].add((each.number, each.number + 1))
    # The outputs in which units are 0, by their id while they exist, and these units.
    cleared: dict[int, tuple[Tensor, Spans]] = {}

    def clear(name: str, module: nn.Module, inputs: tuple[object, ...], output: object) -> object:
        if (values := as_layer_output(output)) is None:
            return None
        spans = frozenset(units.get(name, ()))
        for first, _ in spans:
            check_number(Unit(name, first), values.shape[1])
        before, zeros = cleared.get(id(inputs[0]) if inputs else 0, (None, frozenset()))
        if before is not None:
            spans |= _carry(module, before, values, zeros)
        if not spans:
            return None
        output, values = _copy_first(output)
        for first, end in spans:
            (values.unsqueeze(1) if values.dim() == 3 else values)[:, first:end] = 0
        cleared[id(values)] = values, spans
        return output

    with ExitStack() as hooks:
        if off:
            hooks.callback(model.register_forward_pre_hook(lambda *_: cleared.clear()).remove)
            for name, module in layers.items():
                hooks.callback(module.register_forward_hook(partial(clear, name)).remove)
        yield


def check_layer(layer: str, layers: Container[str]) -> None:
    """Raise UsageError unless the layer is among those of the network."""
    if layer not in layers:
        raise UsageError(f"this network has no layer {abbreviate(layer)}")


def check_number(unit: Unit, units: int) -> None:
    """Raise UsageError unless the unit is one of the layer's."""
    if not 0 <= unit.number < units:
        last = f"{abbreviate(unit.layer)} has units 0 to {units - 1:,}"
        raise UsageError(f"{last}, and no unit {unit.number:,}")


def _carry(module: nn.Module, before: Tensor, after: Tensor, zeros: Spans) -> Spans:
    """Return which units of a layer's output depend on those units of its input alone."""
    if isinstance(module, UNITWISE):
        return zeros
    is_flat = isinstance(module, nn.Flatten) and after.dim() == 2 and before.dim() != 3
    if not is_flat:
        return frozenset()
    size = after.shape[1] // before.shape[1]
    return frozenset((first * size, end * size) for first, end in zeros)


def _copy_first(output: Any) -> tuple[Any, Tensor]:
    """Return a module's output with a copy of its first tensor, and that copy."""
    if isinstance(output, Tensor):
        copy = output.clone()
        return copy, copy
    first, copy = _copy_first(output[0])
    if isinstance(output, list):
        return [first, *output[1:]], copy
    names = getattr(output, "_fields", ())  # of a named tuple
    return (output._replace(**{names[0]: first}) if names else (first, *output[1:])), copy


def score_without_units(
    model: nn.Module, off: tuple[Unit, ...], test: Tensors | None
) -> Iterator[UnitsScored]:
    """Predict the test images with and without those units; yield the numbers after each slice.

    Raises UsageError for units that the network does not have, UserError without test images.
    """
    with switched_off(model, off):
        pass_pixels(model, blank_pixels())
    if test is None:
        raise UserError(f"{NO_TEST_IMAGES}, so no test accuracy can be computed")
    yield (yield from in_slices(_score(model, off, test)))


def _score(
    model: nn.Module, off: tuple[Unit, ...], test: Tensors
) -> Generator[UnitsScored, None, UnitsScored]:
    batch = images_per_batch(pass_pixels(model, blank_pixels())[0])
    samples = correct = correct_without = 0
    total = len(test.test_labels)
    scored = UnitsScored(off=off, samples=0, correct=0, correct_without=0, step=0, done=0.0)
    batches = zip(test.test_images.split(batch), test.test_labels.split(batch), strict=True)
    for images, labels in batches:
        hits = _count_correct(model, images, labels)
        samples, correct = samples + len(labels), correct + hits
        if off:
            yield scored
            with switched_off(model, off):
                hits = _count_correct(model, images, labels)
        correct_without += hits
        scored = UnitsScored(
            off=off,
            samples=samples,
            correct=correct,
            correct_without=correct_without,
            step=0,
            done=samples / total,
        )
        if samples < total:
            yield scored
    return scored


def _count_correct(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    return int((predict(model, images).argmax(1) == labels.cpu()).sum())
