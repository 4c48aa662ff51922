"""Reasons to doubt that a digit was found, in words that a person understands."""

from __future__ import annotations

from core.data.segmentation.candidates import Choice
from core.data.segmentation.groups import Group

FAINT = 18  # grey levels
SHORT = 8  # pixels of the image
COVERED = 0.45  # of the image
WIDE = 1.45  # a digit's width by its height
PIECES = 4  # strokes that are apart
BLURRED = 0.8  # of the outline is an edge
AS_LARGE, AS_LIKELY = 0.5, 0.3  # the size and score of other strokes, by the digit's
CLOSE = 0.65  # the score of another digit in the image


def find_doubts(choice: Choice, digit: Group, scale: float) -> tuple[str, ...]:
    """Return why the digit may not be one, or not all of it; the image is `scale` times larger."""
    height, width = choice.candidate.ink.strength.shape
    area = int((choice.candidate.ink.regions.cover(digit.regions)).sum())
    found = {
        "the digit touches the edge: a part may be missing": digit.touches,
        "almost no ink stands out from the background": digit.strength < FAINT
        or digit.longest * scale < SHORT,
        "the ink covers nearly half of the image": (
            area > COVERED * height * width
            and not digit.is_narrow  # as a 1 that is cropped tightly
        ),
        "the ink is a solid spot rather than strokes": digit.is_solid,
        "wider than high: perhaps several digits that touch": (
            digit.right - digit.left > WIDE * digit.height
        ),
        f"the digit is made of {len(digit.regions)} separate strokes": (
            len(digit.regions) >= PIECES
        ),
        "the digit has no clear edge everywhere": digit.outlined < BLURRED,
        "other marks are as large as the digit": _has_others(choice, digit),
        "another part of the image could be the digit": (
            choice.rival is not None and choice.rival.best.score > CLOSE * digit.score
        ),
    }
    return tuple(sentence for sentence, holds in found.items() if holds)


def _has_others(choice: Choice, digit: Group) -> bool:
    """Return whether strokes that were not taken for digits might be digits too."""
    candidate = choice.candidate
    return any(
        group.longest >= AS_LARGE * digit.longest and group.score >= AS_LIKELY * digit.score
        for group in candidate.groups
        if group not in candidate.digits and not group.touches
    )
