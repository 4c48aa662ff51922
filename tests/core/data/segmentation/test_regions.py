"""Connected regions against a flood fill, and sliding windows against their definition."""

import numpy

from core.data.segmentation.regions import find_regions, slide


def flood(mask: numpy.ndarray) -> set[frozenset]:
    left, parts = set(map(tuple, numpy.argwhere(mask).tolist())), set()
    while left:
        part = [left.pop()]
        for y, x in part:  # grows meanwhile
            near = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            part.extend(near)
        parts.add(frozenset(part))
    return parts


def test_regions_equal_a_flood_fill():
    random = numpy.random.default_rng(0)
    for _ in range(60):
        mask = random.random(random.integers(1, 24, 2)) < random.random()
        regions = find_regions(mask)
        places = [numpy.argwhere(regions.labels == number) for number in range(len(regions))]
        assert {frozenset(map(tuple, each.tolist())) for each in places} == flood(mask)
        assert (regions.labels[~mask] == -1).all()
        for number, place in enumerate(places):
            assert regions.area[number] == len(place)
            assert (regions.top[number], regions.left[number]) == tuple(place.min(axis=0))
            assert (regions.bottom[number], regions.right[number]) == tuple(place.max(axis=0) + 1)


def test_width_is_that_of_a_stroke():
    mask = numpy.zeros((60, 60), dtype=bool)
    mask[5:50, 20:27] = True
    mask[43:50, 20:55] = True  # an L, 7 wide
    assert abs(find_regions(mask).width[0] - 7) < 1


def test_slide_is_the_extreme_of_a_square():
    values = numpy.random.default_rng(1).integers(0, 255, (13, 9)).astype(numpy.uint8)
    for pick in (numpy.minimum, numpy.maximum):
        want = [
            [
                pick.reduce(values[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4], axis=None)
                for x in range(9)
            ]
            for y in range(13)
        ]
        assert (slide(values, 7, pick) == want).all()
