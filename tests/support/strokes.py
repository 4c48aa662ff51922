"""Digits as a person draws them: the paths of the pen, at any size and slant."""

from __future__ import annotations

from math import cos, radians, sin

Path = list[tuple[float, float]]

ARC_STEP = 12  # degrees between two points


def arc(x: float, y: float, wide: float, high: float, start: int, end: int) -> Path:
    """Return points of an ellipse around x, y; degrees, 0 is right and 90 is down."""
    by = ARC_STEP if end > start else -ARC_STEP
    angles = [*range(start, end, by), end]
    return [(x + wide * cos(radians(at)), y + high * sin(radians(at))) for at in angles]


# The strokes of each digit, in a box 1 high and about 0.6 wide.
DIGIT_PATHS: dict[int, list[Path]] = {
    0: [arc(0.3, 0.5, 0.29, 0.5, -70, 290)],
    1: [[(0.3, 0.0), (0.3, 1.0)]],
    2: [[*arc(0.3, 0.27, 0.27, 0.27, -165, 30), (0.02, 0.97), (0.6, 0.95)]],
    3: [[*arc(0.27, 0.24, 0.26, 0.24, -150, 90), *arc(0.27, 0.73, 0.31, 0.27, -85, 150)]],
    4: [[(0.12, 0.0), (0.03, 0.52), (0.6, 0.5)], [(0.5, 0.05), (0.46, 1.0)]],
    5: [[(0.55, 0.0), (0.12, 0.02), (0.08, 0.42), *arc(0.25, 0.7, 0.32, 0.29, -110, 140)]],
    6: [[(0.45, 0.0), (0.17, 0.3), (0.05, 0.6), *arc(0.28, 0.73, 0.24, 0.26, 180, -180)]],
    7: [[(0.0, 0.05), (0.58, 0.03), (0.22, 1.0)]],
    8: [
        [
            *arc(0.3, 0.24, 0.21, 0.24, 0, -270),
            *arc(0.3, 0.74, 0.26, 0.26, -90, 270),
            *arc(0.3, 0.24, 0.21, 0.24, 90, 0),
        ]
    ],
    9: [[*arc(0.28, 0.26, 0.25, 0.26, 0, -360), (0.5, 0.5), (0.42, 1.0)]],
}


def digit_strokes(digit: int, height: float = 20.0, slant: float = 0.0) -> list[Path]:
    """Return the strokes of a digit in pixels, in the middle of an image of 28×28.

    `slant` is how far its top is right of its bottom, as a share of its height.
    """
    paths = [[(x + slant * (0.5 - y), y) for x, y in path] for path in DIGIT_PATHS[digit]]
    places = [x for path in paths for x, _ in path]
    middle = (min(places) + max(places)) / 2
    return [
        [(14 + (x - middle) * height, 14 + (y - 0.5) * height) for x, y in path] for path in paths
    ]
