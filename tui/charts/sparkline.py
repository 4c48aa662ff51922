"""A curve of losses in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

LEVELS = "▁▂▃▄▅▆▇█"
# Below this loss a sparkline is at its lowest. Each level above it is twice the loss, so that the
# highest begins at 2.56: guessing one of ten classes has a loss of 2.3.
LOWEST = 0.04


def draw_sparkline(losses: Sequence[float], width: int) -> str:
    """Return the losses as at most `width` characters, on one scale for all runs."""
    count = min(len(losses), width)
    edges = [place * len(losses) // count for place in range(count + 1)] if count > 0 else []
    parts = (losses[start:end] for start, end in pairwise(edges))
    return "".join(LEVELS[_level(sum(part) / len(part))] for part in parts)


def _level(loss: float) -> int:
    if loss < LOWEST:
        return 0
    return min(len(LEVELS) - 1, int(math.log2(loss / LOWEST)) + 1)
