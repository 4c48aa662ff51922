"""Choose what an imported network is among readings of its shapes, by trying them on images.

A wrong reading can be right on nine images of ten, so losses decide. On networks trained in PyTorch
on 12,000 images of the sample (LeNet, Keras's three convolutions, two strided ones) that of the
right reading was 0.10, 0.09 and 0.15, that of the next best 0.13, 0.20 and 0.32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from core.checkpoints.find_network import ARCH_ADVICE
from core.checkpoints.import_scaling import (
    GOOD_ACCURACY,
    TIMES_GUESSING,
    USUAL,
    Tried,
    limit_images,
    try_scalings,
)
from core.checkpoints.import_weights import ImportedWeights
from core.checkpoints.readings.infer import Reading
from core.models.input_scaling import InputScaling

if TYPE_CHECKING:
    from torch import Tensor

# All readings are tried on the first images, with each scaling, and the best of them on more.
FIRST_IMAGES, MORE_IMAGES, MOST_TRIED_AGAIN = 100, 1000, 4
# Which share of the work for one network may be spent on one reading, as 1 of so many.
FIRST_SHARE, MORE_SHARE = 30, 10
CLEAR_LOSS = 1.15  # from so many times the lowest loss on a reading is worse
MOST_TEXTS = 3  # in an error


class Images(NamedTuple):
    """Training images (N, 28, 28) and labels (N,) of a dataset."""

    source: str
    images: Tensor
    labels: Tensor


def choose_reading(
    weights: ImportedWeights, found: Images | None, given: InputScaling | None
) -> ImportedWeights:
    """Return the weights of the reading that is best on training images, or else is the most usual.

    Raises ValueError where several are as good; its text continues the file's name.
    """
    if len(weights.readings) == 1:
        return _take(weights, weights.readings[0], "")
    usual = [each for each in weights.readings if each.cost == weights.readings[0].cost]
    tried = _try(weights, found, given) if found else {}
    best = min(tried.values(), key=lambda each: each.loss) if tried else None
    count = f"of {len(weights.readings)} possible networks it is"
    if found is None or best is None or best.accuracy < TIMES_GUESSING * best.guessing:
        return _take(weights, _only(usual), f"{count} the most usual, and no images confirm it")
    fitting = [each for each, one in tried.items() if one.loss < best.loss * CLEAR_LOSS]
    fitting.sort(key=lambda each: each.cost)
    cheapest = list(takewhile(lambda each: each.cost == fitting[0].cost, fitting))
    if best.accuracy < GOOD_ACCURACY:  # of a network that has learnt little any may be the best
        cheapest = usual if usual[0] in fitting else usual + cheapest
    taken = _only(cheapest)
    samples = min(len(found.labels), _count_images([*tried], MORE_IMAGES, MORE_SHARE))
    share = f"{tried[taken].accuracy:.1%} of {samples:,} training images of {found.source}"
    others = [one for each, one in tried.items() if each not in fitting]
    then = max((each.accuracy for each in others), default=None)
    worse = "" if then is None else f", with the next best {then:.1%}"
    return _take(weights, taken, f"{count} the best: {share} are correct{worse}")


def _only(readings: Sequence[Reading]) -> Reading:
    """Return the one reading. Raises ValueError where there are several."""
    if len(readings) == 1:
        return readings[0]
    shown = [f'"{each.network.text}"' for each in readings[:MOST_TEXTS]]
    more = f" and {len(readings) - MOST_TEXTS} more" if len(readings) > MOST_TEXTS else ""
    raise ValueError(f"may be one of several networks: {' or '.join(shown)}{more}; {ARCH_ADVICE}")


def _try(
    weights: ImportedWeights, found: Images, given: InputScaling | None
) -> dict[Reading, Tried]:
    """Return the metrics of the best readings, each with the best of the usual input scalings."""
    scalings = (given,) if given else USUAL
    count = _count_images(weights.readings, FIRST_IMAGES, len(scalings) * FIRST_SHARE)
    first = {each: _best(weights, each, found, count, scalings) for each in weights.readings}
    kept = sorted(first, key=lambda each: first[each].loss)[:MOST_TRIED_AGAIN]
    count = _count_images(kept, MORE_IMAGES, MORE_SHARE)
    return {each: _best(weights, each, found, count, (first[each].scaling,)) for each in kept}


def _count_images(readings: Sequence[Reading], most: int, times: int) -> int:
    """Return on how many images to try each reading, the same for all."""
    return min(limit_images(each.network, most, times) for each in readings)


def _best(
    weights: ImportedWeights,
    reading: Reading,
    found: Images,
    count: int,
    scalings: Sequence[InputScaling],
) -> Tried:
    images, labels = found.images[:count], found.labels[:count]
    tensors = _rename(weights, reading)
    tried = try_scalings(reading.network, tensors, images, labels, scalings)
    return min(tried, key=lambda each: each.loss)


def _rename(weights: ImportedWeights, reading: Reading) -> dict[str, Tensor]:
    """Return the weights by their names in the network of another reading."""
    names = {theirs: ours for ours, theirs in weights.readings[0].names.items()}
    return {ours: weights.tensors[names[theirs]] for ours, theirs in reading.names.items()}


def _take(weights: ImportedWeights, reading: Reading, why: str) -> ImportedWeights:
    """Return the weights of a reading, with a note on what was found and what was assumed."""
    has_convs = any(each.kind == "conv" for each in reading.network.layers)
    assumed = "activations, strides, padding and pooling" if has_convs else "activations"
    note = (
        "no network with a name fits; by the shapes and order of its tensors it is "
        f'"{reading.network.text}", whose {assumed} are assumed: if it was another one, pass '
        "--arch TEXT"
    )
    note = "; ".join(filter(None, (note, why, weights.note)))
    tensors = _rename(weights, reading)
    return replace(weights, network=reading.network, tensors=tensors, note=note)
