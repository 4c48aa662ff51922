"""The places of a map's images on a grid of cells."""

import math
import random
from dataclasses import replace

from core.questions import ExplainMap
from tests.support.explanations import fake_explanations
from tui.widgets.explain.map_grid import (
    Bounds,
    class_signs,
    follow_bounds,
    map_points,
    most_frequent,
    next_spot,
    place_points,
)

MAP = [*fake_explanations(ExplainMap((bytes(784),)), step=0)][-1]


def test_bounds_stay_until_points_leave_them():
    points = [place / 100 for place in range(101)]
    first = follow_bounds(None, points, points)
    assert (first.left < 0, first.right > 1) == (True, True)
    moved = [0.02 + 0.97 * each for each in points]
    assert follow_bounds(first, moved, moved) == first
    few_outside = [*points, 3.0]
    assert follow_bounds(first, few_outside, points) == first, "a single point is drawn at the edge"
    larger = [5 * each for each in points]
    grown = follow_bounds(first, larger, points)
    assert grown.right > 5
    assert (grown.bottom, grown.top) == (first.bottom, first.top)
    assert follow_bounds(grown, points, points).right < 2, "points that shrink are drawn larger"
    assert follow_bounds(first, [], []) is first
    same = follow_bounds(None, [2.0] * 5, [3.0] * 5)
    assert same.left < 2 < same.right
    assert same.bottom < 3 < same.top


def test_points_lie_in_their_cells_and_mistakes_come_first():
    points = map_points(MAP)
    cells = place_points(points, Bounds(-0.5, 0.5, -0.5, 0.5), 30, 10)
    assert sum(map(len, cells.values())) == len(points), "those beyond the edges too"
    assert all(0 <= x < 30 and 0 <= y < 10 for x, y in cells)
    for found in cells.values():
        ranks = [(not each.is_own, not each.is_mistake) for each in found]
        assert ranks == sorted(ranks)
    up = [each for each in points if each.y > 0.5]
    assert all(each in [p for (_, y), ps in cells.items() if y == 0 for p in ps] for each in up)


def test_most_frequent_class_is_the_first_of_equals():
    points = [each for each in map_points(MAP) if each.label in (4, 7)]
    fours = [each for each in points if each.label == 4]
    sevens = [each for each in points if each.label == 7]
    assert most_frequent([*sevens[:3], *fours[:2]]) == 7
    assert most_frequent([*sevens[:2], *fours[:2]]) == 4


def test_points_without_a_place_are_left_out():
    bad = replace(MAP, xs=(math.nan, *MAP.xs[1:]), ys=(*MAP.ys[:-1], math.inf))
    left = {each.place for each in map_points(MAP)} - {each.place for each in map_points(bad)}
    assert left == {0, len(MAP.ys) - 1}


def test_arrows_reach_every_cell():
    source = random.Random(3)
    cells = {(source.randrange(40), source.randrange(12)): [] for _ in range(150)}
    start = next(iter(cells))
    reached, edge = {start}, [start]
    while edge:
        at = edge.pop()
        for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            if (spot := next_spot(cells, at, *step)) not in reached:
                reached.add(spot)
                edge.append(spot)
    assert reached == set(cells)
    alone = {(4, 4): []}
    assert next_spot(alone, (4, 4), 1, 0) == (4, 4) == next_spot(alone, (4, 4), 0, -1)


def test_classes_have_a_sign_of_one_cell():
    assert class_signs(tuple("0123")) == ["0", "1", "2", "3"]
    assert class_signs(("cat", "dog", "emu")) == ["c", "d", "e"]
    assert class_signs(("coat", "cat", "あ")) == ["a", "b", "c"]
    many = class_signs([f"name {number}" for number in range(100)])
    assert (len(many), len(set(many))) == (100, 62)
    assert class_signs(("\x1b", "b")) == ["\\", "b"], "printable"
