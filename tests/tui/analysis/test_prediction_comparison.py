"""Digits that several networks predict differently."""

import numpy

from tests.support.evaluations import logits_of
from tui.analysis.prediction_comparison import find_disagreements


def test_strongest_disagreement_comes_first():
    one = logits_of([0, 1, 2, 3, 4], [9.0, 1.0, 9.0, 9.0, 5.0])
    other = logits_of([0, 5, 6, 3, 7], [9.0, 1.0, 9.0, 1.0, 5.0])
    assert find_disagreements([one, other]) == (2, 4, 1)
    assert find_disagreements([one, one, other]) == (2, 4, 1)
    assert find_disagreements([one, one]) == ()
    diverged = numpy.full((5, 10), numpy.nan, numpy.float32).tobytes()
    assert set(find_disagreements([one, diverged])) == {1, 2, 3, 4}
