"""Choose an imported network among the candidates that fit its shapes, by trying them on images.

A wrong candidate can predict nine images of ten correctly, so losses decide. For networks trained
in PyTorch on 12,000 images (LeNet, Keras's three convolutions, two strided ones) that of the right
candidate was 0.10, 0.09 and 0.15, that of the next best 0.13, 0.20 and 0.32.
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
from core.checkpoints.inferred.infer import InferredNetwork
from core.models.input_scaling import InputScaling

if TYPE_CHECKING:
    from torch import Tensor

# All candidates are tried on the first images, with each scaling, and the best of them on more.
FIRST_IMAGES, MORE_IMAGES, MOST_TRIED_AGAIN = 100, 1000, 4
# The share of the work for one network that may be spent on one candidate, as 1 of so many.
FIRST_SHARE, MORE_SHARE = 30, 10
CLEAR_LOSS = 1.15  # a candidate with so many times the lowest loss is worse
MOST_TEXTS = 3  # in an error


class Images(NamedTuple):
    """Training images (N, 28, 28) and labels (N,) of a dataset."""

    source: str
    images: Tensor
    labels: Tensor


def choose_inferred(
    weights: ImportedWeights, found: Images | None, given: InputScaling | None
) -> ImportedWeights:
    """Return the weights of the candidate that is best on training images, else the most usual one.

    Raises ValueError where several are as good; its text continues the file's name.
    """
    if len(weights.candidates) == 1:
        return _take(weights, weights.candidates[0], "")
    usual = [each for each in weights.candidates if each.cost == weights.candidates[0].cost]
    tried = _try(weights, found, given) if found else {}
    best = min(tried.values(), key=lambda each: each.loss) if tried else None
    count = f"of {len(weights.candidates)} possible networks it is"
    if found is None or best is None or best.accuracy < TIMES_GUESSING * best.guessing:
        return _take(weights, _only(usual), f"{count} the most usual, and no images confirm it")
    fitting = [each for each, one in tried.items() if one.loss < best.loss * CLEAR_LOSS]
    fitting.sort(key=lambda each: each.cost)
    cheapest = list(takewhile(lambda each: each.cost == fitting[0].cost, fitting))
    if best.accuracy < GOOD_ACCURACY:  # of a network that has learned little, any may be the best
        cheapest = usual if usual[0] in fitting else usual + cheapest
    taken = _only(cheapest)
    samples = min(len(found.labels), _count_images([*tried], MORE_IMAGES, MORE_SHARE))
    share = f"{tried[taken].accuracy:.1%} of {samples:,} training images of {found.source}"
    others = [one for each, one in tried.items() if each not in fitting]
    then = max((each.accuracy for each in others), default=None)
    worse = "" if then is None else f", with the next best {then:.1%}"
    return _take(weights, taken, f"{count} the best: {share} are correct{worse}")


def _only(candidates: Sequence[InferredNetwork]) -> InferredNetwork:
    """Return the one candidate. Raises ValueError where there are several."""
    if len(candidates) == 1:
        return candidates[0]
    shown = [f'"{each.network.text}"' for each in candidates[:MOST_TEXTS]]
    more = f" and {len(candidates) - MOST_TEXTS} more" if len(candidates) > MOST_TEXTS else ""
    raise ValueError(f"may be one of several networks: {' or '.join(shown)}{more}; {ARCH_ADVICE}")


def _try(
    weights: ImportedWeights, found: Images, given: InputScaling | None
) -> dict[InferredNetwork, Tried]:
    """Return the metrics of the best candidates, each with the best of the usual input scalings."""
    scalings = (given,) if given else USUAL
    count = _count_images(weights.candidates, FIRST_IMAGES, len(scalings) * FIRST_SHARE)
    first = {each: _best(weights, each, found, count, scalings) for each in weights.candidates}
    kept = sorted(first, key=lambda each: first[each].loss)[:MOST_TRIED_AGAIN]
    count = _count_images(kept, MORE_IMAGES, MORE_SHARE)
    return {each: _best(weights, each, found, count, (first[each].scaling,)) for each in kept}


def _count_images(candidates: Sequence[InferredNetwork], most: int, times: int) -> int:
    """Return on how many images to try each candidate, the same for all."""
    return min(limit_images(each.network, most, times) for each in candidates)


def _best(
    weights: ImportedWeights,
    candidate: InferredNetwork,
    found: Images,
    count: int,
    scalings: Sequence[InputScaling],
) -> Tried:
    images, labels = found.images[:count], found.labels[:count]
    tensors = _rename(weights, candidate)
    tried = try_scalings(candidate.network, tensors, images, labels, scalings)
    return min(tried, key=lambda each: each.loss)


def _rename(weights: ImportedWeights, candidate: InferredNetwork) -> dict[str, Tensor]:
    """Return the weights by their names in the network of another candidate."""
    names = {theirs: ours for ours, theirs in weights.candidates[0].names.items()}
    return {ours: weights.tensors[names[theirs]] for ours, theirs in candidate.names.items()}


def _take(weights: ImportedWeights, candidate: InferredNetwork, why: str) -> ImportedWeights:
    """Return the weights of a candidate, with a note on what was found and what was assumed."""
    has_convs = any(each.kind == "conv" for each in candidate.network.layers)
    assumed = "activations, strides, padding and pooling" if has_convs else "activations"
    note = (
        "no network with a name fits; by the shapes and order of its tensors it is "
        f'"{candidate.network.text}", whose {assumed} are assumed: if it was another one, pass '
        "--arch LAYERS"
    )
    note = "; ".join(filter(None, (note, why, weights.note)))
    tensors = _rename(weights, candidate)
    return replace(weights, network=candidate.network, tensors=tensors, note=note)
