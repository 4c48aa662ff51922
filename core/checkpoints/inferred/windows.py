"""Find strides, padding and pooling of convolutions, so that the first linear layer fits.

Each combination has a cost, which is lower the more usual it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.checkpoints.inferred.stored_layers import Block, NoChainError, find_side
from core.models.network_layers import INPUT

# What makes a candidate less usual: a change between padded and unpadded convolutions, a stride, a
# pooling other than by 2, a pooling after a stride, an average of all that is left, and what is
# between two numbers of an nn.Sequential otherwise.
CHANGED_PADDING, STRIDE, LARGE_STRIDE, STRIDE_AND_POOLING, AVERAGE = 1.0, 1.0, 2.0, 1.0, 1.0
OTHER_POOLING, OTHER_NUMBERS = 2.0, 3.0
POOLINGS = (1, 2, 3, 4)
MOST_CANDIDATES, MOST_KEPT = 12, 8
FARTHEST = 3.0  # from the most usual candidate, in cost


class Window(NamedTuple):
    """What is assumed of a convolution and of the pooling after it, where 1 means none."""

    stride: int
    pad: int
    pool: int


# The side of the image, and whether the last convolution was padded.
State = tuple[int, bool | None]
Partial = tuple[float, tuple[Window, ...]]


def find_windows(
    convs: Sequence[Block], linear: Block
) -> list[tuple[float, tuple[Window, ...], int]]:
    """Return what the convolutions may be so that the linear layer fits, and the size of an average
    at their end, with the cost of each; the most usual ones first."""
    side = find_side(linear.layer, convs[-1].layer.shape[0], True)
    following = [*convs[1:], linear]
    states: dict[State, list[Partial]] = {(INPUT[1], None): [(0.0, ())]}
    for block, after in zip(convs, following, strict=True):
        reached: dict[State, list[Partial]] = defaultdict(list)
        for (before, was_padded), found in states.items():
            for window, next_side, is_padded, cost in _slide(block, after, before):
                change = None not in (was_padded, is_padded) and was_padded != is_padded
                cost += CHANGED_PADDING * change
                key = next_side, was_padded if is_padded is None else is_padded
                reached[key] += [(so_far + cost, (*all_, window)) for so_far, all_ in found]
        states = {key: sorted(found)[:MOST_KEPT] for key, found in reached.items()}
    ends = [(*each, 1) for (at, _), found in states.items() if at == side for each in found]
    if side == 1:
        ends += [
            (cost + AVERAGE, windows, at)
            for (at, _), found in states.items()
            if at > 1
            for cost, windows in found
        ]
    if not ends:
        raise NoChainError(
            f"no usual strides, padding and pooling lead to the {side}×{side} that "
            f"{linear.layer.name} takes"
        )
    ends.sort()
    return [each for each in ends if each[0] <= ends[0][0] + FARTHEST][:MOST_CANDIDATES]


def _slide(
    block: Block, after: Block, side: int
) -> Iterator[tuple[Window, int, bool | None, float]]:
    """Yield what a convolution may be: with the side of its output, whether it is padded, None for
    one that does not need to be, and the cost."""
    kernel = block.layer.shape[2]
    gap = _count_between(block, after)
    for pad in sorted({0, (kernel - 1) // 2, kernel // 2}):
        for stride in sorted({1, 2, kernel}):
            if (width := side + 2 * pad - kernel) < 0 or (stride > 2 and pad):
                continue
            image = width // stride + 1
            for pool in POOLINGS:
                if pool > image:
                    continue
                cost = STRIDE if stride == 2 else LARGE_STRIDE * (stride > 2)
                cost += OTHER_POOLING * (pool > 2)
                cost += STRIDE_AND_POOLING * (stride > 1 and pool > 1)
                if gap is not None:
                    # An activation, and a flattening before the linear layer.
                    least = 1 + (after.layer.kind == "linear")
                    cost += OTHER_NUMBERS * ((gap > least) != (pool > 1))
                is_padded = None if kernel == 1 else pad > 0
                yield Window(stride, pad, pool), image // pool, is_padded, cost


def _count_between(block: Block, after: Block) -> int | None:
    """Return how many layers without tensors are between two in an nn.Sequential, else None."""
    first, second = (block.normalization or block.layer).number, after.layer.number
    if first is None or second is None or first[0] != second[0] or second[1] <= first[1]:
        return None
    return second[1] - first[1] - 1
