"""Images that are no digits: made from digits, and drawn of random strokes.

Training a classifier with images of no class makes it reject others too: Hendrycks, Mazeika and
Dietterich, "Deep Anomaly Detection with Outlier Exposure" (2019). Turned images as such a class are
from Golan and El-Yaniv, "Deep Anomaly Detection Using Geometric Transformations" (2018).
"""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor
from torch.nn import functional

from core.data.batches import SIDE

# Classes of which no image is a digit after this: a mirrored 8 is an 8, and a mirrored 5 a 2.
MIRRORED = (2, 3, 4, 6, 7, 9)
UPSIDE_DOWN = (4, 6, 7, 9)
QUARTER_TURN = (2, 3, 4, 5, 6, 7, 8, 9)
HALF_TURN = (3, 4, 7)
CUT = (2, 3, 4, 5, 7, 8)
DRAWN = 2 * SIDE  # the side of the images that strokes are drawn into


def make_counterexamples(images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return as many images (N, 28, 28) of each kind as there are digits, or less."""
    count = len(images)
    kinds = (
        _turn(images, labels),
        _join(images, labels, generator),
        _cut(images, labels, generator),
        _draw_strokes(count, generator),
        _draw_specks(count // 4, generator),
    )
    return torch.cat([_take(each, count, generator) for each in kinds])


def _take(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return images[torch.randperm(len(images), generator=generator)[:count]]


def _turn(images: Tensor, labels: Tensor) -> Tensor:
    """Return mirrored and turned digits that are no digits."""

    def of(classes: tuple[int, ...]) -> Tensor:
        return images[torch.isin(labels, torch.tensor(classes))]

    quarter = of(QUARTER_TURN)
    return torch.cat(
        [
            of(MIRRORED).flip(2),
            of(UPSIDE_DOWN).flip(1),
            quarter.rot90(1, (1, 2)),
            quarter.rot90(-1, (1, 2)),
            of(HALF_TURN).rot90(2, (1, 2)),
        ]
    )


def _join(images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return images of two digits: halves of both, one over the other, and side by side."""
    order = torch.randperm(len(images), generator=generator)
    differ = labels != labels[order]
    one, two = shift(images[differ], 2, generator), shift(images[order][differ], 2, generator)
    middle = SIDE // 2
    halves = torch.cat([one[:, :middle], two[:, middle:]], 1)
    sides = torch.cat([one[:, :, :middle], two[:, :, middle:]], 2)
    both = torch.cat([one, two], 2).unsqueeze(1).float()
    pair = functional.interpolate(both, (SIDE, SIDE), mode="area").squeeze(1).to(torch.uint8)
    joined = torch.stack([halves, sides, torch.maximum(one, two), pair])
    kind = torch.randint(len(joined), (len(one),), generator=generator)
    return joined[kind, torch.arange(len(one))]


def _cut(images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return digits of which about half is cut off, along a line through their middle."""
    images = images[torch.isin(labels, torch.tensor(CUT))]
    places = torch.arange(SIDE) - (SIDE - 1) / 2
    angles = torch.rand(len(images), 1, 1, generator=generator) * 2 * math.pi
    offsets = torch.rand(len(images), 1, 1, generator=generator) * 4 - 2
    distance = angles.cos() * places + angles.sin() * places[:, None]  # (N, 28, 28)
    return images * (distance > offsets)


def shift(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Return images (N, 28, 28), each moved by -most to most pixels down and right."""
    windows = functional.pad(images, (most,) * 4).unfold(1, SIDE, 1).unfold(2, SIDE, 1)
    down, right = torch.randint(2 * most + 1, (2, len(images)), generator=generator)
    return windows[torch.arange(len(images)), down, right]


def _draw_strokes(count: int, generator: torch.Generator) -> Tensor:
    """Return images of two to four lines and arcs that often meet.

    Some look like a digit by chance, which the classifier stands.
    """
    from PIL import Image, ImageDraw

    chance = random.Random(int(torch.randint(2**31, (), generator=generator)))
    drawn = torch.empty(count, DRAWN, DRAWN, dtype=torch.uint8)
    for each in drawn:
        image = Image.new("L", (DRAWN, DRAWN))
        drawing, width = ImageDraw.Draw(image), chance.randint(3, 7)
        ends: list[tuple[float, float]] = []
        for _ in range(chance.randint(2, 4)):
            line = _draw_line(chance, ends)
            drawing.line(line, fill=255, width=width, joint="curve")
            for x, y in (line[0], line[-1]):
                half = width / 2
                drawing.ellipse((x - half, y - half, x + half, y + half), fill=255)
            ends += [line[0], line[-1], line[len(line) // 2]]
        each.copy_(torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view_as(each))
    return functional.avg_pool2d(drawn.unsqueeze(1).float(), 2).squeeze(1).to(torch.uint8)


def _draw_specks(count: int, generator: torch.Generator) -> Tensor:
    """Return images of fine to coarse noise, as of blank paper."""
    noise = []
    for side in (SIDE, SIDE // 2, SIDE // 4, SIDE // 7):
        values = torch.rand(count // 4, 1, side, side, generator=generator)
        shares = torch.rand(len(values), 1, 1, 1, generator=generator) / 2
        specks = (values < shares) * (1 - values / shares.clamp(min=1e-3))
        noise.append(functional.interpolate(specks, (SIDE, SIDE), mode="bilinear"))
    return (torch.cat(noise).squeeze(1) * 255).to(torch.uint8)


def _draw_line(chance: random.Random, ends: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points of a line or an arc that begins and ends at a new point or at one of
    `ends`."""

    def choose() -> tuple[float, float]:
        if ends and chance.random() < 0.6:
            return chance.choice(ends)
        x, y = (chance.choice((9, 28, 47)) + chance.gauss(0, 3) for _ in "xy")
        return x, y

    (x, y), (u, v) = choose(), choose()
    if (x, y) == (u, v):
        u, v = x + chance.gauss(0, 14), y + chance.gauss(0, 14)
    if chance.random() < 0.55:
        return [(x, y), (u, v)]
    bend = chance.uniform(-1.2, 1.2)
    a, b = (x + u) / 2 - (v - y) * bend, (y + v) / 2 + (u - x) * bend
    parts = [step / 8 for step in range(9)]  # of a quadratic Bézier curve
    return [
        (
            (1 - t) ** 2 * x + 2 * t * (1 - t) * a + t * t * u,
            (1 - t) ** 2 * y + 2 * t * (1 - t) * b + t * t * v,
        )
        for t in parts
    ]
