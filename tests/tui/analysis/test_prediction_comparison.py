"""Digits that several networks predict differently."""

import numpy

from tui.analysis.prediction_comparison import find_disagreements


def logits_of(guesses: list[int], sureness: list[float]) -> bytes:
    logits = numpy.zeros((len(guesses), 10), numpy.float32)
    logits[range(len(guesses)), guesses] = sureness
    return logits.tobytes()


def test_strongest_disagreement_comes_first():
    one = logits_of([0, 1, 2, 3, 4], [9.0, 1.0, 9.0, 9.0, 5.0])
    other = logits_of([0, 5, 6, 3, 7], [9.0, 1.0, 9.0, 1.0, 5.0])
    assert find_disagreements([one, other]) == (2, 4, 1)
    assert find_disagreements([one, one, other]) == (2, 4, 1)
    assert find_disagreements([one, one]) == ()
    diverged = numpy.full((5, 10), numpy.nan, numpy.float32).tobytes()
    assert set(find_disagreements([one, diverged])) == {1, 2, 3, 4}
