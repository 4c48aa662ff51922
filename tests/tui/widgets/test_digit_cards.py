"""The cards of digits."""

import pytest
from rich.style import Style

from core.responses import Digit
from tui.widgets.digit_cards import COMPACT, LARGE, SMALL, TALL, CardStyle

STYLES = {name: Style() for name in ("ink", "quiet", "right", "wrong")}


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
