"""How large the cards of images are drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.cards.image_layout import HEAD, arrange, fit_warnings

WARNINGS = ("the digit touches the edge: a part may be missing", "other marks are as large", "wide")


@pytest.mark.parametrize(
    ("count", "width", "height", "least_ink", "capacity"),
    [
        (1, 78, 20, 28, 1),
        (1, 118, 36, 44, 1),
        (1, 198, 56, 56, 1),
        (2, 78, 20, 18, 2),
        (2, 118, 36, 28, 2),
        (2, 198, 56, 46, 2),
        (6, 118, 36, 14, 6),
        (100, 78, 20, 16, 2),
        (100, 198, 56, 14, 18),
        (100, 58, 14, 14, 1),
    ],
)
def test_cards_use_the_window(count, width, height, least_ink, capacity):
    """Windows of 80×24, 120×40, 200×60 and 60×18, less what surrounds the cards."""
    layout = arrange([()] * count, width, height)
    assert (layout.ink >= least_ink, min(count, layout.capacity)) == (True, capacity)


@given(
    st.lists(st.sampled_from([(), WARNINGS[:1], WARNINGS]), max_size=9),
    st.integers(44, 240),
    st.integers(13, 70),
)
def test_cards_stay_within_the_window(warnings, width, height):
    layout = arrange(warnings, width, height)
    assert layout.columns * (layout.width + 2) - 2 <= width
    assert layout.rows * (layout.body + layout.warning_rows + 1) - 1 <= height
    assert layout.body >= HEAD + layout.ink // 2 + 1
    if any(warnings):
        assert layout.warning_rows + layout.lacking_rows > 0


def test_free_rows_are_used_for_warnings():
    """Small cards would fit three to a column: eleven of them leave room for all warnings."""
    warnings = ("unlike any digit the network was trained on", "wider than high: perhaps several")
    layout = arrange([()] * 9 + [warnings] * 2, 198, 56)
    assert (layout.capacity >= 11, layout.lacking_rows) == (True, 0)


def test_one_image_shows_all_its_warnings():
    layout = arrange([WARNINGS], 78, 20)
    assert (layout.lacking_rows, fit_warnings(WARNINGS, layout.width, layout.warning_rows)) == (
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
