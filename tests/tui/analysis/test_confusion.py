"""The confusion matrix: precision, recall, and how cells and pairs are described."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.analysis.confusion import (
    ClassScore,
    class_scores,
    confused_pairs,
    count_errors,
    count_samples,
    describe_cell,
    describe_pair,
    error_share,
)
from tui.widgets.charts.confusion_matrix import shade

# 5 are correct, 2 zeros are predicted as 2; class 1 is never predicted, class 2 has no samples.
SMALL = ((5, 0, 2), (1, 0, 0), (0, 0, 0))
confusions = st.lists(
    st.lists(st.integers(0, 2000), min_size=10, max_size=10), min_size=10, max_size=10
)


def test_precision_and_recall_of_a_small_matrix():
    assert class_scores(SMALL) == (
        ClassScore(precision=5 / 6, recall=5 / 7),
        ClassScore(precision=None, recall=0.0),
        ClassScore(precision=0.0, recall=None),
    )
    assert (count_samples(SMALL), count_errors(SMALL)) == (8, 3)
    assert error_share(SMALL, 0, 2) == 1.0
    assert error_share(SMALL, 0, 0) == 0.0


def test_cells_and_pairs_are_described():
    assert [describe_pair(pair) for pair in confused_pairs(SMALL)] == [
        "0 predicted as 2: 2×",
        "1 predicted as 0: 1×",
    ]
    assert describe_cell(SMALL, 0, 2) == "2 zeros predicted as 2"
    assert describe_cell(SMALL, 1, 0) == "1 one predicted as 0"
    assert describe_cell(SMALL, 2, 1) == "no twos predicted as 1"
    assert describe_cell(SMALL, 0, 0) == "5 of 7 zeros correct"


@given(confusions)
def test_counts_add_up(rows):
    confusion = tuple(map(tuple, rows))
    pairs = confused_pairs(confusion)
    assert sum(pair.count for pair in pairs) == count_errors(confusion)
    assert [pair.count for pair in pairs] == sorted((p.count for p in pairs), reverse=True)
    correct = count_samples(confusion) - count_errors(confusion)
    scores = class_scores(confusion)
    by_recall = sum((each.recall or 0) * sum(row) for each, row in zip(scores, rows, strict=True))
    predicted = [sum(column) for column in zip(*rows, strict=True)]
    by_precision = sum(
        (each.precision or 0) * count for each, count in zip(scores, predicted, strict=True)
    )
    assert by_recall == pytest.approx(correct)
    assert by_precision == pytest.approx(correct)
    for actual, row in enumerate(rows):
        shares = [error_share(confusion, actual, other) for other in range(10)]
        assert sum(shares) == pytest.approx(1 if sum(row) > row[actual] else 0)
        assert shade(max(shares)) == max(map(shade, shares))
