"""Which test digits to look at: by number, by class, at random, or by what the network makes of
them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from core.events import Digit, Scored
from core.models.softmax import softmax

if TYPE_CHECKING:
    from numpy import ndarray

Kind = Literal["index", "class", "random", "uncertain", "mistakes"]
KINDS: tuple[Kind, ...] = ("index", "class", "random", "uncertain", "mistakes")
# What needs an evaluation, and what needs no more than the labels.
BY_GUESS = ("uncertain", "mistakes")


@dataclass(frozen=True)
class Pick:
    """`actual` and `predicted` are classes, None for all of them: of a pick by guess they narrow it
    down, and with both the digits are those of one cell of the confusion matrix."""

    kind: Kind = "index"
    actual: int | None = None
    predicted: int | None = None
    seed: int = 0


def logits_of(scored: Scored) -> ndarray:
    """(N, 10), float32."""
    import numpy

    return numpy.frombuffer(scored.logits, dtype=numpy.float32).reshape(-1, 10)


def missing(pick: Pick, labels: bytes, scored: Scored | None) -> str | None:
    """Why the digits of that pick cannot be said yet; None where they can."""
    if pick.kind in BY_GUESS and scored is None:
        return "known after the first evaluation, at the end of an epoch"
    if pick.kind == "class" and not labels:
        return "known when a run has begun"
    return None


def chosen(pick: Pick, samples: int, labels: bytes, scored: Scored | None) -> tuple[int, ...]:
    """The indices of all digits of that pick, the most telling first: mistakes by how sure the
    network was, uncertain ones by how little its first guess is above its second. Empty where they
    cannot be said yet.
    """
    import numpy

    if missing(pick, labels, scored):
        return ()
    if pick.kind == "index":
        return tuple(range(samples))
    if pick.kind == "random":
        return tuple(numpy.random.default_rng(pick.seed).permutation(samples).tolist())
    actual = numpy.frombuffer(labels, dtype=numpy.uint8)
    if pick.kind == "class" or scored is None:
        return tuple(numpy.flatnonzero(actual == (pick.actual or 0)).tolist())
    logits = logits_of(scored)
    guesses = logits.argmax(axis=1)
    first_two = numpy.sort(logits, axis=1)[:, -2:]
    if pick.kind == "uncertain":
        wanted, order = numpy.ones(len(actual), bool), first_two[:, 1] - first_two[:, 0]
    else:
        cell = pick.actual is not None and pick.predicted is not None
        wanted = numpy.ones(len(actual), bool) if cell else guesses != actual
        order = -softmax(logits).max(axis=1)
    if pick.actual is not None:
        wanted = wanted & (actual == pick.actual)
    if pick.predicted is not None:
        wanted = wanted & (guesses == pick.predicted)
    found = numpy.flatnonzero(wanted)
    return tuple(found[numpy.argsort(order[found], kind="stable")].tolist())


def as_evaluated(digits: tuple[Digit, ...], scored: Scored) -> tuple[Digit, ...]:
    """The same digits with what the network made of them then."""
    logits = logits_of(scored)
    return tuple(
        replace(digit, logits=tuple(logits[digit.index].tolist()))
        for digit in digits
        if digit.index < len(logits)
    )
