"""Estimate what a picture would be without its ink: the paper and the light on it."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from core.data.segmentation.regions import Grid, slide

FEW = 64  # the longer side of the image that the lighting is fitted to
CLEAN = 2.0  # noise of a drawn background, in grey levels; that of a photograph is larger
APART = 4  # standard deviations between two classes of pixels; two halves of noise are 3 apart
OUTLIER = 4.7  # times the noise: pixels beyond are not background (Tukey's biweight)
DARK = 25  # grey levels added to the background, so that noise in the dark is not large by ratio


def subtract_background(values: Grid) -> tuple[Grid, float]:
    """Return how much lighter than the background each pixel is, and the background's noise.

    The noise is a standard deviation, 0 for a drawn image. The background is most of the image, and
    even more of its rim. Where it is not uniform, a quadratic surface models the lighting, fitted
    to all but the strokes by iteratively reweighted least squares.
    """
    height, width = values.shape
    rows, columns = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    step = max(1, max(values.shape) // FEW)
    y, x, few = (each[::step, ::step].ravel() for each in (rows, columns, values))
    rim = (abs(y) > 0.9) | (abs(x) > 0.9)
    y, x, few = (numpy.concatenate([each, each[rim], each[rim]]) for each in (y, x, few))
    level, flat = _find_level(few)
    if flat <= CLEAN:
        return values - level, 0.0
    surface = numpy.stack(_terms(x, y), axis=1)
    fitted: Grid = numpy.zeros(6)
    off, noise = few - level, flat
    for _ in range(20):
        weight = numpy.clip(1 - (off / (OUTLIER * max(noise, 1.0))) ** 2, 0, None)
        weighted = (surface * (weight * weight)[:, None]).T
        # The normal equations: BLAS would divide the full ones among threads, which cost more.
        fitted = numpy.linalg.lstsq(weighted @ surface, weighted @ few, rcond=None)[0]
        off, before = few - surface @ fitted, noise
        noise = _measure_noise(off)
        if abs(noise - before) < 1e-3:
            break
    if noise > 0.8 * flat:  # the lighting explains little of it
        return values - level, flat
    background = sum(part * each for part, each in zip(fitted, _terms(columns, rows), strict=True))
    return values - background, noise


def subtract_surroundings(values: NDArray[numpy.uint8], reach: int) -> tuple[Grid, float]:
    """Return how much darker than its surroundings each pixel is, and the noise of that.

    The background is a morphological closing: what is dark and narrower than `reach`, which is odd,
    is filled up. So shadows, a desk or a finger belong to the background, however sharp their
    edges are. The differences are relative to the background, 255 at most, since a shadow dims ink
    and paper alike.
    """
    filled = slide(slide(values, reach, numpy.maximum), reach, numpy.minimum)
    background = filled.astype(numpy.float32)
    below = (background - values) / (background + DARK) * (255 + DARK)
    few = below[::3, ::2]
    middle = numpy.median(few)  # the closing of noise lies above the middle of it
    return below - middle, _measure_noise(few - middle)


def _find_level(values: Grid) -> tuple[float, float]:
    """Return the grey level and the noise of a uniform background.

    Where Otsu's method finds two clearly separate classes of pixels, the larger is the background.
    """
    if values.min() == values.max():
        return float(values[0]), 0.0
    counts, edges = numpy.histogram(values, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    below, above = counts.cumsum()[:-1], counts[::-1].cumsum()[::-1][1:]
    sums = (counts * middles).cumsum()[:-1]
    means = sums / below, ((counts * middles).sum() - sums) / above
    best = int((below * above * (means[1] - means[0]) ** 2).argmax())
    split = values <= edges[best + 1]
    one, other = values[split], values[~split]
    within = ((one.var() * one.size + other.var() * other.size) / values.size) ** 0.5
    if other.size and other.mean() - one.mean() > APART * within:
        values = one if one.size > other.size else other
    level = float(numpy.median(values))
    return level, _measure_noise(values - level)


def _measure_noise(off: Grid) -> float:
    """Return a standard deviation estimated from the median, which strokes do not affect."""
    return 1.4826 * float(numpy.median(abs(off)))


def _terms(x: Grid, y: Grid) -> tuple[Grid, ...]:
    """Return the terms of a quadratic surface."""
    return (numpy.ones_like(x), x, y, x * x, x * y, y * y)
