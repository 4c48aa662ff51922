"""How large the cards of images are drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.cards.image_layout import BORDER, arrange, fit_warnings

WARNINGS = ("the digit touches the edge: a part may be missing", "other marks are as large", "wide")


@pytest.mark.parametrize(
    ("count", "width", "height", "least_ink", "capacity"),
    [
        (1, 80, 21, 30, 1),
        (1, 120, 37, 50, 1),
        (1, 200, 57, 56, 1),
        (2, 80, 21, 18, 2),
        (2, 120, 37, 28, 2),
        (2, 200, 57, 48, 2),
        (6, 120, 37, 28, 2),
        (100, 80, 21, 18, 2),
        (100, 200, 57, 28, 6),
        (100, 60, 15, 20, 1),
    ],
)
def test_cards_use_the_window(count, width, height, least_ink, capacity):
    """Windows of 80×24, 120×40, 200×60 and 60×18, less what surrounds the cards."""
    layout = arrange([()] * count, width, height, 3)
    assert (layout.ink >= least_ink, min(count, layout.capacity)) == (True, capacity)


@given(
    st.lists(st.sampled_from([(), WARNINGS[:1], WARNINGS]), max_size=9),
    st.integers(44, 240),
    st.integers(15, 70),
    st.sampled_from([3, 10]),
)
def test_cards_stay_within_the_window(warnings, width, height, bars):
    layout = arrange(warnings, width, height, bars)
    assert layout.columns * layout.width <= width
    assert layout.rows * layout.height <= height
    below = -(-bars // layout.bar_columns) if layout.is_stacked else 0
    assert layout.height >= BORDER + layout.ink // 2 + 1 + below + layout.warning_rows
    if any(warnings):
        assert layout.warning_rows + layout.lacking_rows > 0


def test_free_rows_are_used_for_warnings():
    """Large drawings leave rows below them, in which all warnings fit."""
    warnings = ("unlike any digit the network was trained on", "wider than high: perhaps several")
    layout = arrange([()] * 9 + [warnings] * 2, 200, 57, 3)
    assert (layout.ink, layout.capacity, layout.lacking_rows) == (28, 6, 0)


def test_one_image_shows_all_its_warnings():
    layout = arrange([WARNINGS], 80, 21, 3)
    assert (
        layout.lacking_rows,
        fit_warnings(WARNINGS, layout.width - BORDER, layout.warning_rows),
    ) == (
        0,
        tuple(f"! {each}" for each in WARNINGS),
    )


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (
            5,
            (
                "! the digit touches the",
                "  edge: a part may be",
                "  missing",
                "! other marks are as",
            ),
        ),
        (4, ("! the digit touches the", "  edge: a part may be", "  missing (+2)")),
        (3, ("! the digit touches the", "  edge: a part may be", "  missing (+2)")),
        (2, ("! the digit touches the", "  edge: a part may… (+2)")),
        (1, ("! the digit… (+2)",)),
        (0, ()),
    ],
)
def test_warnings_without_room_are_counted(rows, lines):
    found = fit_warnings(WARNINGS, 24, rows)
    assert found[: len(lines)] == lines
    assert len(found) <= rows
    assert rows == 5 or found == lines
