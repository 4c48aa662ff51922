"""Find the digits in a picture, and convert each to 28×28 as in MNIST."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from core.data.preprocessing import to_grey
from core.data.segmentation.candidates import choose_candidate
from core.data.segmentation.cutting import Box, cut_digit, shrink
from core.data.segmentation.doubts import find_doubts


@dataclass(frozen=True)
class FoundDigit:
    """784 bytes as in MNIST, the rectangle of the image that they show, and reasons to doubt."""

    pixels: bytes
    box: Box
    warnings: tuple[str, ...] = ()


def find_digits(image: Image.Image) -> tuple[Image.Image, list[FoundDigit]]:
    """Return the image in grey, perhaps smaller, and its digits in reading order, in its pixels.

    Raises DataError as to_grey does.
    """
    grey = to_grey(image)
    values, scale = shrink(grey)
    choice = choose_candidate(values)
    if choice is None:
        return grey, []
    ink, digits = choice.candidate.ink, choice.candidate.digits
    doubts = find_doubts(choice, scale)
    return grey, [
        FoundDigit(*cut_digit(grey, scale, ink, digit), why)
        for digit, why in zip(digits, doubts, strict=True)
    ]
