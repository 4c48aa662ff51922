"""An image, and a network's prediction of it. No torch here.

Annotations are types and not strings, as in core/events.py.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.class_names import DIGITS, name_of

# What is said of a digit whose `is_unlike` is true; the second where there is little space, and the
# last two of images that are no digits.
UNLIKE = "unlike any digit the network was trained on"
UNLIKE_SHORT = "unlike a digit"
UNLIKE_OTHER = "unlike any image the network was trained on"
UNLIKE_OTHER_SHORT = "unlike its training"


@dataclass(frozen=True)
class Digit:
    """An image and a network's prediction. `pixels` are 784 bytes, row by row, 0 is paper.

    `is_unlike`: whether the image is unlike every digit that the network was trained on, so that
    its probabilities mean nothing; None where that is not known (see core/novelty). `class_names`
    are those of the network, in the order of the logits.
    """

    index: int
    pixels: bytes
    label: int | None
    logits: tuple[float, ...]
    is_unlike: bool | None = None
    class_names: tuple[str, ...] = field(default=DIGITS, repr=False)

    @property
    def predicted(self) -> int:
        return max(range(len(self.logits)), key=self.logits.__getitem__)

    @property
    def right(self) -> bool:
        return self.predicted == self.label

    @property
    def predicted_name(self) -> str:
        return self.name_of(self.predicted)

    def name_of(self, number: int) -> str:
        return name_of(self.class_names, number)

    def unlike_text(self, *, short: bool = False) -> str:
        """Return what is said of an image whose `is_unlike` is true."""
        if self.class_names == DIGITS:
            return UNLIKE_SHORT if short else UNLIKE
        return UNLIKE_OTHER_SHORT if short else UNLIKE_OTHER

    def probabilities(self, temperature: float = 1.0) -> list[float]:
        """Return the softmax of logits/temperature: above 1 flattens it, below 1 sharpens it. All
        classes are equal if a logit is not finite."""
        if not all(map(math.isfinite, self.logits)):  # the network has just diverged
            return [1 / len(self.logits)] * len(self.logits)
        top = max(self.logits)
        exponentials = [math.exp((logit - top) / temperature) for logit in self.logits]
        total = sum(exponentials)
        return [each / total for each in exponentials]


def with_class_names(digits: Iterable[Digit], names: tuple[str, ...]) -> tuple[Digit, ...]:
    """Return the same digits, as predicted by a network with these classes."""
    return tuple(replace(digit, class_names=names) for digit in digits)
