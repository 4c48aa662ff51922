"""What the network gets of a drawing, in greys, with the probabilities of the classes beside it."""

from __future__ import annotations

from dataclasses import replace

from rich.segment import Segment
from textual.reactive import var

from core.digit import Digit
from tui.analysis.answer_words import describe_answer
from tui.preferences import Preferences
from tui.state.drawing_answers import DrawingAnswer
from tui.widgets.canvas import Canvas, StyledLine
from tui.widgets.cards.card import CardStyle, bar_lines, card_style, image_lines, join
from tui.widgets.cards.card_layout import IMAGES, LARGE
from tui.widgets.drawing.pace import Pace

SEEN = ("temperature", "digit_style", "ascii", "slow")  # preferences
LEAST_BARS, GAP = 13, 1  # columns of the bars, and between them and the image
MOST_BARS = 10  # the classes that have a bar; of more the most probable ones
PREPARED, DRAWN = "scaled and centred", "as drawn"
# Between two images; the bars of the answer follow each one. All at once took 15% of the speed of
# training, most of it for the images.
PICTURE_SECONDS = 0.5


class AnswerPicture(Canvas):
    """The image that was asked about; where there is room, both, as prepared and as drawn."""

    PICTURE = True
    COMPONENT_CLASSES = {f"digits--{name}" for name in ("ink", "quiet", "right", "wrong", "doubt")}

    preferences: var[Preferences] = var(Preferences, init=False)
    answer: var[DrawingAnswer | None] = var[DrawingAnswer | None](None, init=False)
    is_drawn: var[bool] = var(False, init=False)  # whether the drawing is shown as it is

    watch_answer = watch_is_drawn = Canvas.redraw

    def watch_preferences(self, before: Preferences, after: Preferences) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in SEEN):
            self.draw()

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(PICTURE_SECONDS, self.draw)
        self._pictured: DrawingAnswer | None = None  # whose image is shown

    @property
    def shows_both(self) -> bool:
        return self.size.height >= 2 * LARGE[1] + 2

    def draw(self) -> None:
        answer = self.answer
        if answer is None:
            self._pictured = None
            self.paint([])
            return
        if self._pace.is_due() or self._pictured is None:
            self._pictured = answer
        old = self._pictured
        # The ten probabilities are what this is about, whatever the cards of other views show.
        style = replace(card_style(self, self.preferences), all_classes=True)
        both = [(PREPARED, old.prepared, answer.prepared), (DRAWN, old.drawn, answer.drawn)]
        if self.is_drawn:
            both.reverse()
        both[1] = (*both[1][:2], both[1][1])  # what is not asked for is drawn with the images
        width, height = self.size
        if not self.shows_both:
            self.paint(_block(*both[0][1:], style, width, height))
            return
        lines: list[StyledLine] = []
        for number, (name, pictured, digit) in enumerate(both):
            shade = self.parts["ink" if number == 0 else "quiet"]
            words = describe_answer(digit, width - len(name) - 2)
            block = _block(pictured, digit, style, width, height // 2 - 1)
            blank: list[StyledLine] = [[]] * (height // 2 - 1 - len(block))
            lines += [[Segment(f"{name}: {words}", shade)], *block, *blank]
        self.paint(lines)


def _block(
    pictured: Digit, digit: Digit, style: CardStyle, width: int, height: int
) -> list[StyledLine]:
    """Return an image with the bars of a digit beside it, in at most width × height cells."""
    fitting = [each for each in IMAGES if each[0] + GAP + LEAST_BARS <= width and each[1] <= height]
    columns, rows = next(iter(fitting), IMAGES[-1])
    classes, most = len(digit.logits), min(MOST_BARS, height)
    bars = bar_lines(digit, style, width - columns - GAP, most=0 if classes <= most else most)
    above: list[StyledLine] = [[]] * max(0, (rows - len(bars)) // 2)
    image = image_lines(pictured, columns, rows, style)
    return join([image, [*above, *bars]], columns, GAP)[:height]
