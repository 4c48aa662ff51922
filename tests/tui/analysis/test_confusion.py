"""The confusion matrix: precision, recall, and how cells and pairs are described."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.analysis.confusion import (
    ClassErrors,
    ClassScore,
    align_errors,
    class_errors,
    class_scores,
    confused_pairs,
    count_errors,
    count_samples,
    describe_cell,
    describe_pair,
    most_errors,
)
from tui.text.formats import cut_labels, distinct_labels
from tui.widgets.charts.confusion_matrix import SHADES, shade, shade_bounds

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
    assert most_errors(SMALL) == 2
    assert class_errors(SMALL) == (
        ClassErrors(0, 7, 2, most_as=2),
        ClassErrors(1, 1, 1, most_as=0),
        ClassErrors(2, 0, 0, most_as=None),
    )


def test_cells_and_pairs_are_described():
    assert [describe_pair(pair) for pair in confused_pairs(SMALL)] == [
        "0 predicted as 2: 2×",
        "1 predicted as 0: 1×",
    ]
    assert describe_cell(SMALL, 0, 2) == "2 zeros predicted as 2"
    assert describe_cell(SMALL, 1, 0) == "1 one predicted as 0"
    assert describe_cell(SMALL, 2, 1) == "no twos predicted as 1"
    assert describe_cell(SMALL, 0, 0) == "5 of 7 zeros correct"
    assert align_errors(class_errors(((951, 0, 31), (0, 9, 0), (0, 0, 0)))) == [
        "0: 31 of 982 wrong, most as 2",
        "1:  0 of   9 wrong",
        "2:  0 of   0 wrong",
    ]


def test_names_of_classes_are_shown_and_shortened():
    names = ("T-shirt/top", "あ", "[b]\x1b")
    assert describe_cell(SMALL, 0, 2, names) == "2 images of T-shirt/top predicted as [b]\\x1b"
    assert describe_cell(SMALL, 1, 0, names) == "1 image of あ predicted as T-shirt/top"
    pair = confused_pairs(SMALL)[0]
    assert describe_pair(pair, names) == "T-shirt/top predicted as [b]\\x1b: 2×"
    assert describe_pair(pair, names, 22) == "T-shir… as [b]\\x1b: 2×"
    assert align_errors(class_errors(SMALL), names, short=True, width=23) == [
        "T-sh…: 2 of 7, as [b]\\…",
        "あ   : 1 of 1, as T-sh…",
        "[b]\\…: 0 of 0",
    ]


def test_cut_names_stay_distinct():
    assert cut_labels(("Sandal", "Shirt", "あいう"), 3) == ["San", "Shi", "あ "]
    assert cut_labels(("glyph 1", "glyph 2", "x"), 3) == ["h 1", "h 2", "x"]


def test_labels_are_cut_where_they_differ():
    assert distinct_labels(("class 3", "class 13", "x"), 6) == ["cla… 3", "cla…13", "x"]
    assert distinct_labels(("Sandal", "Sneaker", "Ankle boot"), 5) == ["Sand…", "Snea…", "Ankl…"]


def test_classes_need_no_names():
    confusion = tuple(tuple(int(row != column) for column in range(12)) for row in range(12))
    assert describe_cell(confusion, 11, 0) == "1 image of 11 predicted as 0"
    assert describe_cell(confusion, 11, 11) == "0 of 11 images of 11 correct"


def test_shades_are_parts_of_the_largest_count():
    assert [shade_bounds(most) for most in (0, 1, 2, 8)] == [(), (1,), (1, 2), (1, 3, 5, 7)]
    bounds = shade_bounds(100)
    assert [shade(count, bounds) for count in (0, 1, 25, 26, 51, 76, 100)] == [
        None, 0, 0, 1, 2, 3, 3,
    ]  # fmt: skip
    assert shade(1, shade_bounds(1)) == len(SHADES) - 1, "the largest is the brightest"


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
    errors = class_errors(confusion)
    assert sum(each.errors for each in errors) == count_errors(confusion)
    assert [each.samples for each in errors] == [sum(row) for row in rows]
    bounds = shade_bounds(most_errors(confusion))
    shades = [shade(pair.count, bounds) for pair in pairs]
    assert shades == sorted(shades, reverse=True), "one scale for the whole matrix"
