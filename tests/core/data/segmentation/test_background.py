"""Light and shadows are subtracted from ink, in each of the two ways by itself."""

import numpy

from core.data.segmentation.background import subtract_background, subtract_surroundings

NOISE = 4.0


def write(paper: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return paper with two strokes that take 60% of its light, and where they are."""
    strokes = numpy.zeros(paper.shape, dtype=bool)
    strokes[40:120, 30:42] = strokes[40:120, 150:162] = True
    grain = numpy.random.default_rng(1).normal(0, NOISE, paper.shape)
    return (paper * (1 - 0.6 * strokes) + grain).clip(0, 255), strokes


def test_background_is_the_paper_in_uneven_light():
    """The dark corner of the paper is as dark as ink in the light one."""
    y, x = numpy.mgrid[0:1:160j, 0:1:200j]
    values, strokes = write(220 - 110 * x - 30 * y * y)
    for sign in (1, -1):
        above, noise = subtract_background(values if sign > 0 else 255 - values)
        assert abs(noise - NOISE) < 0.5
        assert abs(above[~strokes].mean()) < 0.5
        assert abs(above[~strokes].std() - NOISE) < 0.5
        assert (sign * above[strokes]).max() < -6 * NOISE


def test_surroundings_are_relative_to_a_hard_shadow():
    """Ink is as strong in the shadow as beside it, and the shadow's edge is no ink."""
    paper = numpy.full((160, 200), 220.0)
    paper[:, 100:] = 110
    values, strokes = write(paper)
    below, noise = subtract_surroundings(values.astype(numpy.uint8), 31)
    halves = numpy.arange(200) < 100, numpy.arange(200) >= 100
    light, shaded = (float(numpy.median(below[strokes & half])) for half in halves)
    assert min(light, shaded) > 120
    assert abs(light - shaded) < 0.15 * light
    assert noise < 10
    assert numpy.quantile(below[~strokes], 0.999) < 50
