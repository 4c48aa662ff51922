"""Separate ink in several ways, and choose the one that shows digits best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from core.data.segmentation.blocks import find_blocks
from core.data.segmentation.enclosed import drop_enclosed
from core.data.segmentation.groups import (
    TOUCHING,
    Group,
    choose_digits,
    find_groups,
    group_all,
    measure_edges,
)
from core.data.segmentation.ink import LEAST, Ink, Source, drop_shadow, find_ink, reach_of
from core.data.segmentation.regions import Mask
from core.data.segmentation.significance import Texture, stands_out

REACHES = (0.05, 0.12, 0.32)  # of the longer side: the widest strokes
LIGHT_REACHES = (0.08, 0.32)  # the same of light ink, which is rare
OTHERS = 0.2  # what the score of each further digit adds
PART = 0.8  # the score of a whole digit by that of a part of it
SAME = 0.12  # of its longer side: how far apart the edges of the same digit may be
ALIKE = 0.9  # the score and ink of the same digits as another source shows them
DEEPER = 1.2  # the score of ink by that of ink with the shadow around it
SMALLER = 0.7  # the area of its rectangle by that of the rectangle around both
MIXED = 0.8  # the mean strength of a digit with such a shadow, by that of its strongest tenth
HOLE = 0.65  # of the narrowest rectangle around it: the hole of a 0, or a note with a digit
THICK = 0.22  # a stroke's width by a digit's longer side: a note with a digit, or a bold one
TINY, SMALL = 40, 64  # the longer side of images that hold one digit; nothing but digits
TRIES = 4  # times that digits are chosen among groups of which some do not stand out
CLEAN = 0.9  # of a page's ink belongs to digits: nothing else is in the picture


@dataclass(frozen=True)
class Picture:
    """A grey image, its edges and texture, its ink if it is a page, and that ink's filled areas."""

    values: NDArray[numpy.uint8]
    edges: NDArray[numpy.uint8]
    texture: Texture
    page: Ink | None
    blocks: Mask | None


@dataclass(frozen=True)
class Candidate:
    """Digits as one source shows them, in reading order, among all groups of strokes.

    `strokes` is how many there were to be grouped.
    """

    ink: Ink
    digits: list[Group]
    groups: list[Group]
    strokes: int = 1

    @property
    def score(self) -> float:
        scores = [digit.score for digit in self.digits]
        return max(scores) + OTHERS * (sum(scores) - max(scores))

    @property
    def is_alone(self) -> bool:
        """Whether next to nothing but the digits is in the picture."""
        total = float(self.ink.regions.total(self.ink.strength).sum())
        return sum(digit.mass for digit in self.digits) >= CLEAN * total

    @property
    def best(self) -> Group:
        return max(self.digits, key=lambda digit: digit.score)


@dataclass(frozen=True)
class Choice:
    """The candidate that was chosen, and the best of those that show another digit."""

    candidate: Candidate
    rival: Candidate | None = None


def choose_candidate(values: NDArray[numpy.uint8]) -> Choice | None:
    """Return the digits of a grey image, with ink separated in the way that shows them best.

    None if nothing stands out.
    """
    size = max(values.shape)
    ink = find_ink(values, Source())
    if ink and size < TINY:
        return Choice(_take_all(ink))
    blocks = find_blocks(ink) if ink else None
    picture = Picture(values, measure_edges(values), Texture(values), ink, blocks)
    page = _candidate(picture, ink)
    if page and (size < SMALL or _is_clean(page)):
        return Choice(page)
    sources = [
        Source(reach_of(share, size), is_light)
        for is_light in (False, True)
        for share in (LIGHT_REACHES if is_light else REACHES)
    ]
    inks = [found for source in sources if (found := find_ink(values, source))]
    tried = (page, *(_try(picture, each) for each in inks))
    candidates = sorted(filter(None, tried), key=lambda each: -each.score)
    if not candidates:
        rest = _take_all(ink) if ink else None
        return Choice(rest) if rest and stands_out(picture.texture, rest.ink, rest.best) else None
    best = _find_whole(candidates)
    if page and _agree(page, best):
        best = page  # it keeps faint edges
    else:
        best = _find_narrowest(candidates, best)
        if _is_mixed(best):
            best = _look_deeper(picture, inks, best)
    rivals = [each for each in candidates if not _overlap(each.best, best.digits)]
    return Choice(best, rivals[0] if rivals else None)


def _find_whole(candidates: list[Candidate]) -> Candidate:
    """Return the first candidate, or the one that shows all of what is a part in the first."""
    best = candidates[0]
    for other in candidates[1:]:
        if _is_part(candidates[0], other) and (
            best is candidates[0] or other.best.mass > best.best.mass
        ):
            best = other
    return best


def _find_narrowest(candidates: list[Candidate], best: Candidate) -> Candidate:
    """Return the same digits by the least reach, which shows least of what is around them."""
    same = [
        each
        for each in candidates
        if each.ink.source.reach
        and _agree(each, best)
        and each.score > ALIKE * best.score
        and each.best.mass > ALIKE * best.best.mass
    ]
    return min([best, *same], key=lambda each: each.ink.source.reach or 0)


def _look_deeper(picture: Picture, inks: list[Ink], best: Candidate) -> Candidate:
    """Return the candidate without the shadow around its ink, if there is one."""
    for ink in inks:
        if ink.source.is_light == best.ink.source.is_light:
            deep = _candidate(picture, drop_shadow(ink))
            if deep and deep.score > DEEPER * best.score and _is_smaller(deep, best):
                best = deep
    return best


def _overlap(group: Group, digits: list[Group]) -> bool:
    return any(
        min(group.right, each.right) > max(group.left, each.left)
        and min(group.bottom, each.bottom) > max(group.top, each.top)
        for each in digits
    )


def _is_smaller(one: Candidate, other: Candidate) -> bool:
    """Return whether the best digit is in a far smaller rectangle."""
    areas = [(each.best.right - each.best.left) * each.best.height for each in (one, other)]
    return areas[0] < SMALLER * areas[1]


def _is_mixed(candidate: Candidate) -> bool:
    """Return whether much of a digit is far weaker than the rest, as with a shadow around ink."""
    strokes = candidate.ink.regions.cover(candidate.best.regions)
    strength = candidate.ink.strength[strokes]
    mean, most = float(strength.mean()), float(numpy.percentile(strength, 90))
    return mean < MIXED * most and most - mean > LEAST  # the noise of faint ink is less


def _try(picture: Picture, ink: Ink) -> Candidate | None:
    # The ink and a shadow around it may be refused together.
    return _candidate(picture, ink) or _candidate(picture, drop_shadow(ink))


def _candidate(picture: Picture, ink: Ink | None) -> Candidate | None:
    """Return the digits among the ink that stand out; None without, or after TRIES others."""
    if ink is None:
        return None
    is_of_page = picture.page and picture.page.source.is_light == ink.source.is_light
    blocks = picture.blocks if is_of_page else None
    groups, strokes = find_groups(ink, picture.values, picture.edges, blocks)
    groups = drop_enclosed(groups, ink, picture.page)
    for _ in range(TRIES):
        if not groups:
            return None
        digits = choose_digits(groups)
        poor = [digit for digit in digits if not stands_out(picture.texture, ink, digit)]
        if not poor:
            return Candidate(ink, digits, groups, strokes)
        groups = [group for group in groups if group not in poor]
    return None


def _take_all(ink: Ink) -> Candidate:
    """Return all ink but specks as one digit."""
    group = group_all(ink)
    return Candidate(ink, [group], [group])


def _agree(one: Candidate, other: Candidate) -> bool:
    """Return whether two candidates show the same digits."""
    if len(one.digits) != len(other.digits):
        return False
    for a, b in zip(one.digits, other.digits, strict=True):
        most = max(3, SAME * a.longest)
        places = zip(a.place, b.place, strict=True)
        if any(abs(first - second) > most for first, second in places):
            return False
    return one.ink.source.is_light == other.ink.source.is_light


def _is_part(one: Candidate, other: Candidate) -> bool:
    """Return whether one shows a part of the digit that the other shows, or a hole of it."""
    inner, outer = one.best, other.best
    margin = 2
    is_inside = (
        outer.left - margin <= inner.left
        and outer.top - margin <= inner.top
        and outer.right + margin >= inner.right
        and outer.bottom + margin >= inner.bottom
    )
    score = outer.score / (TOUCHING if outer.touches and other.is_alone else 1)
    # Of a page with nothing else on it, the surroundings show only the strongest strokes.
    is_page = other.is_alone and other.ink.source.reach is None and not outer.touches
    part, strong = (0.7, 0.6) if is_page else (PART, 0.85)
    if not is_inside or outer.is_solid or score < part * inner.score:
        return False
    if one.ink.source.is_light == other.ink.source.is_light:
        return outer.mass > 1.1 * inner.mass and outer.strength >= strong * inner.strength
    # Ink with a hole in it, not a note with a digit on it: holes have no strokes.
    thick = outer.width / outer.longest
    is_bold = inner.fill > HOLE or score > 0.9 * inner.score
    return outer.longest > 1.1 * inner.longest and thick <= (0.4 if is_bold else 0.25)


def _is_clean(page: Candidate) -> bool:
    """Return whether nothing but digits is on the page."""
    doubtful = any(
        digit.sides > 1
        or digit.is_solid
        or (digit.width > THICK * digit.longest and not digit.is_narrow)
        for digit in page.digits
    )
    return page.is_alone and not doubtful and not page.ink.lines.any() and not _is_mixed(page)
