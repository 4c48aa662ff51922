"""Find the digits in a picture, and convert each to 28×28 as in MNIST."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PIL import Image

from core.data.preprocessing import find_mnist, to_grey
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

    An image that is as those of MNIST already is its own digit. Raises DataError as to_grey does.
    """
    if pixels := find_mnist(image):
        return image.convert("L"), [FoundDigit(pixels, (0, 0, *image.size))]
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


def find_character(image: Image.Image) -> tuple[bytes, int]:
    """Return the one character that an image shows as 784 bytes as in MNIST, and of how many marks,
    which may be digits, it was made; those of an image that is as in MNIST already are its own.

    b"" and 0 where nothing stands out. Raises DataError as to_grey does.
    """
    if pixels := find_mnist(image):
        return pixels, 1
    grey = to_grey(image)
    values, scale = shrink(grey)
    choice = choose_candidate(values)
    if choice is None:
        return b"", 0
    digits = choice.candidate.digits
    regions = tuple(dict.fromkeys(each for digit in digits for each in digit.regions))
    lefts, tops, rights, bottoms = zip(*(digit.place for digit in digits), strict=True)
    place = {"left": min(lefts), "top": min(tops), "right": max(rights), "bottom": max(bottoms)}
    whole = replace(choice.candidate.best, regions=regions, **place)
    pixels, _ = cut_digit(grey, scale, choice.candidate.ink, whole)
    return pixels, len(digits)
