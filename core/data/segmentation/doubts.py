"""Reasons to doubt that a digit was found, in words that a person understands."""

from __future__ import annotations

import numpy

from core.data.segmentation.candidates import Candidate, Choice
from core.data.segmentation.groups import SOLID, WIDEST, Group, measure_fill
from core.data.segmentation.parts import MOST, box_of
from core.data.segmentation.significance import PRINTED

FAINT = 18  # grey levels
SHORT = 8  # pixels of the image
COVERED = 0.45  # of the image
WIDE = 1.45  # a digit's width by its height
PIECES = 4  # strokes that are apart
BLURRED = 0.8  # of the outline is an edge
AS_LARGE, AS_LIKELY = 0.5, 0.3  # the size and score of other strokes, by the digit's
CLOSE = 0.65  # the score of another digit in the image
SMALL, LEGIBLE = 0.12, 8  # the height of a mark that may be a digit: by the digit's, and in pixels
FIRM = 0.5  # its strength, by the digit's
BROAD = 0.3  # its stroke's width, by its height
PALER, PEN = 1.3, 2.3  # the ratio of two digits' strengths, and of their strokes' widths
OUTLYING = 2.0  # a line's length by the digit's: no 1 that was written beside it


def find_doubts(choice: Choice, scale: float) -> list[tuple[str, ...]]:
    """Return for each digit why it may not be one, or not all of it.

    The image is `scale` times larger. What was left out of it is a doubt about its last digit.
    """
    candidate = choice.candidate
    has_left_out = _has_left_out(candidate)
    doubts = [_find_doubts_of(choice, digit, scale, has_left_out) for digit in candidate.digits]
    if candidate.strokes > MOST:
        doubts[-1] += (f"more than {MOST} strokes: the smallest were left out",)
    return doubts


def _find_doubts_of(
    choice: Choice, digit: Group, scale: float, has_left_out: bool
) -> tuple[str, ...]:
    regions = choice.candidate.ink.regions
    area = int(regions.area[list(digit.regions)].sum())
    found = {
        "the digit touches the edge: a part may be missing": digit.touches,
        "almost no ink stands out from the background": digit.strength < FAINT
        or digit.longest * scale < SHORT,
        "the ink covers nearly half of the image": (
            area > COVERED * regions.labels.size
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
        "its ink differs from that of the other digits": _is_other_ink(choice, digit),
        "other marks are as large as the digit": _has_others(choice, digit),
        "smaller marks that could be digits were left out": has_left_out,
        "another part of the image could be the digit": (
            choice.rival is not None and choice.rival.best.score > CLOSE * digit.score
        ),
    }
    return tuple(sentence for sentence, holds in found.items() if holds)


def _is_other_ink(choice: Choice, digit: Group) -> bool:
    """Return whether a digit is far fainter, or of a far wider or thinner pen, than the others."""
    digits = choice.candidate.digits
    if len(digits) < 2:
        return False
    strength = float(numpy.median([each.strength for each in digits if each is not digit]))
    width = float(numpy.median([each.width for each in digits if each is not digit]))
    fainter, wider = digit.strength / strength, digit.width / width
    return not (1 / PALER <= fainter <= PALER and 1 / PEN <= wider <= PEN)


def _has_others(choice: Choice, digit: Group) -> bool:
    """Return whether strokes that were not chosen might be digits too."""
    candidate = choice.candidate
    return any(
        group.longest >= AS_LARGE * digit.longest
        and group.score >= AS_LIKELY * digit.score
        and not _is_line(group, digit)
        and not _is_around(group, digit)
        for group in candidate.groups
        if group not in candidate.digits and not group.touches
    )


def _is_line(group: Group, digit: Group) -> bool:
    """Return whether strokes are a dash, an underline or a printed line."""
    is_flat = group.right - group.left > group.height
    return group.is_narrow and (is_flat or group.longest > OUTLYING * digit.longest)


def _is_around(group: Group, digit: Group) -> bool:
    """Return whether strokes are a frame, a ring or a table that the digit is in."""
    left, top, right, bottom = group.place
    return left < digit.left and top < digit.top and right > digit.right and bottom > digit.bottom


def _has_left_out(candidate: Candidate) -> bool:
    """Return whether there are marks like digits that are far smaller than the digits."""
    regions, best = candidate.ink.regions, candidate.best
    rows, columns = regions.labels.shape
    high, wide = regions.bottom - regions.top, regions.right - regions.left
    likely = (high >= max(LEGIBLE, SMALL * best.height)) & (high < best.height)
    likely &= (wide <= WIDEST * high) & (regions.width <= BROAD * high)
    likely &= regions.mean(candidate.ink.strength) >= FIRM * best.strength
    likely &= (regions.left > 0) & (regions.top > 0)
    likely &= (regions.right < columns) & (regions.bottom < rows)
    for each in candidate.digits:  # not its parts, nor what is in its loops
        likely &= (
            (regions.right <= each.left)
            | (regions.left >= each.right)
            | (regions.bottom <= each.top)
            | (regions.top >= each.bottom)
        )
    return any(_is_like_strokes(candidate, int(each)) for each in numpy.flatnonzero(likely))


def _is_like_strokes(candidate: Candidate, number: int) -> bool:
    """Return whether a region is neither a spot nor a piece of a printed line."""
    regions = candidate.ink.regions
    left, top, right, bottom = box_of(regions, [number])
    place = slice(top, bottom), slice(left, right)
    labels = regions.labels[place]
    fill, is_narrow = measure_fill(labels, [number])
    printed = candidate.ink.lines[place][labels == number].mean()
    return (fill < SOLID or is_narrow) and printed < PRINTED
