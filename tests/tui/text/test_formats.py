"""Numbers, sizes, durations and names as text."""

import pytest

from tui.text.formats import (
    format_age,
    format_duration,
    format_loss,
    format_percent,
    format_rate,
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


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (2.302585, "2.30"),
        (0.12345, "0.123"),
        (0.0999999, "0.100"),
        (0.0994, "0.0994"),
        (0.00996, "0.010"),
        (0.0034, "0.0034"),
        (3.406e-05, "0.000034"),
        (3.4e-6, "0.000003"),
        (1e-9, "<1e-6"),
        (0.0, "0"),
        (12.3456, "12.3"),
        (1234.5, "1,234"),
        (99_999.9, "1.0e5"),
        (8.7e18, "8.7e18"),
        (float("inf"), "inf"),
        (None, "–"),
    ],
)
def test_format_loss(loss, text):
    assert format_loss(loss) == text
    assert len(text) <= 8


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.968, "96.8%"),
        (0.98949, "98.9%"),
        (0.9896, "98.96%"),
        (0.9912, "99.12%"),
        (0.99999, "99.99%"),
        (1.0, "100%"),
        (0.0, "0.0%"),
        (None, "–"),
    ],
)
def test_format_percent(share, text):
    """An accuracy that is not perfect is never shown as 100%."""
    assert format_percent(share) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        *((0.001, "0.001"), (1e-5, "0.00001"), (0.00024999999, "0.00025"), (10.0, "10")),
        *((0.3, "0.3"), (1e9, "1e+09"), (0.0, "0"), (None, "–")),
    ],
)
def test_format_rate(rate, text):
    assert format_rate(rate) == text


def test_printable_escapes_control_characters():
    assert printable("a\x1b[31mb\nc\u202ed") == "a\\x1b[31mb\\nc\\u202ed"
    assert printable("naïve [red] 数") == "naïve [red] 数"


def test_truncate_fits_the_width():
    assert truncate("abcdef", 4) == "abc…"
    assert truncate("abcd", 4) == "abcd"
    assert truncate("漢字漢", 4) == "漢 …"
    assert truncate("abc", 0) == truncate("abc", -3) == ""
