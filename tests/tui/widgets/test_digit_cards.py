"""The cards of digits."""

import pytest
from rich.style import Style

from core.responses import Digit
from tui.widgets.digit_cards import COMPACT, LARGE, SMALL, TALL, CardStyle

STYLES = {name: Style() for name in ("ink", "quiet", "right", "wrong", "doubt")}


@pytest.mark.parametrize("card", [SMALL, TALL, LARGE, COMPACT])
@pytest.mark.parametrize("label", [3, 5, None])
def test_cards_keep_their_width(card, label):
    """A wrong prediction at 100% is the longest text; wider than its card, its end is cut off."""
    certain = tuple(99.0 if number == 3 else 0.0 for number in range(10))
    digit = Digit(index=9999, pixels=bytes(784), label=label, logits=certain)
    lines = card.draw(digit, None, CardStyle(1.0, "ramp", False, STYLES))
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert len(texts) <= card.height
    assert max(map(len, texts)) <= card.width
    if card is SMALL:
        assert texts[-1] == {3: "✓ 3 100%", 5: "✗3 true 5 100%", None: "✗ 3 100%"}[label]


@pytest.mark.parametrize("card", [SMALL, TALL, LARGE, COMPACT])
def test_unlike_digits_have_a_sign(card):
    """In words, and in place of the empty margin, so that no card becomes larger."""
    style = CardStyle(1.0, "ramp", False, STYLES)

    def texts(is_unlike):
        digit = Digit(7, bytes(784), 3, tuple(map(float, range(10))), is_unlike)
        lines = card.draw(digit, None, style)
        return ["".join(segment.text for segment in line) for line in lines]

    marked, plain = texts(True), texts(False)
    sign = "! unlike a digit" if card is LARGE else "! unlike digit"
    assert sum(sign in line for line in marked) == 1
    assert list(map(len, marked)) == list(map(len, plain))
    assert plain == texts(None)
    assert not any("!" in line for line in plain)
