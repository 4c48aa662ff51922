"""Numbers, sizes, durations and names as text."""

import pytest

from tui.text.formats import (
    format_age,
    format_duration,
    format_loss,
    format_size,
    printable,
    truncate,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (100_648, "101 KB"),
        (8_044_464, "8.0 MB"),
        (999_600, "1.0 MB"),
        (10**15, "1000 TB"),
    ],
)
def test_format_size(count, text):
    assert format_size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7, "0:07"), (750, "12:30"), (3723, "1:02:03"), (-5, "0:00")]
)
def test_format_duration(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "now"), (59, "now"), (300, "5 min"), (10_800, "3 h"), (1e6, "11 d")]
)
def test_format_age(seconds, text):
    assert format_age(seconds) == text


def test_format_loss_is_short():
    assert format_loss(0.12345) == "0.1235"
    assert format_loss(7.2e31) == "7.2e+31"
    assert format_loss(None) == "–"


def test_printable_escapes_control_characters():
    assert printable("a\x1b[31mb\nc\u202ed") == "a\\x1b[31mb\\nc\\u202ed"
    assert printable("naïve [red] 数") == "naïve [red] 数"


def test_truncate_fits_the_width():
    assert truncate("abcdef", 4) == "abc…"
    assert truncate("abcd", 4) == "abcd"
    assert truncate("漢字漢", 4) == "漢 …"
    assert truncate("abc", 0) == truncate("abc", -3) == ""
