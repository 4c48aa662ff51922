"""One card of a digit, and how large cards are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from core.class_names import DIGITS
from core.digit import Digit
from tests.support.fakes import ODD_NAMES
from tui.text.formats import widest_label
from tui.text.grey_art import make_palette
from tui.widgets.cards.card import CardStyle, draw_card
from tui.widgets.cards.card_layout import LABEL_WIDTH, CardLayout, arrange_cards

NAMES = ("ink", "quiet", "right", "wrong", "doubt", "line", "focus")
STYLES = {name: Style(meta={"name": name}) for name in NAMES}
DIGIT_STYLES = ("grey", "ramp", "half-block", "braille")


def certain(label, index=9999, is_unlike=None, names=DIGITS):
    """A digit that is predicted as 3 with certainty, which is the longest text."""
    logits = tuple(99.0 if number == 3 else 0.0 for number in range(len(names)))
    return Digit(index, bytes(range(196)) * 4, label, logits, is_unlike, names)


def style_of(digit_style="ramp", *, all_classes=False):
    from textual.color import Color

    palette = make_palette(Color.parse("#111111"), Color.parse("#eeeeee"))
    return CardStyle(1.0, digit_style, False, STYLES, palette, all_classes)


def texts_of(digit, layout, style=None, **more):
    lines = draw_card(digit, layout, style or style_of(), **more)
    return ["".join(segment.text for segment in line) for line in lines]


def arranged(width, height, digit_style="grey", *, names=DIGITS, all_classes=False, is_large=False):
    return arrange_cards(
        *(width, height, len(names), widest_label(names, LABEL_WIDTH)),
        style=digit_style,
        all_classes=all_classes,
        is_large=is_large,
    )


@given(
    st.integers(20, 240),
    st.integers(9, 70),
    st.sampled_from(DIGIT_STYLES),
    st.booleans(),
    st.booleans(),
    st.sampled_from([3, 5, None]),
    st.booleans(),
    st.sampled_from([DIGITS, ODD_NAMES]),
)
def test_cards_have_their_size(
    width, height, digit_style, all_classes, is_large, label, unlike, names
):
    """A line that is too long or too short would break the borders beside it."""
    options = {"names": names, "all_classes": all_classes, "is_large": is_large}
    layout = arranged(width, height, digit_style, **options)
    assert layout.columns * layout.width <= width
    assert layout.rows * layout.height <= height
    style = style_of(digit_style, all_classes=all_classes)
    digit = certain(label, is_unlike=unlike, names=names)
    texts = texts_of(digit, layout, style, note="bars at temperature 3")
    assert [cell_len(text) for text in texts] == [layout.width] * layout.height


@pytest.mark.parametrize(
    ("area", "options", "layout"),
    [
        ((80, 9), {}, CardLayout(20, 9, 4, 1, (14, 7))),
        ((80, 10), {}, CardLayout(20, 10, 4, 1, (16, 8))),
        ((80, 9), {"all_classes": True}, CardLayout(40, 9, 2, 1, (14, 7), "beside", 2)),
        ((120, 19), {}, CardLayout(30, 19, 4, 1, (28, 14), "below")),
        ((120, 19), {"all_classes": True}, CardLayout(40, 19, 3, 1, (28, 14), "beside")),
        ((200, 19), {}, CardLayout(33, 19, 6, 1, (28, 14), "below")),
        ((80, 20), {"is_large": True}, CardLayout(40, 20, 2, 1, (28, 14), "below")),
        ((120, 36), {"is_large": True}, CardLayout(40, 18, 3, 2, (28, 14), "beside")),
        ((200, 56), {"is_large": True}, CardLayout(40, 18, 5, 3, (28, 14), "beside")),
    ],
)
def test_cards_use_their_area(area, options, layout):
    """The rows of cards in the views of 80×24, 120×40 and 200×60."""
    assert arranged(*area, **options) == layout


def test_title_has_the_prediction():
    layout = CardLayout(30, 19, 1, 1, (28, 14), "below")
    assert texts_of(certain(3), layout, previous=8)[0].startswith("╭─ #9999 ✓ 3, was 8 ─")
    assert texts_of(certain(5), layout)[0].startswith("╭─ #9999 ✗ 3, is 5 ─")
    assert texts_of(certain(None), layout)[0].startswith("╭─ #9999 predicted 3 ─")
    small = CardLayout(16, 9, 1, 1, (14, 7))
    assert texts_of(certain(5), small, previous=8)[0] == "╭─ ✗ 3, is 5 ──╮"


def test_most_probable_classes_have_bars():
    digit = Digit(0, bytes(784), 7, tuple(map(float, range(10))))
    layout = CardLayout(30, 19, 1, 1, (28, 14), "below")
    bars = [text.strip("│") for text in texts_of(digit, layout)[-4:-1]]
    assert [(bar[0], bar[-4:].strip()) for bar in bars] == [("9", "63%"), ("8", "23%"), ("7", "9%")]
    beside = CardLayout(40, 16, 1, 1, (28, 14), "beside")
    lines = texts_of(digit, beside, style_of(all_classes=True))
    found = [line[29:].strip("│ ")[0] for line in lines[1:-1] if "%" in line]
    assert found == [str(number) for number in range(10)]


def test_as_many_bars_as_fit_are_the_most_probable():
    names = tuple(f"c{number}" for number in range(47))
    digit = Digit(0, bytes(784), 7, tuple(map(float, range(47))), class_names=names)
    layout = arranged(80, 18, names=names, all_classes=True, is_large=True)
    texts = texts_of(digit, layout, style_of(all_classes=True))
    shown = re.findall(r"\bc[0-9]+", " ".join(texts[1:-1]))
    assert len(shown) == layout.most_bars > 20
    assert set(shown) == set(names[-layout.most_bars :])
    assert texts[1].split("c", 1)[1].startswith("46")


def test_names_in_the_title_are_shortened():
    names = ("Ankle boot", "Sneaker", "Pullover", "T-shirt/top")
    small = CardLayout(20, 9, 1, 1, (14, 7))
    assert texts_of(certain(0, names=names), small)[0] == "╭ ✗ T-sh…, is Ank… ╮"


def test_border_shows_wrong_and_selected():
    layout = CardLayout(30, 19, 1, 1, (28, 14), "below")

    def border(label, **more):
        corner = draw_card(certain(label), layout, style_of(), **more)[0][0]
        return corner.style.meta["name"]

    assert [border(3), border(5), border(None)] == ["line", "wrong", "line"]
    assert border(5, is_selected=True) == "focus"


@pytest.mark.parametrize("width", [16, 30])
def test_unlike_digits_have_a_sign(width):
    """In words in the border, so that no card becomes larger; it displaces other texts there."""
    layout = CardLayout(width, 19, 1, 1, (14, 7))
    sign = "! unlike a dig" if width == 16 else "! unlike a digit"
    marked = texts_of(certain(3, is_unlike=True), layout, note="note")
    assert sign in marked[-1]
    plain = texts_of(certain(3), layout)
    assert "100% sure" in plain[-1]
    assert not any("!" in line for line in plain)
