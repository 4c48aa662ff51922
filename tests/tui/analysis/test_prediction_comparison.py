"""Digits that several networks predict differently."""

import numpy

from core.responses.scores import CheckpointScored
from tests.support.evaluations import logits_of
from tui.analysis.prediction_comparison import find_disagreements, predictions_of


def test_strongest_disagreement_comes_first():
    one = logits_of([0, 1, 2, 3, 4], [9.0, 1.0, 9.0, 9.0, 5.0])
    other = logits_of([0, 5, 6, 3, 7], [9.0, 1.0, 9.0, 1.0, 5.0])
    assert find_disagreements([one, other], 5) == (2, 4, 1)
    assert find_disagreements([one, one, other], 5) == (2, 4, 1)
    assert find_disagreements([one, one], 5) == ()
    three = [numpy.eye(3, dtype=numpy.float32)[order].tobytes() for order in ([0, 1], [0, 2])]
    assert find_disagreements(three, 2) == (1,), "the number of classes is that of the logits"
    diverged = numpy.full((5, 10), numpy.nan, numpy.float32).tobytes()
    assert set(find_disagreements([one, diverged], 5)) == {1, 2, 3, 4}


def test_predictions_keep_the_sign():
    values = {"path": "", "arch": "linear", "dataset": "sample", "confusion": ()}
    values |= {"test_loss": 0.0, "test_accuracy": 1.0, "labels": bytes(2), "images": bytes(1568)}
    scored = CheckpointScored(**values, logits=logits_of([0, 1], [9.0, 9.0]), unlike=b"\0\1")
    assert [each.is_unlike for each in predictions_of(scored, (1, 0))] == [True, False]
    unknown = CheckpointScored(**values, logits=scored.logits)
    assert [each.is_unlike for each in predictions_of(unknown, (1,))] == [None]
