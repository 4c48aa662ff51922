"""Layer by layer: what each layer's output is for an image, and what excites one unit."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from core.data.dataset import Tensors
from core.digit import Digit, with_class_names
from core.explain.slices import as_pixels, images_per_batch, in_slices, pass_pixels
from core.explain.switched_off import check_layer, check_number, switched_off
from core.models.inference import predict, predict_digits, prepare_input
from core.models.inspection import MOST_BYTES, first_weighted, layer_output, weight_images
from core.models.summary import as_layer_output, leaves
from core.responses.explanations import LayersExplained, Unit
from core.responses.layers import INPUT_LAYER, LayerOutput

EXCITING = 10  # test images of a unit
# Bytes of all outputs together: more than a screen shows.
MOST_OUTPUT_BYTES = 2**20
MOST_UNITS = 2**14  # that are searched for at a time
# Exciting images are shown after so many test images, then each time that there are twice as many.
SHOWN_FIRST = 64


@dataclass(frozen=True)
class Search:
    """The largest values of units of a layer among the test images before `seen`, and the indices
    of these images: shapes (units, at most EXCITING), the largest first."""

    seen: int
    values: Tensor
    indices: Tensor


Searches = dict[str, Search]


class _Reached(BaseException):
    """Ends a forward pass. Code from a file that handles every Exception does not stop it."""


def explain_layers(
    model: nn.Module,
    image: bytes,
    unit: Unit | None,
    off: tuple[Unit, ...],
    test: Tensors | None,
    class_names: tuple[str, ...],
    searched: Searches | None = None,
) -> Iterator[LayersExplained]:
    """Yield the outputs of all layers for an image at once, and then, after each slice, the test
    images found so far that excite the unit most.

    `unit` None is the first one with weights. The outputs are those with the units `off` at 0; what
    excites a unit is searched for with all units switched on. `searched` is a dict to be passed
    again with the same weights: a search of one unit finds what excites the others of its layer.

    Raises UsageError for a layer or a unit that the network does not have.
    """
    searches = {} if searched is None else searched
    answer, batch, units = _explain_image(model, image, unit, off, class_names)
    if test is None:
        yield replace(answer, done=1.0)
        return
    key, first = _place(answer.unit)
    found = searches.get(key)
    if found is None or found.seen < len(test.test_labels):
        yield answer
    if found is None:
        count = min(units - first, MOST_UNITS)
        none = torch.empty(count, 0)
        searches[key] = Search(0, none, none.long())
    yield (yield from in_slices(_find_exciting(model, answer, test, batch, searches)))


def _explain_image(
    model: nn.Module,
    image: bytes,
    unit: Unit | None,
    off: tuple[Unit, ...],
    class_names: tuple[str, ...],
) -> tuple[LayersExplained, int, int]:
    """Return the answer without a search, the images of a batch, and the units of the layer."""
    pixels = as_pixels((image,))
    logits = tuple(predict(model, pixels)[0].tolist())
    with switched_off(model, off):
        passes, logits_without = pass_pixels(model, pixels)
    outputs = {INPUT_LAYER: prepare_input(model, pixels)[0]}
    for each in passes:
        outputs.setdefault(each.name, each.output)  # of a layer that is used twice, the first
    if unit is None:
        layer = first_weighted(model)
        unit = Unit(layer if layer in outputs else INPUT_LAYER, 0)
    check_layer(unit.layer, outputs)
    check_number(unit, len(outputs[unit.layer]))
    chosen = next((each for each in passes if each.name == unit.layer), None)
    digit = Digit(0, image, None, logits, class_names=class_names)
    answer = LayersExplained(
        digit=digit,
        without=replace(digit, logits=logits_without) if off else digit,
        outputs=_as_bytes(outputs, unit),
        unit=unit,
        weights=weight_images(chosen, unit.number) if chosen else None,
        exciting=(),
        excitations=(),
        off=off,
        step=0,
        done=0.0,
    )
    return answer, images_per_batch(passes), len(outputs[unit.layer])


def _as_bytes(outputs: dict[str, Tensor], unit: Unit) -> tuple[LayerOutput, ...]:
    """Return the outputs of layers, of large ones the units near that number. A layer of which one
    channel is too large is left out."""
    most = min(MOST_BYTES, max(1, MOST_OUTPUT_BYTES // len(outputs)))
    return tuple(
        layer_output(name, output, unit.number, most)
        for name, output in outputs.items()
        if output[0].numel() <= most
    )


def _place(unit: Unit) -> tuple[str, int]:
    """Return the key of a unit's search, and the first unit of it."""
    first = unit.number // MOST_UNITS * MOST_UNITS
    return f"{first}:{unit.layer}", first


def _find_exciting(
    model: nn.Module, answer: LayersExplained, test: Tensors, batch: int, searches: Searches
) -> Generator[LayersExplained, None, LayersExplained]:
    """Search the test images, from where the search is; yield the answer after each batch."""
    key, first = _place(answer.unit)
    total, shown_at = len(test.test_labels), SHOWN_FIRST // 2
    while (search := searches[key]).seen < total:
        if search.seen >= 2 * shown_at:
            shown_at = search.seen
            answer = _show(model, answer, test, search)
            yield answer
        values = _unit_values(
            model, answer.unit.layer, test.test_images[search.seen : search.seen + batch]
        )
        searches[key] = _add(search, values[:, first : first + MOST_UNITS])
        answer = replace(answer, done=search.seen / total)
        yield answer
    return replace(_show(model, answer, test, searches[key]), done=1.0)


def _unit_values(model: nn.Module, layer: str, images: Tensor) -> Tensor:
    """Return the values (N, units) of a layer's units for images; of a channel, the mean over its
    places. Layers after this one are not computed."""
    taken: list[Tensor] = []

    def take(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if (values := as_layer_output(output)) is not None:
            taken.append(values)
            raise _Reached

    if layer == INPUT_LAYER:
        taken.append(prepare_input(model, images))
    else:
        hook = dict(leaves(model))[layer].register_forward_hook(take)
        try:
            predict(model, images, len(images))
        except _Reached:
            pass
        finally:
            hook.remove()
    values = taken[0].float()
    return (values.flatten(2).mean(2) if values.dim() > 2 else values).cpu()


def _add(search: Search, values: Tensor) -> Search:
    """Add the values (N, units) of the next N test images."""
    seen = search.seen + len(values)
    # NaN, of a network that has diverged, would count as the largest.
    new = torch.where(values.isnan(), -torch.inf, values).T
    indices = torch.arange(search.seen, seen).expand(len(new), -1)
    best = torch.cat([search.values, new], 1).topk(min(EXCITING, seen))
    return Search(
        seen, best.values, torch.cat([search.indices, indices], 1).gather(1, best.indices)
    )


def _show(
    model: nn.Module, answer: LayersExplained, test: Tensors, search: Search
) -> LayersExplained:
    """Return the answer with the test images that the search has found for its unit."""
    row = answer.unit.number - _place(answer.unit)[1]
    values = search.values[row]
    finite = values > -torch.inf
    indices = tuple(search.indices[row][finite].tolist())
    digits = predict_digits(model, test.test_images, test.test_labels, indices)
    return replace(
        answer,
        exciting=with_class_names(digits, answer.digit.class_names),
        excitations=tuple(values[finite].tolist()),
    )
