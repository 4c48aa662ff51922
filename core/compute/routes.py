"""Routes: the ways in which one training step can be computed, and their text.

A route changes how fast a step is and the last bits of its result, so it is part of a run: it is
written as text in run.json, in each checkpoint and in run_started, and `--routes` takes the same
text. No torch here. To add a part: a field of Route, its row in PARTS, and where it applies in
core/compute/candidates.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.errors import UsageError

# Each part of a route with the values that it may have. A value's name says which part it is of.
PARTS: dict[str, dict[str, str]] = {
    "precision": {
        "fp32": "32 bits a number",
        "tf32": "float32 with matrix products in NVIDIA's TF32",
        "bf16": "products and convolutions with 16 bits a number",
    },
    "layout": {
        "channels-last": "the channels of a pixel beside each other in memory",
        "contiguous": "the pixels of a channel beside each other in memory",
    },
    "products": {
        "onednn": "large float32 matrix products by oneDNN",
        "blas": "matrix products by PyTorch's BLAS, MKL on most processors",
    },
    "backward": {
        "chain": "backpropagation written out for Linear and ReLU",
        "autograd": "backpropagation by PyTorch's autograd",
    },
    "update": {
        "whole": "each weight's gradient whole, then its update",
        "sliced": "the largest layer's gradient and update a few rows at a time",
    },
    "launch": {
        "graph": "a step as one CUDA graph",
        "eager": "a step as single operations",
    },
}
PART_OF = {value: part for part, values in PARTS.items() for value in values}
THREADS = re.compile(r"threads=0*([1-9][0-9]{0,2}|10[01][0-9]|102[0-4])")
AUTO, DEFAULT = "auto", "default"  # values of --routes beside a route's text

Parts = Mapping[str, "str | int"]


@dataclass(frozen=True)
class Route:
    """A way to compute a step; None for a part that a network or a device has no choice in.

    `threads` are the CPU threads of one operation.
    """

    precision: str = "fp32"
    threads: int = 1
    layout: str | None = None
    products: str | None = None
    backward: str | None = None
    update: str | None = None
    launch: str | None = None

    def __str__(self) -> str:
        """Return its text, such as "fp32,threads=2,channels-last,onednn". A whole update is not
        named, as in texts from before there were others."""
        update = None if self.update == "whole" else self.update
        rest = (self.layout, self.products, self.backward, update, self.launch)
        return ",".join([self.precision, f"threads={self.threads}", *filter(None, rest)])

    def with_parts(self, parts: Parts) -> Route:
        return replace(self, **parts)  # type: ignore[arg-type]


def parse_parts(text: str) -> Parts:
    """Return the parts that a text names: all of a route, or those to be changed of the default.

    Raises UsageError.
    """
    parts: dict[str, str | int] = {}
    for word in filter(None, re.split(r"[,\s]+", text)):
        if threads := THREADS.fullmatch(word):
            part, value = "threads", int(threads[1])
        elif word in PART_OF:
            part, value = PART_OF[word], word
        else:
            known = ", ".join([*PART_OF, "threads=N"])
            raise UsageError(f"--routes has no {word!r}: it is auto, default, or some of {known}")
        if part in parts:
            raise UsageError(f"--routes names two of {part}: {parts[part]} and {value}")
        parts[part] = value
    return parts


def is_routes_setting(value: object) -> bool:
    """Return whether a value of --routes is auto, default or a route's text."""
    if not isinstance(value, str) or not value.strip(", "):
        return False
    try:
        return value in (AUTO, DEFAULT) or bool(parse_parts(value))
    except UsageError:
        return False


def describe(route: Route, default: Route) -> str:
    """Return how a route differs from the default, in words; empty where it does not."""
    changed = (
        f"{route.threads} thread{'s' * (route.threads > 1)}"
        if part == "threads"
        else PARTS[part][value]
        for part, value in vars(route).items()
        if value is not None and value != getattr(default, part)
    )
    return ", ".join(changed)
