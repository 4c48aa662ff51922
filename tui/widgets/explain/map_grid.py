"""The places of a map's images on a grid of cells, without drawing them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits

from core.responses.explanations import MapExplained
from tui.text.formats import cell_width, class_labels

Spot = tuple[int, int]  # column and row of a cell

MARGIN = 0.04  # of the extent, on each side
LEFT_OUT = 0.02  # of the images, beyond the bounds on one side; they are drawn at the edge
SMALLEST = 0.5  # of the bounds that the images must fill
# Signs for classes whose names differ in their first characters not at all.
LETTERS = ascii_lowercase + ascii_uppercase + digits


@dataclass(frozen=True)
class Bounds:
    """What the map shows of the two axes."""

    left: float
    right: float
    bottom: float
    top: float


def follow_bounds(before: Bounds | None, xs: Sequence[float], ys: Sequence[float]) -> Bounds | None:
    """Return the bounds for these points: those before, unless more than a few of the points leave
    them or all of them fill too little. None without points."""
    if not xs:
        return before
    if before is None:
        return Bounds(*_fit(xs), *_fit(ys))
    keeps_x = _is_filled(before.left, before.right, xs)
    keeps_y = _is_filled(before.bottom, before.top, ys)
    across = (before.left, before.right) if keeps_x else _fit(xs)
    along = (before.bottom, before.top) if keeps_y else _fit(ys)
    return Bounds(*across, *along)


def _fit(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def _is_filled(low: float, high: float, values: Sequence[float]) -> bool:
    ordered = sorted(values)
    few = int(LEFT_OUT * len(ordered))
    least, most = ordered[few], ordered[-1 - few]
    return low <= least and most <= high and most - least >= SMALLEST * (high - low) * 0.9


@dataclass(frozen=True)
class MapPoint:
    """An image on the map. `place` counts the test images first, then the person's own."""

    place: int
    x: float
    y: float
    label: int | None  # None for an own image
    predicted: int

    @property
    def is_own(self) -> bool:
        return self.label is None

    @property
    def is_mistake(self) -> bool:
        return self.label is not None and self.label != self.predicted

    @property
    def shown_class(self) -> int:
        return self.predicted if self.label is None else self.label


def map_points(answer: MapExplained) -> list[MapPoint]:
    """Return the images of a map that have a place: one whose activations are NaN has none."""
    own = (None,) * len(answer.own_xs)
    points = [
        MapPoint(place, x, y, label, predicted)
        for place, (x, y, label, predicted) in enumerate(
            zip(
                (*answer.xs, *answer.own_xs),
                (*answer.ys, *answer.own_ys),
                (*answer.labels, *own),
                (*answer.predicted, *answer.own_predicted),
                strict=True,
            )
        )
    ]
    return [point for point in points if math.isfinite(point.x) and math.isfinite(point.y)]


def place_points(
    points: Sequence[MapPoint], bounds: Bounds, width: int, height: int
) -> dict[Spot, list[MapPoint]]:
    """Return the points by their cell of width × height cells, the top row first. Those beyond the
    bounds lie at the edge. In a cell own images are first, then mistakes, then the class that most
    have."""
    cells: dict[Spot, list[MapPoint]] = defaultdict(list)
    for point in points:
        across = (point.x - bounds.left) / (bounds.right - bounds.left)
        down = (bounds.top - point.y) / (bounds.top - bounds.bottom)
        column = min(max(0, int(across * width)), width - 1)
        row = min(max(0, int(down * height)), height - 1)
        cells[column, row].append(point)
    for found in cells.values():
        first = most_frequent(found)
        found.sort(
            key=lambda point: (
                *(not point.is_own, not point.is_mistake),
                *(point.shown_class != first, point.place),
            )
        )
    return dict(cells)


def find_spot(cells: dict[Spot, list[MapPoint]], place: int | None) -> Spot | None:
    """Return the cell of an image; None where it is not shown."""
    for spot, points in cells.items():
        if any(each.place == place for each in points):
            return spot
    return None


def most_frequent(points: Sequence[MapPoint]) -> int:
    """Return the class of most of the points; of equally many the first in order."""
    counts = Counter(point.shown_class for point in points)
    return min(counts, key=lambda number: (-counts[number], number))


def next_spot(cells: dict[Spot, list[MapPoint]], at: Spot, columns: int, rows: int) -> Spot:
    """Return the next cell with an image in a direction: in the same row to the left or right; up
    or down the nearest one of the next row that has any. So each cell can be reached."""
    if columns:
        row = [x for x, y in cells if y == at[1] and (x - at[0]) * columns > 0]
        return (min(row, key=lambda x: abs(x - at[0])), at[1]) if row else at
    beyond = {y for _, y in cells if (y - at[1]) * rows > 0}
    if not beyond:
        return at
    row_at = min(beyond, key=lambda y: abs(y - at[1]))
    return min(((x, y) for x, y in cells if y == row_at), key=lambda spot: abs(spot[0] - at[0]))


def class_signs(names: Sequence[str]) -> list[str]:
    """Return a character for each class: its name, the first character of its name, or a letter if
    two classes have the same one. Of more than 62 classes, letters come again."""
    labels = class_labels(names)
    for signs in (labels, [label[:1] for label in labels]):
        if len(set(signs)) == len(signs) and all(cell_width(sign) == 1 for sign in signs):
            return signs
    return [LETTERS[number % len(LETTERS)] for number in range(len(labels))]
