"""Digits and bars in characters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.text import digit_art

STYLES = {"ramp": digit_art.RAMP, "half-block": digit_art.HALVES, "braille": None}


@given(
    st.binary(min_size=784, max_size=784),
    st.integers(1, 40),
    st.integers(1, 30),
    st.sampled_from(list(STYLES)),
)
@settings(max_examples=40)
def test_digit_has_the_given_size(pixels, width, height, style):
    lines = digit_art.draw_digit(pixels, width, height, style)
    assert len(lines) == height
    assert {len(line) for line in lines} == {width}
    # Braille's own characters, but for the one without dots.
    allowed = STYLES[style] or [" ", *map(chr, range(0x2801, 0x2900))]
    assert set("".join(lines)) <= set(allowed)


@pytest.mark.parametrize("style", STYLES)
def test_ink_is_where_the_pixels_are(style):
    image = bytearray(784)
    for y in range(4, 24):
        image[y * 28 + 14] = image[y * 28 + 15] = 255
    lines = digit_art.draw_digit(bytes(image), 14, 7, style)
    inked = {(y, x) for y, line in enumerate(lines) for x, cell in enumerate(line) if cell != " "}
    assert inked == {(y, 7) for y in range(1, 6)}
    assert digit_art.draw_digit(bytes(784), 14, 7, style) == (" " * 14,) * 7


def test_braille_has_a_dot_for_each_pixel():
    image = bytearray(784)
    image[0] = image[3 * 28 + 1] = image[27 * 28 + 27] = 255  # two in one character, one at the end
    lines = digit_art.draw_digit(bytes(image), 14, 7, "braille")
    assert lines[0][0] == "⢁"
    assert lines[6][13] == "⢀"
    assert "".join(lines).strip(" ⢁⢀") == ""


def test_half_block_shows_two_pixels():
    image = bytearray(784)
    for y in range(14, 16):  # the lower half of the fourth line of seven
        image[y * 28 : y * 28 + 28] = bytes([255] * 28)
    lines = digit_art.draw_digit(bytes(image), 14, 7, "half-block")
    assert lines == (*[" " * 14] * 3, "▄" * 14, *[" " * 14] * 3)


@given(st.floats(0, 1), st.integers(1, 60))
def test_bar_has_its_width_and_share(share, width):
    filled = digit_art.draw_bar(share, width)
    assert len(filled) == width
    assert filled.count("█") in (int(share * width), round(share * width))
    assert len(digit_art.draw_bar(share, width, plain=True)) == width


def test_bar_shows_small_shares():
    assert digit_art.draw_bar(0.0, 10).strip() == ""
    assert digit_art.draw_bar(0.01, 10).strip() == "▏"
