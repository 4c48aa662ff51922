"""The answer about a drawing in words: how sure the network is of which class. Pure."""

from __future__ import annotations

import math

from core.digit import Digit
from tui.text.formats import class_labels

# The least probability, at temperature 1, of the answer that is very sure, and so on.
CERTAIN, QUITE, PROBABLE = 0.99, 0.9, 0.6
# The least that two classes have together, and the second of the first's, to be an answer together.
PAIR, PAIR_RATIO = 0.7, 0.4
GUESS = 0.3  # below this the network has no idea
DIVERGED = "no answer: the network has diverged"


def describe_answer(digit: Digit, width: int = 1000) -> str:
    """Return the answer in words, in about `width` columns: long names are shortened.

    A digit that is unlike any has no words for how sure the network is: see `Digit.unlike_text`.
    """
    if not all(map(math.isfinite, digit.logits)):
        return DIVERGED
    shares = digit.probabilities()
    first, second = sorted(range(len(shares)), key=lambda number: -shares[number])[:2]
    top, next_share = shares[first], shares[second]
    percent = f" ({min(top, 0.999):.{0 if top < 0.985 else 1}%})"
    if digit.is_unlike:
        return f"predicts {_name(digit, first, width - 9)}"
    if top >= QUITE:
        sure = ("very sure" if top >= CERTAIN else "quite sure") + percent
        return f"{_name(digit, first, width - 2 - len(sure))}, {sure}"
    if top + next_share >= PAIR and next_share >= PAIR_RATIO * top:
        pair = [digit.name_of(number) for number in sorted((first, second))]
        return "between " + " and ".join(class_labels(pair, max(4, width - 13)))
    if top >= PROBABLE:
        return f"probably {_name(digit, first, width - 9 - len(percent))}{percent}"
    if top >= GUESS:
        return f"perhaps {_name(digit, first, width - 8 - len(percent))}{percent}"
    return "no idea"


def _name(digit: Digit, number: int, width: int) -> str:
    return class_labels([digit.name_of(number)], max(2, width))[0]


def describe_difference(prepared: Digit, drawn: Digit, *, is_drawn: bool, width: int) -> str:
    """Return why it matters whether the network gets a drawing scaled and centred; empty where the
    answer is the same. `is_drawn`: the answer for the drawing as it is is the one that is shown."""
    if prepared.predicted == drawn.predicted:
        return ""
    other = prepared if is_drawn else drawn
    name = _name(other, other.predicted, max(8, width // 3))
    how = "Scaled and centred" if is_drawn else "As drawn"
    return f"{how}, it predicts {name}: the network learned from images of one size, in the middle."
